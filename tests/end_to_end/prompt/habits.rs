//! What GDB's users type without thinking, on a C guest that has never heard
//! of us, over QEMU's stub, and on the sample kernel over its own.

use serde_json::Value;
use ukdbg_tests::{
    BuiltGuest, Ending, GuestShape, Qemu, Tool, Ukdbg, available, guest_sources, kernel_image,
    line_of,
};

use super::{answer, answers, documents, with};

/// A C guest held before its first instruction.
struct Held {
    guest: BuiltGuest,
    machine: Qemu,
}

impl Held {
    fn boot() -> Option<Self> {
        if !available(&[Tool::Gcc, Tool::Qemu]) {
            return None;
        }
        let guest = GuestShape {
            ending: Ending::Spin,
            optimization: "-O0",
            ..GuestShape::default()
        }
        .build();
        let machine = Qemu::boot_held(&guest.image, &[]);
        Some(Self { guest, machine })
    }

    fn attach(&self, commands: &[&str]) -> Ukdbg {
        let endpoint = format!("unix:{}", self.machine.gdb_socket().display());
        let ukdbg = Ukdbg::new([
            "attach",
            &endpoint,
            "--batch",
            "--timeout",
            "30s",
            "--image",
        ])
        .and([&self.guest.image]);
        with(ukdbg, commands)
    }
}

fn line(text: &str) -> u64 {
    line_of(&guest_sources().join("orders.c"), text)
}

fn stopped_at(document: &Value, function: &str, line: u64) {
    assert_eq!(document["schema"], "ukdbg.stop/1", "{document:#}");
    let frame = &document["frame"];
    assert_eq!(frame["function"]["demangled"], function, "{document:#}");
    assert_eq!(frame["location"]["line"], line, "{document:#}");
}

#[test]
fn what_gdbs_users_type() {
    let Some(held) = Held::boot() else { return };
    let place = format!(
        "b orders.c:{} if order->id == 40",
        line("/* frame: match */")
    );
    let documents = documents(
        held.attach(&[
            "tb guest_main",
            "c",
            &place,
            "i b",
            "c",
            "bt 3",
            "p/x depth",
            "up",
            "info reg rip",
            "p side",
            "down",
            "p order->price * 2",
            "p $1",
            "p $$2",
            "p $ + 1",
            "p order->venue",
            "p *order",
            "p book[0]@2",
            "p $[1].price",
            "set var order->price = 7",
            "p order->price",
            "p order->price = 100",
            "p book[0].price",
            "x/2gx $rsp",
            "x/2i $pc",
            "x",
            "watch order->quantity",
            "d 3",
            "s",
            "bt 1",
        ]),
        0,
    );
    let get = |command: &str| answer(&documents, command);
    let text = |command: &str| get(command)["text"].as_str().expect("a text");
    let reached = answers(&documents, "c");
    let reached = reached.last().expect("a stop");
    stopped_at(reached, "match", line("/* frame: match */"));
    assert_eq!(
        get("bt 3")["backtraces"][0]["frames"][2]["function"]["demangled"],
        "route"
    );
    assert_eq!(text("p/x depth"), "0x14");
    assert_eq!(text("p side"), "2");
    assert_eq!(text("p order->price * 2"), "200");
    // What was printed keeps its number.
    assert_eq!(get("p order->price * 2")["number"], 3);
    assert_eq!(text("p $1"), "20");
    assert_eq!(
        text("p $ + 1"),
        text("p $$2")
            .parse::<u64>()
            .map(|it| it + 1)
            .expect("a number")
            .to_string()
    );
    assert!(text("p *order").contains("price: 100") || text("p *order").contains("price = 100"));
    assert_eq!(text("p order->price"), "7");
    assert_eq!(text("p book[0].price"), "100");
    assert_eq!(
        get("x/2gx $rsp")["rows"][0]["units"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    stopped_at(get("s"), "settle", line("u64 total = (u64)order->price"));
}

#[test]
fn a_machine_is_left_as_it_was_found() {
    let Some(held) = Held::boot() else { return };
    // Held before, held after, with the breakpoints gone.
    documents(held.attach(&["b settle", "c", "quit"]), 0);
    assert!(!held.machine.is_running());
    documents(held.attach(&["detach"]), 0);
    held.machine.wait_for_console("guest started");
    assert!(held.machine.is_running());
    documents(held.attach(&["bt"]), 0);
    assert!(held.machine.is_running());
}

#[test]
fn the_stub_in_the_guest() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let guest = Qemu::boot(kernel_image(), &["-append", "wait-gdb count=20000"]);
    guest.wait_for_console("waiting");
    let endpoint = format!("serial:{}", guest.second_serial_socket().display());
    let ukdbg = Ukdbg::new([
        "attach",
        &endpoint,
        "--batch",
        "--timeout",
        "30s",
        "--image",
    ])
    .and([kernel_image()]);
    let documents = documents(
        with(
            ukdbg,
            &[
                "b Book::cross",
                "c",
                "bt 2",
                "p taker.price",
                "n",
                "si",
                "info threads",
                "d",
                "fin",
                "detach",
            ],
        ),
        0,
    );
    let cross = answer(&documents, "c");
    let name = cross["frame"]["function"]["demangled"]
        .as_str()
        .expect("a name");
    assert!(name.ends_with("Book::cross"), "{cross:#}");
    assert!(
        answer(&documents, "p taker.price")["text"]
            .as_str()
            .is_some()
    );
    let returned = answer(&documents, "fin");
    assert_eq!(returned["causes"][0]["kind"], "returned", "{returned:#}");
    guest.wait_until_at_rest();
}
