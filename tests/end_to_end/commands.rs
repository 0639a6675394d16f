//! The other commands, and the ways to reach a machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use ukdbg_tests::{
    BuiltGuest, DEADLINE, GuestShape, Qemu, Running, SeenFrame, Tool, Ukdbg, available,
    compare_frames, kernel_image, line_of, sample_kernel_sources,
};

use crate::chain::chain;

fn spinning() -> Option<(BuiltGuest, Qemu)> {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return None;
    }
    let built = GuestShape::default().build();
    let guest = Qemu::boot(&built.image, &[]);
    guest.wait_for_console("!");
    Some((built, guest))
}

fn faulted(fault: &str) -> Option<Qemu> {
    if !available(&[Tool::Qemu]) {
        return None;
    }
    let guest = Qemu::boot(kernel_image(), &["-append", &format!("fault={fault}")]);
    guest.wait_for_console("fault: ");
    guest.wait_until_at_rest();
    Some(guest)
}

fn unix(socket: &Path) -> String {
    format!("unix:{}", socket.display())
}

#[track_caller]
fn expect_chain(document: &Value) {
    let seen = SeenFrame::from_json(&document["backtraces"][0]);
    let compared = compare_frames(&seen, &chain(GuestShape::default()));
    compared.unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn a_graph_that_dot_accepts() {
    if !available(&[Tool::Dot]) {
        return;
    }
    let run = Ukdbg::new(["cfg"])
        .and([kernel_image()])
        .and(["Book::cross", "--format", "dot"])
        .run();
    assert_eq!(run.code, Some(0), "{run}");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let graph = folder.path().join("graph.dot");
    fs::write(&graph, &run.stdout).expect("a file");
    let mut dot = Command::new(Tool::Dot.command());
    let dot = Running::start(dot.arg("-Tsvg").arg(&graph)).finish(Instant::now(), DEADLINE);
    assert_eq!(dot.code, Some(0), "{dot}");
    assert!(dot.stderr.is_empty(), "{dot}");
    assert!(dot.stdout.contains("<svg"), "{dot}");
}

#[test]
fn events_of_a_faulted_kernel() {
    let Some(guest) = faulted("null-field") else {
        return;
    };
    let trace = Ukdbg::new(["trace", "list", &unix(&guest.gdb_socket()), "--image"])
        .and([kernel_image()])
        .json(0);
    let events = trace["events"].as_array().expect("a list");
    let names: Vec<_> = events
        .iter()
        .filter_map(|event| event["name"].as_str())
        .collect();
    for name in [
        "task.switch",
        "order.accepted",
        "order.matched",
        "heap.allocate",
        "heap.free",
    ] {
        assert!(names.contains(&name), "no {name} among {names:?}");
    }
    assert_eq!(names.last(), Some(&"fault"));
}

#[test]
fn a_report_on_a_machine_that_already_faulted() {
    let Some(guest) = faulted("use-after-free") else {
        return;
    };
    let report = Ukdbg::new(["report", &unix(&guest.gdb_socket()), "--image"])
        .and([kernel_image()])
        .json(0);
    assert_eq!(report["verdict"]["kind"], "use_after_free", "{report:#}");
}

#[test]
fn a_paused_machine_stays_paused() {
    let Some((built, guest)) = spinning() else {
        return;
    };
    guest.pause();
    let endpoint = unix(&guest.gdb_socket());
    expect_chain(
        &Ukdbg::new(["bt", &endpoint, "--image"])
            .and([&built.image])
            .json(0),
    );
    assert!(
        !guest.is_running(),
        "the guest was not left as it was found"
    );
}

#[test]
fn a_core_dump() {
    let Some((built, guest)) = spinning() else {
        return;
    };
    let dump = guest.path("core");
    guest.dump_memory(&dump);
    let endpoint = format!("core:{}", dump.display());
    expect_chain(
        &Ukdbg::new(["bt", &endpoint, "--image"])
            .and([&built.image])
            .json(0),
    );
}

#[test]
fn the_stub_and_the_monitor_together() {
    let Some((built, guest)) = spinning() else {
        return;
    };
    let gdb = unix(&guest.gdb_socket());
    let endpoint = format!("{gdb}+qmp:{}", guest.qmp_socket().display());
    expect_chain(
        &Ukdbg::new(["bt", &endpoint, "--image"])
            .and([&built.image])
            .json(0),
    );
    assert!(guest.is_running(), "the guest was not left as it was found");
}

/// What a user reads: verdict, source and backtrace, with relative paths, and
/// no escape sequences where no terminal is.
#[test]
fn the_report_as_text() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let run = Ukdbg::new(["run", "--batch", "--append", "fault=null-field"])
        .and([kernel_image()])
        .run();
    assert_eq!(run.code, Some(1), "{run}");
    let source = sample_kernel_sources().join("faults/null_field.rs");
    let line = line_of(&source, "order.remaining - quantity");
    let place = format!("sample-kernel/src/faults/null_field.rs:{line}");
    let absolute = source.display().to_string();
    for text in [
        &*place,
        "order.remaining - quantity",
        "remaining_after",
        "#PF",
    ] {
        assert!(run.stdout.contains(text), "no {text:?}: {run}");
    }
    assert!(!run.stdout.contains(&absolute), "{run}");
    assert!(!run.stdout.contains('\x1b'), "{run}");
}

/// What is asked wrongly is said in one line, with what to do, and with the
/// exit code that the README gives it.
#[test]
fn what_cannot_be_answered() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file");
        path.display().to_string()
    };
    let text = file("text", b"no ELF\n");
    // ELF32 for ARM, ELF64 for AArch64: class, order, version; type, machine.
    let of_machine = |class: u8, machine: u8| {
        let mut header = vec![0; 64];
        header[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1, 1]);
        (header[16], header[18], header[20]) = (2, machine, 1);
        header
    };
    let arm = file("arm", &of_machine(1, 40));
    let aarch64 = file("aarch64", &of_machine(2, 183));
    let missing = folder.path().join("missing").display().to_string();
    let kernel = kernel_image().display().to_string();
    let image = format!("image:{kernel}");
    let check = |arguments: &[&str], code: i32, expected: &[&str]| {
        let run = Ukdbg::new(arguments).run();
        assert_eq!(run.code, Some(code), "{arguments:?}: {run}");
        assert_eq!(run.stdout, "", "{arguments:?}");
        for text in expected {
            assert!(
                run.stderr.contains(text),
                "{arguments:?}: no {text:?}: {run}"
            );
        }
    };
    check(&["addr2line", "-e", &missing, "10"], 4, &["cannot read"]);
    check(&["symbols", &text], 4, &["not an ELF", "try: "]);
    check(&["symbols", &arm], 4, &["machine 0x28", "try: "]);
    check(&["symbols", &aarch64], 4, &["machine 0xb7", "try: "]);
    let near = ["`Book::cros`", "try: ", "Book::cross"];
    for command in ["disas", "list", "print", "x", "whois"] {
        check(&[command, &image, "Book::cros"], 2, &near);
    }
    for command in ["bt", "regs", "tables", "locals", "disas", "list"] {
        check(&[command, &image], 2, &["does not run", "try: "]);
    }
    let unnamed = ["neither a hexadecimal address", "ukdbg symbols"];
    check(&["addr2line", "-e", &kernel, "no_such"], 2, &unnamed);
    check(&["whois", &image, "0xzz"], 2, &["`0xzz`", "^^^^"]);
    check(&["disas", &image, "0"], 3, &["0x0"]);
    let past = ["book.rs has ", " lines, and no line 99999"];
    check(&["list", &image, "book.rs:99999"], 2, &past);
    let backward = "no lines from 20 to 10";
    check(&["list", &image, "book.rs:20,10"], 2, &[backward]);
    check(&["list", &image, "none.rs:1"], 2, &["is not here", "try: "]);
    let nothing = ["unix:/nonexistent", "try: "];
    check(
        &["bt", "unix:/nonexistent", "--image", &kernel],
        3,
        &nothing,
    );
    let no_endpoint = ["is no endpoint", "try: "];
    check(&["bt", "nonsense", "--image", &kernel], 2, &no_endpoint);
    check(&["bt", "unix:/nonexistent"], 2, &["which image", "try: "]);
}

/// Help that fits a terminal, with something to type.
#[test]
fn help_of_what_looks() {
    for command in [
        "addr2line",
        "symbols",
        "whois",
        "regs",
        "tables",
        "disas",
        "list",
        "bt",
        "x",
        "print",
        "locals",
    ] {
        for option in ["-h", "--help"] {
            let run = Ukdbg::new([command, option]).run();
            assert_eq!(run.code, Some(0), "{run}");
            let example = run.stdout.split("Example: ukdbg ").nth(1);
            let example = example.unwrap_or_else(|| panic!("no example: {run}"));
            assert!(example.starts_with(command), "{run}");
            let widest = run.stdout.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(100), "{run}");
        }
    }
}
