//! Commands that nobody types: their order, their failures, their exit codes,
//! and what they print.

use std::fs;

use ukdbg_tests::{Tool, Ukdbg, available, kernel_image};

use super::{answer, answers, documents, on_kernel, parsed, with};

fn on_image(commands: &[&str]) -> Ukdbg {
    let endpoint = format!("image:{}", kernel_image().display());
    with(Ukdbg::new(["attach", &endpoint, "--batch"]), commands)
}

#[test]
fn the_first_failure_ends_a_batch() {
    let finished = on_image(&["echo one\\n", "frobnicate", "echo two\\n"]).run();
    assert_eq!(finished.code, Some(2), "{finished}");
    assert_eq!(finished.stdout, "one\n", "{finished}");
    let told: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(
        told[..3],
        [
            "ukdbg: there is no command `frobnicate`",
            "    frobnicate",
            "    ^^^^^^^^^^"
        ],
        "{finished}"
    );
    let finished = on_image(&["echo one\\n", "p 6 * 7"]).run();
    assert_eq!(finished.code, Some(0), "{finished}");
    assert_eq!(finished.stdout, "one\n$1 = 42\n", "{finished}");
}

#[test]
fn files_and_commands_come_in_their_order() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let outer = folder.path().join("outer");
    let inner = folder.path().join("inner");
    fs::write(&inner, "echo inner\\n\n").expect("a file");
    fs::write(
        &outer,
        format!(
            "# what follows is carried out\n\necho outer\\n\nsource {}\n",
            inner.display()
        ),
    )
    .expect("a file");
    let finished = on_image(&["echo first\\n"])
        .and(["-x"])
        .and([&outer])
        .and(["-e", "echo last\\n"])
        .run();
    assert_eq!(finished.code, Some(0), "{finished}");
    assert_eq!(finished.stdout, "first\nouter\ninner\nlast\n", "{finished}");
    // A file that carries itself out ends, and so does one that is not there.
    fs::write(&inner, format!("source {}\n", inner.display())).expect("a file");
    let finished = on_image(&[]).and(["-x"]).and([&inner]).run();
    assert_eq!(finished.code, Some(2), "{finished}");
    let finished = on_image(&[]).and(["-x", "/nowhere"]).run();
    assert_eq!(finished.code, Some(2), "{finished}");
    assert!(finished.stderr.contains("/nowhere"), "{finished}");
}

#[test]
fn standard_input_is_read_line_by_line() {
    let endpoint = format!("image:{}", kernel_image().display());
    let ask = |text: &str| {
        Ukdbg::new(["attach", &endpoint, "--repl"])
            .reading(text)
            .run()
    };
    let finished = ask("p 1 + 1\nnonsense\n\np $ + 1");
    // All of it is carried out, and the exit code tells.
    assert_eq!(finished.code, Some(2), "{finished}");
    assert_eq!(finished.stdout, "$1 = 2\n$2 = 3\n", "{finished}");
    let finished = ask("p 1\nquit\np 2\n");
    assert_eq!(finished.code, Some(0), "{finished}");
    assert_eq!(finished.stdout, "$1 = 1\n", "{finished}");
    assert_eq!(ask("").code, Some(0));
}

#[test]
fn errors_are_documents_too() {
    let finished = on_image(&["p 1 +", "p 2"]).and(["--json"]).run();
    assert_eq!(finished.code, Some(2), "{finished}");
    let documents = parsed(&finished);
    assert_eq!(documents.len(), 1, "{finished}");
    assert_eq!(documents[0]["schema"], "ukdbg.error/1");
    assert_eq!(documents[0]["command"], "p 1 +");
    let documents = parsed(&on_image(&["delete x y"]).and(["--json"]).run());
    assert_eq!(documents[0]["column"], 7, "{documents:#?}");
}

#[test]
fn breakpoints_have_commands_and_messages() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let script = [
        "b Book::cross",
        "commands",
        "silent",
        "p taker.price",
        "c",
        "end",
        "tb Engine::submit",
        "c",
        "logpoint Engine::submit, {order.price} comes",
        "ignore 3 1",
        "tb Engine::submit",
        "c",
    ];
    let documents = documents(on_kernel(&script), 0);
    let stops = documents.iter().filter(|it| it["schema"] == "ukdbg.stop/1");
    let reached: Vec<_> = stops.map(|it| it["causes"][0]["number"].as_u64()).collect();
    // The first breakpoint speaks, and goes on in silence.
    assert_eq!(reached, [Some(2), Some(4)], "{documents:#?}");
    let price = answer(&documents, "p taker.price")["text"].as_str();
    assert!(price.is_some_and(|price| price.parse::<u64>().is_ok()));
    let logged = |it: &&serde_json::Value| it["event"] == "logged";
    assert_eq!(
        documents.iter().filter(logged).count(),
        0,
        "it was ignored once"
    );
    let script = [
        "logpoint Engine::submit, {order.price} comes",
        "tb Book::cross",
        "c",
    ];
    let finished = on_kernel(&script).run();
    assert_eq!(finished.code, Some(0), "{finished}");
    let line = finished
        .stdout
        .lines()
        .find(|line| line.ends_with(" comes"));
    assert!(line.is_some(), "{finished}");
}

#[test]
fn a_limit_ends_the_wait_for_a_stop() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let ukdbg = Ukdbg::new([
        "run",
        "--batch",
        "--timeout",
        "300ms",
        "--append",
        "count=1000000000",
    ])
    .and([kernel_image()]);
    let documents = documents(with(ukdbg, &["c", "echo not this\\n"]), 5);
    let [stop, error] = answers(&documents, "c")[..] else {
        panic!("{documents:#?}");
    };
    assert_eq!(stop["causes"][0]["kind"], "interrupted", "{stop:#}");
    assert_eq!(error["schema"], "ukdbg.error/1", "{error:#}");
    assert_eq!(documents.len(), 2, "{documents:#?}");
}

#[test]
fn a_guest_that_ends_and_one_that_faults() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let run = |append: &str, commands: &[&str]| {
        let ukdbg = Ukdbg::new(["run", "--batch", "--timeout", "30s", "--append", append])
            .and([kernel_image()]);
        with(ukdbg, commands)
    };
    let finished = run("count=10", &["c"]).run();
    assert_eq!(finished.code, Some(0), "{finished}");
    assert!(
        finished.stdout.contains("the guest ended with status 0"),
        "{finished}"
    );
    let ended = documents(run("count=10", &["c", "c"]), 2);
    assert_eq!(
        ended.last().map(|it| &it["error"]),
        Some(&"the machine has ended".into())
    );
    let faulted = documents(run("fault=null-field", &["c", "report", "bt"]), 0);
    let stop = answer(&faulted, "c");
    assert_eq!(stop["causes"][0]["kind"], "fault", "{stop:#}");
    assert_eq!(answer(&faulted, "report")["schema"], "ukdbg.report/1");
}
