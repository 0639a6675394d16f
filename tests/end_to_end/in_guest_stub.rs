//! The stub in the guest as stock debuggers use it, and on bad lines.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::json;
use ukdbg_image::{Decompressed, Image};
use ukdbg_tests::{
    Answer, Answers, DEADLINE, Held, Qemu, Quality, Relay, Tool, answers, available, gdb,
    gdb_session, kernel_image, lldb_session,
};

/// More orders than any test waits for.
const LONG: &str = "count=1000000000";
const WAITING: &str = "sample kernel:";

/// The requests without which a session is not whole.
const NEEDED_BY_GDB: [&str; 24] = [
    "?",
    "D",
    "Hg",
    "X",
    "P",
    "Z0",
    "Z1",
    "Z2",
    "Z3",
    "Z4",
    "g",
    "m",
    "qRcmd",
    "qSupported",
    "qThreadExtraInfo",
    "qXfer:features:read",
    "qfThreadInfo",
    "qsThreadInfo",
    "vCont;c",
    "vCont;s",
    "vCont?",
    "z0",
    "z1",
    "z2",
];
const NEEDED_BY_LLDB: [&str; 19] = [
    "?",
    "D",
    "M",
    "P",
    "Z0",
    "Z1",
    "Z2",
    "Z3",
    "m",
    "p",
    "qRcmd",
    "qSupported",
    "qXfer:features:read",
    "qfThreadInfo",
    "qsThreadInfo",
    "vCont?",
    "z0",
    "z1",
    "z2",
];

/// Fails unless a session asked for all of `needed`, and was served.
fn expect_served(answers: &Answers, needed: &[&str], printed: &str) {
    let unserved: Vec<_> = needed
        .iter()
        .filter(|name| {
            let found = answers.get(**name);
            found.is_none_or(|found| !found.contains(&Answer::Served))
        })
        .collect();
    assert!(
        unserved.is_empty(),
        "not served: {unserved:?} of {answers:#?}\n{printed}"
    );
    let unanswered: Vec<_> = answers
        .iter()
        .filter(|(_, found)| found.contains(&Answer::Nothing))
        .collect();
    assert!(
        unanswered.is_empty(),
        "unanswered: {unanswered:?}\n{printed}"
    );
}

/// Fails unless all of `texts` were printed, in this order.
#[track_caller]
fn expect_printed(printed: &str, texts: &[&str]) {
    let mut rest = printed;
    for text in texts {
        let Some((_, behind)) = rest.split_once(text) else {
            panic!("{text:?} is not where it belongs in\n{printed}");
        };
        rest = behind;
    }
}

const GDB_PRINTS: [&str; 14] = [
    "(matcher)",
    "xmm0",
    "error_code",
    "hit Breakpoint 1",
    "hit Breakpoint 2",
    "hit Hardware watchpoint 3",
    "Old value",
    "New value",
    "12345",
    "hit Hardware read watchpoint 4",
    "Value",
    "hit Hardware access (read/write) watchpoint 5",
    "received signal SIGINT",
    "detached]",
];
const LLDB_PRINTS: [&str; 12] = [
    "frame #0",
    "thread #2",
    "xmm0",
    "breakpoint 1.1",
    "step out",
    "breakpoint 2.1",
    "step over",
    "instruction step into",
    "FZ = 0",
    "watchpoint 1",
    "watchpoint 2",
    "detached",
];

/// Where `cargo xtask conformance` wants what was found of a stub and a client.
fn report(client: &str, stub: &str, found: &Answers) {
    let Some(folder) = std::env::var_os("UKDBG_CONFORMANCE_REPORT") else {
        return;
    };
    let found: BTreeMap<_, Vec<_>> = found
        .iter()
        .map(|(name, found)| (name, found.iter().map(|answer| answer.word()).collect()))
        .collect();
    let path = PathBuf::from(folder).join(format!("{client}-{stub}.json"));
    let text = json!({"client": client, "stub": stub, "answers": found}).to_string();
    fs::write(path, text).expect("the report's folder");
}

/// A session with the guest's own stub, which goes on when it is over.
fn hold(
    client: &str,
    needed: &[&str],
    (prints, refusal): (&[&str], &str),
    session: fn(&Path, &Path) -> Held,
) {
    let guest = Qemu::boot(kernel_image(), &["-append", LONG]);
    guest.wait_for_console(WAITING);
    let held = session(&guest.second_serial_socket(), kernel_image());
    expect_printed(&held.printed, prints);
    // What may be on another stream.
    expect_printed(&held.printed, &[refusal]);
    expect_printed(&held.printed, &["registers  control registers"]);
    let found = answers(&held.record);
    expect_served(&found, needed, &held.printed);
    report(client, "guest", &found);
    expect_alive(&guest.second_serial_socket());
}

/// A new client is served, and leaves the guest running.
#[track_caller]
fn expect_alive(socket: &Path) {
    let mut raw = Raw::connect(socket);
    raw.begin();
    let why = raw.ask("?");
    assert!(why.starts_with("T02"), "it was not running: {why}");
    raw.ask("D");
}

#[test]
fn gdb_has_a_whole_session() {
    if available(&[Tool::Qemu, Tool::Gdb]) {
        hold(
            "gdb",
            &NEEDED_BY_GDB,
            (&GDB_PRINTS, "Cannot access memory at address 0x0"),
            gdb_session,
        );
    }
}

#[test]
fn lldb_has_a_whole_session() {
    if available(&[Tool::Qemu, Tool::Lldb]) {
        hold(
            "lldb",
            &NEEDED_BY_LLDB,
            (&LLDB_PRINTS, "memory read failed for 0x0"),
            lldb_session,
        );
    }
}

/// QEMU's stub beside ours, for the table alone.
#[test]
fn qemus_stub_is_recorded() {
    if std::env::var_os("UKDBG_CONFORMANCE_REPORT").is_none() {
        return;
    }
    for (client, session) in [
        ("gdb", gdb_session as fn(&Path, &Path) -> Held),
        ("lldb", lldb_session),
    ] {
        let guest = Qemu::boot(kernel_image(), &["-append", LONG]);
        guest.wait_for_console(WAITING);
        let held = session(&guest.gdb_socket(), kernel_image());
        report(client, "qemu", &answers(&held.record));
    }
}

/// A client that sends what a test wants.
struct Raw(UnixStream);

impl Raw {
    fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("the port's socket");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a timeout above zero");
        Self(stream)
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("QEMU reads");
    }

    fn request(&mut self, body: &str) {
        let sum = body.bytes().fold(0_u8, u8::wrapping_add);
        self.send(format!("+${body}#{sum:02x}").as_bytes());
    }

    /// The body of the next packet.
    fn next(&mut self) -> String {
        let mut body = None;
        loop {
            let mut byte = [0];
            self.0
                .read_exact(&mut byte)
                .expect("the stub answers in time");
            match (byte[0], &mut body) {
                (b'$', _) => body = Some(String::new()),
                (b'#', Some(_)) => break,
                (byte, Some(body)) => body.push(char::from(byte)),
                _ => {}
            }
        }
        let mut sum = [0; 2];
        self.0.read_exact(&mut sum).expect("a checksum");
        expand(&body.expect("it began"))
    }

    /// Begins a session, whatever the stub still has to say to somebody else.
    fn begin(&mut self) {
        self.request("qSupported:swbreak+");
        while !self.next().starts_with("PacketSize") {}
    }

    fn ask(&mut self, body: &str) -> String {
        self.request(body);
        self.next()
    }
}

/// Undoes run-length encoding (RSP, "Overview").
fn expand(body: &str) -> String {
    let mut expanded = String::new();
    let mut rest = body.chars();
    while let Some(next) = rest.next() {
        if next == '*' {
            let count = rest.next().expect("a count") as usize - 29;
            let last = expanded.chars().last().expect("something to repeat");
            expanded.extend(std::iter::repeat_n(last, count));
        } else {
            expanded.push(next);
        }
    }
    expanded
}

fn guest() -> Qemu {
    let guest = Qemu::boot(kernel_image(), &["-append", LONG]);
    guest.wait_for_console(WAITING);
    guest
}

/// GDB over a line that damages a byte in some thousand, each way.
#[test]
fn a_bad_line_is_survived() {
    if !available(&[Tool::Qemu, Tool::Gdb]) {
        return;
    }
    let guest = guest();
    let relay = Relay::to(&guest.second_serial_socket(), Quality::Damages(1201));
    let printed = gdb(
        &relay.socket().display().to_string(),
        kernel_image(),
        &[
            "info threads",
            "break ukdbg_target_runtime::task::yield_now",
            "continue",
            "backtrace 2",
            "detach",
        ],
    );
    expect_printed(
        &printed,
        &["(matcher)", "hit Breakpoint 1", "#0", "detached]"],
    );
    expect_alive(&guest.second_serial_socket());
}

#[test]
fn clients_that_vanish_leave_a_guest_that_runs() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let guest = guest();
    let socket = guest.second_serial_socket();
    let oversize = format!("$m{}#00", "0".repeat(10_000));
    let cut: [&[u8]; 6] = [
        b"$m1000,4",
        b"$m1000,4#",
        b"\xff\x00+-\x03$$##}*",
        oversize.as_bytes(),
        &oversize.as_bytes()[..9_000],
        b"$qSuppor\x03",
    ];
    for bytes in cut {
        Raw::connect(&socket).send(bytes);
        expect_alive(&socket);
    }
    // While it waits for the guest, with a breakpoint set and in mid-packet.
    let mut raw = Raw::connect(&socket);
    raw.begin();
    raw.request("vCont;c");
    raw.send(b"$m10");
    drop(raw);
    expect_alive(&socket);
}

#[test]
fn a_request_that_faults_the_stub_is_refused() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let guest = guest();
    let mut raw = Raw::connect(&guest.second_serial_socket());
    raw.begin();
    raw.ask("?");
    // CR3, by its number in the description.
    let root = raw.ask("p3d");
    let root = u64::from_str_radix(&root, 16)
        .expect("a register")
        .swap_bytes();
    let entry = root + 8 * 300;
    // A table where no memory is: the walk itself faults.
    assert_eq!(raw.ask(&format!("M{entry:x},8:0380674523010000")), "OK");
    assert_eq!(raw.ask("mffff960000000000,8"), "E05");
    assert_eq!(raw.ask("Mffff960000000000,1:00"), "E05");
    guest.wait_for_console("in the stub itself");
    assert_eq!(raw.ask(&format!("M{entry:x},8:0000000000000000")), "OK");
    assert_eq!(raw.ask("mffff960000000000,8"), "E0e");
    assert_eq!(raw.ask("D"), "OK");
    // The port's socket takes one client at a time.
    drop(raw);
    expect_alive(&guest.second_serial_socket());
}

#[test]
fn kill_ends_the_guest() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let device = ["-device", "isa-debug-exit,iobase=0x501,iosize=4"];
    let mut guest = Qemu::boot(kernel_image(), &[&["-append", LONG][..], &device].concat());
    guest.wait_for_console(WAITING);
    let mut raw = Raw::connect(&guest.second_serial_socket());
    raw.begin();
    assert_eq!(raw.ask("vKill;1"), "OK");
    // Status 9, as QEMU's device shows it.
    assert_eq!(guest.wait_for_end(), Some(9 << 1 | 1));
}

/// Breakpoints on every function there is, a hundred at a time: the guest stops
/// or goes on, and hears its client, wherever the stub itself would hit one.
#[test]
fn a_breakpoint_may_be_anywhere() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let bytes = fs::read(kernel_image()).expect("the image");
    let room = Decompressed::default();
    let image = Image::parse(&bytes, &room).expect("the image is one");
    let functions: Vec<u64> = image
        .functions()
        .iter()
        .map(|function| function.entry.0)
        .collect();
    assert!(functions.len() > 300, "{} functions", functions.len());
    let guest = guest();
    let mut raw = Raw::connect(&guest.second_serial_socket());
    raw.begin();
    raw.ask("?");
    for part in functions.chunks(100) {
        for at in part {
            raw.ask(&format!("Z0,{at:x},1"));
        }
        // Nothing may be hit: then the interrupt stops it.
        raw.request("vCont;c");
        raw.send(b"\x03");
        let stop = raw.next();
        assert!(stop.starts_with("T05") || stop.starts_with("T02"), "{stop}");
        for at in part {
            assert_eq!(raw.ask(&format!("z0,{at:x},1")), "OK");
        }
    }
    assert_eq!(raw.ask("D"), "OK");
    // The port's socket takes one client at a time.
    drop(raw);
    expect_alive(&guest.second_serial_socket());
}

/// A machine with one serial port, which is a terminal of the host's: the text
/// is plain before and behind a session, and GDB's during it.
#[test]
fn console_and_stub_share_a_port() {
    if !available(&[Tool::Qemu, Tool::Gdb]) {
        return;
    }
    let append = ["-append", "count=20000 wait-gdb"];
    let (guest, terminal) = Qemu::boot_with_one_port(kernel_image(), &append);
    let printed = gdb(
        &terminal,
        kernel_image(),
        &[
            "backtrace 2",
            "break ukdbg_target_runtime::exit::exit",
            "continue",
            "info threads",
            "continue",
        ],
    );
    expect_printed(
        &printed,
        &[
            "wait_for_client",
            "Breakpoint 1, ",
            "(boot)",
            "exited normally",
        ],
    );
    // GDB has the guest's text on its other stream.
    expect_printed(&printed, &["orders 20000", "throughput:"]);
    drop(guest);
}
