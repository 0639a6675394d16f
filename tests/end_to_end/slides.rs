//! Two images that both lie elsewhere than they were linked: a kernel that
//! moves itself at random, and an application that it calls. Every command
//! says the same of them on the machine and on its core.

use std::path::Path;

use serde_json::Value;
use ukdbg_tests::{
    APPLICATION_AT, BuiltGuest, Ending, GuestShape, Layout, Qemu, SeenFrame, Tool, Traps, Ukdbg,
    application, available,
};

struct Guests {
    kernel: BuiltGuest,
    application: BuiltGuest,
    machine: Qemu,
}

impl Guests {
    /// Paused in the application.
    fn boot() -> Option<Self> {
        if !available(&[Tool::Gcc, Tool::Qemu]) {
            return None;
        }
        let shape = GuestShape {
            layout: Layout::Sliding,
            traps: Traps::Handlers,
            ending: Ending::Application,
            ..GuestShape::default()
        };
        let (kernel, application) = (shape.build(), application());
        let loaded = application.image.display();
        let loader = format!("loader,file={loaded},addr={APPLICATION_AT:#x},force-raw=on");
        let machine = Qemu::boot(&kernel.image, &["-device", &loader]);
        machine.wait_for_console("!");
        machine.pause();
        Some(Self {
            kernel,
            application,
            machine,
        })
    }

    fn endpoint(&self) -> String {
        format!("unix:{}", self.machine.gdb_socket().display())
    }

    fn ask(&self, command: &str, endpoint: &str, rest: &[&str]) -> Ukdbg {
        Ukdbg::new([command, endpoint])
            .and(rest)
            .and(["--image"])
            .and([&self.kernel.image])
            .and(["--symbols"])
            .and([&self.application.image])
    }

    #[track_caller]
    fn text(&self, command: &str, endpoint: &str, rest: &[&str]) -> String {
        let run = self.ask(command, endpoint, rest).run();
        assert_eq!(run.code, Some(0), "{command} {rest:?}: {run}");
        run.stdout
    }
}

fn names(document: &Value) -> Vec<String> {
    let frames = SeenFrame::from_json(document);
    frames.into_iter().map(|frame| frame.function).collect()
}

/// A number that is printed.
fn number(text: &str) -> u64 {
    let digits = text.split("0x").nth(1).expect("a number");
    let end = digits.find(|c: char| !c.is_ascii_hexdigit());
    u64::from_str_radix(&digits[..end.unwrap_or(digits.len())], 16).expect("a number")
}

#[test]
fn a_kernel_and_an_application() {
    let Some(guests) = Guests::boot() else {
        return;
    };
    let machine = guests.endpoint();
    let core = guests.machine.path("core");
    let dumped = guests
        .ask("dump", &machine, &["-o", &core.display().to_string()])
        .run();
    assert_eq!(dumped.code, Some(0), "{dumped}");
    for endpoint in [&machine, &format!("core:{}", core.display())] {
        whole_stack(&guests, endpoint);
        both_by_name(&guests, endpoint);
    }
}

/// Both parts of the stack, each with its lines, and what moved is said.
fn whole_stack(guests: &Guests, endpoint: &str) {
    let document = guests.ask("bt", endpoint, &[]).json(0);
    let names = names(&document["backtraces"][0]);
    let from = names.iter().position(|name| name == "serve_all");
    let from = from.unwrap_or_else(|| panic!("{document:#}"));
    let expected = [
        "serve_all",
        "application_entry",
        "settle",
        "match",
        "best_level",
        "route",
        "submit",
        "replay",
        "guest_main",
        "guest_entry",
    ];
    assert_eq!(names[from..], expected, "{document:#}");
    let said = guests.ask("bt", endpoint, &[]).run();
    let moved = said.stderr.matches(" from where it was linked").count();
    assert_eq!(moved, 2, "{said}");
    let application = format!("application.elf runs at +{APPLICATION_AT:#x} ");
    assert!(said.stderr.contains(&application), "{said}");
    let report = guests.ask("report", endpoint, &[]).run();
    assert_eq!(report.code, Some(0), "{report}");
    for text in ["serve_all", "guest_main"] {
        assert!(report.stdout.contains(text), "no {text:?}: {report}");
    }
    // Addresses of an image are where it was linked.
    let application = guests.application.image.display();
    // In the function or in the one that it calls again and again.
    let graph = format!("ukdbg cfg {application} serve");
    assert!(report.stdout.contains(&graph), "{report}");
    assert!(report.stdout.contains(" --at 0x10"), "{report}");
}

/// A function and a variable of each.
fn both_by_name(guests: &Guests, endpoint: &str) {
    let text = |command: &str, rest: &[&str]| guests.text(command, endpoint, rest);
    for (function, variable, image) in [
        ("settle", "book", &guests.kernel.image),
        ("serve", "served", &guests.application.image),
    ] {
        let file = Path::new(image).file_name().expect("a name");
        let file = file.to_str().expect("UTF-8");
        for (name, kind) in [(function, "(code)"), (&*format!("&{variable}"), "")] {
            let whois = text("whois", &[name]);
            let plain = name.trim_start_matches('&');
            for text in [plain, kind, file] {
                assert!(whois.contains(text), "no {text:?}: {whois}");
            }
        }
        let code = text("disas", &[function]);
        let at = number(&text("print", &[function]));
        assert!(code.contains(&format!(" {at:#x} ")), "{at:#x}: {code}");
        let lines = text("list", &[function]);
        assert!(lines.contains(&format!("{function}(")), "{lines}");
        let memory = text("x/1gx", &[&format!("&{variable}")]);
        assert!(memory.contains(&format!("<{variable}>:")), "{memory}");
    }
    assert_eq!(text("print", &["book[0].price"]).trim_end(), "100");
    let served = text("print", &["served"]);
    let served: u64 = served.trim_end().parse().expect("a number");
    assert!(served > 0, "{served}");
}
