//! Looking at one thing: values, memory, addresses, registers, code, on the
//! sample kernel after a fault, on a dump of a foreign guest, and on images
//! that do not run.

use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use ukdbg_tests::{
    DEADLINE, Finished, GuestShape, Qemu, Running, Tool, Ukdbg, available, kernel_image,
};

/// The sample kernel after its use of an order that was released.
struct Faulted {
    guest: Qemu,
}

impl Faulted {
    fn boot() -> Option<Self> {
        if !available(&[Tool::Qemu]) {
            return None;
        }
        let guest = Qemu::boot(kernel_image(), &["-append", "fault=use-after-free"]);
        guest.wait_for_console("fault: ");
        guest.wait_until_at_rest();
        Some(Self { guest })
    }

    fn ask(&self, command: &str, rest: &[&str]) -> Ukdbg {
        let endpoint = format!("unix:{}", self.guest.gdb_socket().display());
        Ukdbg::new([command, &endpoint])
            .and(rest)
            .and(["--image"])
            .and([kernel_image()])
    }

    #[track_caller]
    fn text(&self, command: &str, rest: &[&str]) -> String {
        let run = self.ask(command, rest).run();
        assert_eq!(run.code, Some(0), "{command} {rest:?}: {run}");
        run.stdout
    }

    /// The number of the frame of a function.
    #[track_caller]
    fn frame(&self, function: &str) -> String {
        let document = self.ask("bt", &[]).json(0);
        let frames = document["backtraces"][0]["frames"].as_array();
        let wanted = |frame: &&Value| {
            let name = frame["function"]["demangled"].as_str();
            name.is_some_and(|name| name.ends_with(function))
        };
        let found = frames.and_then(|frames| frames.iter().find(wanted));
        let found = found.unwrap_or_else(|| panic!("no frame of {function}: {document:#}"));
        found["index"].to_string()
    }
}

#[track_caller]
fn on_kernel(command: &str, rest: &[&str]) -> Finished {
    let endpoint = format!("image:{}", kernel_image().display());
    Ukdbg::new([command, &endpoint]).and(rest).run()
}

#[test]
fn values_of_a_frame() {
    let Some(faulted) = Faulted::boot() else {
        return;
    };
    let frame = faulted.frame("Engine::submit");
    let print = |expression: &str| {
        let printed = faulted.text("print", &["--frame", &frame, expression]);
        printed.trim_end().to_owned()
    };
    let number = |expression: &str| print(expression).parse::<u64>().expect("a number");
    let price = number("order.price");
    assert_eq!(number("order.price * 2 + 1"), price * 2 + 1);
    assert_eq!(number("(*order).price"), price);
    assert_eq!(print(&format!("order.price == {price}")), "true");
    assert_eq!(print("order.price as u8"), (price & 0xff).to_string());
    let formatted = faulted.text("p/x", &["--frame", &frame, "order.price"]);
    assert_eq!(formatted.trim_end(), format!("{price:#x}"));
    let whole = print("order");
    assert!(whole.contains(&format!("price: {price}")), "{whole}");
    let document = faulted
        .ask("print", &["--frame", &frame, "order.price"])
        .json(0);
    assert_eq!(document["schema"], "ukdbg.print/1", "{document:#}");
    assert_eq!(document["value"]["value"], price, "{document:#}");
    assert_eq!(document["type"], "u64", "{document:#}");
    let locals = faulted.ask("locals", &["--all"]).json(0);
    let frames = locals["frames"].as_array().expect("a list");
    let named = |name: &str| {
        frames.iter().any(|frame| {
            let variables = frame["variables"].as_array();
            variables.is_some_and(|all| all.iter().any(|variable| variable["name"] == name))
        })
    };
    assert!(named("order") && named("quantity"), "{locals:#}");
}

#[test]
fn what_addresses_are() {
    let Some(faulted) = Faulted::boot() else {
        return;
    };
    let frame = faulted.frame("unfilled");
    let freed = faulted
        .ask("whois", &["--frame", &frame, "&order.remaining"])
        .json(0);
    assert_eq!(freed["schema"], "ukdbg.whois/1", "{freed:#}");
    assert_eq!(
        freed["description"]["kind"]["kind"], "freed_block",
        "{freed:#}"
    );
    for who in ["allocated_by", "freed_by"] {
        let callers = freed[who].as_array().expect("a list");
        let commit = callers.iter().any(|caller| {
            let name = caller["function"].as_str();
            name.is_some_and(|name| name.ends_with("use_after_free::commit"))
        });
        assert!(commit, "{freed:#}");
    }
    assert_eq!(freed["walk"]["outcome"]["kind"], "not_present", "{freed:#}");
    let stack = faulted.ask("whois", &["rsp"]).json(0);
    assert_eq!(stack["description"]["kind"]["kind"], "stack", "{stack:#}");
    assert_eq!(stack["walk"]["outcome"]["kind"], "mapped", "{stack:#}");
    assert!(stack["frame"]["frame"].is_number(), "{stack:#}");
    let returns = faulted.text("whois", &["rbp + 8"]);
    assert!(returns.contains("the return address of #"), "{returns}");
    let tables = faulted.text("tables", &[]);
    for text in ["#PF", " IST1", "stack of `"] {
        assert!(tables.contains(text), "no {text:?}: {tables}");
    }
    let code = faulted.text("whois", &["rip"]);
    assert!(code.contains("(code)") && code.contains("PTE"), "{code}");
}

#[test]
fn memory_and_registers() {
    let Some(faulted) = Faulted::boot() else {
        return;
    };
    let registers = faulted.ask("regs", &[]).json(0);
    let register = |name: &str| {
        let all = registers["registers"].as_array().expect("a list");
        let found = all.iter().find(|register| register["register"] == name);
        found
            .and_then(|found| found["value"].as_str())
            .expect("a value")
            .to_owned()
    };
    let stack = faulted.text("x/4gx", &["rsp"]);
    assert!(stack.starts_with(&register("rsp")), "{stack}");
    let units = stack.lines().map(|line| line.matches("\t0x").count());
    assert_eq!(units.sum::<usize>(), 4, "{stack}");
    let saved = faulted.text("print", &["rbp + 8"]);
    assert!(saved.starts_with("0x"), "{saved}");
    let code = faulted.text("x/3i", &["rip"]);
    assert_eq!(code.lines().count(), 3, "{code}");
    let text = faulted.text("regs", &["--all"]);
    for name in ["rax", "rflags", "cs", "cr3", "efer"] {
        let line = text.lines().find(|line| line.starts_with(name));
        assert!(
            line.is_some_and(|line| line.contains("0x")),
            "{name}: {text}"
        );
    }
    let frame = faulted.frame("unfilled");
    let code = faulted.text("disas", &["--frame", &frame, "--source"]);
    let marked: Vec<&str> = code.lines().filter(|line| line.starts_with("=>")).collect();
    assert_eq!(marked.len(), 1, "{code}");
    assert!(code.contains("use_after_free.rs:"), "{code}");
    let lines = faulted.text("list", &["--frame", &frame]);
    assert!(lines.contains("(*order).remaining"), "{lines}");
}

#[test]
fn what_is_wrong_with_an_expression_is_pointed_at() {
    let Some(faulted) = Faulted::boot() else {
        return;
    };
    let frame = faulted.frame("Engine::submit");
    let check = |expression: &str, texts: &[&str]| {
        let run = faulted.ask("print", &["--frame", &frame, expression]).run();
        assert_eq!(run.code, Some(2), "{run}");
        for text in texts {
            assert!(run.stderr.contains(text), "no {text:?}: {run}");
        }
    };
    check(
        "1 + order.pric",
        &["no field `pric`", "\n        ^^^^^^^^^^\n", "price"],
    );
    check(
        "1 + nothing_like_it",
        &["no variable", "\n        ^^^^^^^^^^^^^^^\n"],
    );
    check(
        "order.price +",
        &["expected a value", "\n                 ^\n"],
    );
    let run = faulted.ask("print", &["--frame", "9999", "order"]).run();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("no frame 9999"), "{run}");
}

#[test]
fn an_image_that_does_not_run() {
    let address = |expression: &str| {
        let run = on_kernel("print", &[expression]);
        assert_eq!(run.code, Some(0), "{run}");
        run.stdout
    };
    assert!(address("Book::cross").contains("Book::cross"));
    let whois = on_kernel("whois", &["Book::cross"]);
    assert!(whois.stdout.contains("book.rs:"), "{whois}");
    let code = on_kernel("disas", &["Book::cross", "--att"]);
    assert!(code.stdout.contains("push %rbp"), "{code}");
    let source = on_kernel("list", &["Book::cross"]);
    assert!(source.stdout.contains("fn cross"), "{source}");
    let source = on_kernel("list", &["engine/book.rs:10", "-c", "1"]);
    assert!(source.stdout.contains("> 10 |"), "{source}");
    let source = on_kernel("list", &["engine/book.rs:10,12"]);
    let numbers = source.stdout.lines().filter(|line| line.contains(" |"));
    assert_eq!(numbers.count(), 3, "{source}");
    let bytes = on_kernel("disas/rs", &["Book::cross"]);
    assert!(bytes.stdout.contains("book.rs:"), "{bytes}");
    let wrong = on_kernel("disas/q", &["Book::cross"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
    let ring = on_kernel("x/1gx", &["&RINGS"]);
    assert!(ring.stdout.contains("RINGS>:\t0x"), "{ring}");
    for (command, rest) in [
        ("regs", &[][..]),
        ("locals", &[]),
        ("bt", &[]),
        ("print", &["rax"]),
    ] {
        let run = on_kernel(command, rest);
        assert_eq!(run.code, Some(2), "{command}: {run}");
        assert!(run.stderr.contains("does not run"), "{command}: {run}");
    }
    let unreadable = on_kernel("x", &["0"]);
    assert_eq!(unreadable.code, Some(3), "{unreadable}");
}

#[test]
fn a_dump_of_a_foreign_guest() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let built = GuestShape::default().build();
    let guest = Qemu::boot(&built.image, &[]);
    guest.wait_for_console("!");
    let dump = guest.path("core");
    guest.dump_memory(&dump);
    let endpoint = format!("core:{}", dump.display());
    let ask = |command: &str, rest: &[&str]| {
        let run = Ukdbg::new([command, &endpoint])
            .and(rest)
            .and(["--image"])
            .and([&built.image])
            .run();
        assert_eq!(run.code, Some(0), "{command} {rest:?}: {run}");
        run.stdout
    };
    assert!(ask("whois", &["rip"]).contains("(code)"));
    assert!(ask("x/2i", &["$pc"]).contains("0x"));
    assert!(ask("disas", &[]).contains("=>"));
    assert!(ask("regs", &[]).contains("rsp"));
    let _ = ask("locals", &["--all"]);
}

#[test]
fn symbols_of_an_image() {
    let list = |rest: &[&str]| {
        let run = Ukdbg::new(["symbols"])
            .and([kernel_image()])
            .and(rest)
            .run();
        assert_eq!(run.code, Some(0), "{run}");
        run.stdout
    };
    let found = list(&["*::Book::cross"]);
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.contains(" function "), "{found}");
    let sizes = list(&["--sort", "size", "--limit", "3"]);
    let sizes: Vec<u64> = sizes
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1)?.parse().ok())
        .collect();
    assert!(
        sizes.len() == 3 && sizes.is_sorted_by(|a, b| a >= b),
        "{sizes:?}"
    );
    let none = Ukdbg::new(["symbols"])
        .and([kernel_image()])
        .and(["Book::cros_"])
        .run();
    assert_eq!(none.code, Some(2), "{none}");
    let document = Ukdbg::new(["symbols"])
        .and([kernel_image()])
        .and(["Book::cross"])
        .json(0);
    assert_eq!(document["schema"], "ukdbg.symbols/1", "{document:#}");
}

/// Every option, against the usual tool where it is installed.
#[test]
fn addresses_to_lines_as_gnu_has_them() {
    let document = Ukdbg::new(["symbols"])
        .and([kernel_image()])
        .and(["Book::"])
        .json(0);
    let mut addresses: Vec<String> = document["symbols"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|symbol| symbol["kind"] == "function")
        .filter_map(|symbol| symbol["address"].as_str().map(ToOwned::to_owned))
        .collect();
    addresses.push("0x10".to_owned());
    assert!(addresses.len() > 2, "{document:#}");
    for options in ["-f", "-fC", "-i", "-fi", "-a", "-afipsC", "-s", "-p"] {
        let ours = Ukdbg::new(["addr2line", options, "-e"])
            .and([kernel_image()])
            .and(&addresses)
            .run();
        assert_eq!(ours.code, Some(0), "{ours}");
        let Ok(_) = Command::new("addr2line").arg("--version").output() else {
            continue;
        };
        let mut theirs = Command::new("addr2line");
        theirs
            .arg(options)
            .arg("-e")
            .arg(kernel_image())
            .args(&addresses);
        let theirs = Running::start(&mut theirs).finish(Instant::now(), DEADLINE);
        // The image's compiler gives columns, not discriminators; GNU demangles
        // generic arguments in another way.
        let plain = |text: &str| {
            let lines = text
                .lines()
                .map(|line| match line.split_once(" (discriminator") {
                    Some((before, _)) => before.to_owned(),
                    None => line.to_owned(),
                });
            lines.collect::<Vec<_>>()
        };
        assert_eq!(plain(&ours.stdout), plain(&theirs.stdout), "{options}");
    }
    let in_section = |section: &str, address: &str| {
        let run = Ukdbg::new(["addr2line", "-f", "-j", section, "-e"])
            .and([kernel_image()])
            .and([address])
            .run();
        assert_eq!(run.code, Some(0), "{run}");
        run.stdout
    };
    // A name means the same function wherever addresses count from.
    assert_eq!(
        in_section(".text", "Book::cross"),
        in_section(".rodata", "Book::cross")
    );
    let wrong = Ukdbg::new(["addr2line", "-j", ".nothing", "-e"])
        .and([kernel_image()])
        .and(["0"])
        .run();
    assert_eq!(wrong.code, Some(2), "{wrong}");
    let unknown = Ukdbg::new(["addr2line", "-f"])
        .and([kernel_image()])
        .and(["10"])
        .run();
    assert_eq!(unknown.stdout, "??\n??:0\n", "{unknown}");
}
