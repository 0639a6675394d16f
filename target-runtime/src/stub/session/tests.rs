//! A client in memory against the session with the real `gdbstub` in it.

use std::collections::VecDeque;

use super::super::testing::{FakeMemory, frame};
use super::*;

const TRAP_FLAG: u64 = 1 << 8;

#[derive(Default)]
struct Line {
    to_guest: VecDeque<u8>,
    to_client: Vec<u8>,
    dead: bool,
}

impl Port for Line {
    fn read(&mut self) -> Option<u8> {
        self.to_guest.pop_front()
    }

    fn write(&mut self, byte: u8) -> bool {
        self.to_client.push(byte);
        !self.dead
    }
}

/// A guest that stands at a frame, and the client's end of its line.
struct Pair {
    session: Session<FakeMemory, Line>,
    frame: TrapFrame,
}

#[expect(unsafe_code, reason = "the session's condition")]
fn pair() -> Pair {
    let breakpoints = Box::leak(Box::new(Breakpoints::new()));
    let buffers = Box::leak(Box::new(Buffers::new()));
    let memory = FakeMemory::new(0x1000, 0x100);
    // SAFETY: the buffers are this session's own.
    let session = unsafe { Session::new(memory, Line::default(), breakpoints, buffers) };
    Pair {
        session,
        frame: frame(),
    }
}

fn packet(body: &str) -> String {
    let sum = body.bytes().fold(0_u8, u8::wrapping_add);
    format!("${body}#{sum:02x}")
}

impl Pair {
    /// Sends bytes; what the guest then does, and what came back.
    fn send(&mut self, bytes: &[u8]) -> (Option<Resume>, String) {
        self.session.port.to_guest.extend(bytes);
        let mut place = Place {
            frame: &mut self.frame,
            special: RegisterSet::default(),
        };
        let resume = self.session.poll(&mut place);
        (resume, self.received())
    }

    fn received(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.session.port.to_client)).unwrap()
    }

    /// A request that leaves the guest stopped, and its reply's body.
    #[track_caller]
    fn ask(&mut self, body: &str) -> String {
        let (resume, received) = self.send(packet(body).as_bytes());
        assert_eq!(resume, None, "{body}");
        let reply = expand(
            received
                .strip_prefix("+$")
                .unwrap()
                .rsplit_once('#')
                .unwrap()
                .0,
        );
        assert!(self.session.is_held());
        reply
    }

    #[track_caller]
    fn check(&mut self, body: &str, expected: &str) {
        assert_eq!(self.ask(body), expected, "{body}");
    }

    /// A request that lets the guest go.
    #[track_caller]
    fn go(&mut self, body: &str, expected: Resume, reply: &str) {
        let (resume, received) = self.send(packet(body).as_bytes());
        assert_eq!((resume, received.as_str()), (Some(expected), reply));
        assert!(!self.session.is_held());
    }

    fn stop(&mut self, reason: SingleThreadStopReason<u64>) -> String {
        let place = Place {
            frame: &mut self.frame,
            special: RegisterSet::default(),
        };
        self.session.stop(&place, reason);
        self.received()
    }

    fn byte(&mut self, address: u64) -> u8 {
        let mut byte = [0];
        FakeMemory::read(self.session.guest.memory(), address, &mut byte);
        byte[0]
    }
}

/// Undoes run-length encoding (RSP, "Overview").
fn expand(body: &str) -> String {
    let mut expanded = String::new();
    let mut bytes = body.chars();
    while let Some(next) = bytes.next() {
        if next == '*' {
            let count = bytes.next().unwrap() as usize - 29;
            let last = expanded.chars().last().unwrap();
            expanded.extend(std::iter::repeat_n(last, count));
        } else {
            expanded.push(next);
        }
    }
    expanded
}

#[test]
fn a_client_comes_looks_and_leaves() {
    let mut pair = pair();
    assert!(
        pair.ask("qSupported:multiprocess+;swbreak+")
            .contains("PacketSize=1000")
    );
    pair.check("?", "T05thread:p01.01;");
    let xml = pair.ask("qXfer:features:read:target.xml:0,ffb");
    assert!(xml.starts_with("m<?xml") && xml.len() > 0xf00, "{xml}");
    pair.check("m1002,4", "02030405");
    pair.check("m10fe,4", "feff");
    pair.check("m1100,4", "E0e");
    pair.check("m0,4", "E0e");
    pair.check("mffffffffffffffff,4", "E0e");
    pair.check("M1002,2:aabb", "OK");
    pair.check("m1002,4", "aabb0405");
    pair.check("M10ff,2:aabb", "E0e");
    pair.check("qUnheardOf", "");
    pair.go("D;1", Resume::Continue, "+$OK#9a");
    let unchanged = frame();
    assert_eq!(
        (pair.frame.general(), pair.frame.rip),
        (unchanged.general(), unchanged.rip)
    );
}

#[test]
fn registers_are_read_and_written() {
    let mut pair = pair();
    let registers = pair.ask("g");
    assert_eq!(registers.len(), (0x218 + 9 * 8) * 2);
    assert!(registers.starts_with("1111111111111111222222"));
    let changed = registers.replacen("1111111111111111", "efbeadde00000000", 1);
    pair.check(&format!("G{changed}"), "OK");
    assert_eq!(pair.ask("g"), changed);
    let control = format!("{}01", &changed[..changed.len() - 2]);
    pair.check(&format!("G{control}"), "E16");
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.frame.rax, 0xdead_beef);
}

#[test]
fn a_breakpoint_stops_and_a_step_goes_on() {
    let mut pair = pair();
    pair.check("Z0,1020,1", "OK");
    pair.check("Z0,2000,1", "E16");
    assert_eq!(pair.byte(0x1020), 0xcc);
    pair.check("m1020,1", "20");
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.frame.rflags & TRAP_FLAG, 0);
    pair.frame.rip = 0x1020;
    assert_eq!(
        pair.stop(SingleThreadStopReason::SwBreak(())),
        packet("T05thread:01;swbreak:;")
    );
    pair.check("z0,1020,1", "OK");
    pair.check("z0,1020,1", "OK");
    pair.go("vCont;s:1;c", Resume::Step, "+");
    assert_ne!(pair.frame.rflags & TRAP_FLAG, 0);
    assert!(pair.session.is_stepping());
    pair.frame.rip = 0x1021;
    assert_eq!(pair.stop(SingleThreadStopReason::DoneStep), packet("S05"));
    assert!(!pair.session.is_stepping());
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.frame.rflags & TRAP_FLAG, 0);
}

#[test]
fn an_interrupt_stops_only_a_guest_that_runs() {
    let mut pair = pair();
    assert_eq!(pair.send(b"\x03"), (None, String::new()));
    assert!(!pair.session.is_held());
    pair.ask("?");
    assert_eq!(pair.send(b"\x03"), (None, String::new()));
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.send(b"\x03"), (None, packet("S02")));
    pair.go("vCont;C02", Resume::Continue, "+");
}

#[test]
fn a_fault_is_reported_and_can_take_its_course() {
    let mut pair = pair();
    assert_eq!(
        pair.stop(SingleThreadStopReason::Signal(Signal::SIGSEGV)),
        ""
    );
    assert!(!pair.session.is_held());
    pair.ask("?");
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(
        pair.stop(SingleThreadStopReason::Signal(Signal::SIGSEGV)),
        packet("S0b")
    );
    pair.go("vCont;C0b:1", Resume::Deliver, "+");
}

#[test]
fn a_client_that_leaves_takes_its_breakpoints_with_it() {
    for leave in ["D", "k"] {
        let mut pair = pair();
        pair.check("Z0,1020,1", "OK");
        pair.send(packet(leave).as_bytes());
        assert!(!pair.session.is_held());
        assert_eq!(pair.byte(0x1020), 0x20);
        pair.check("m1020,1", "20");
    }
}

#[test]
fn a_client_that_vanished_is_replaced() {
    let mut pair = pair();
    pair.check("Z0,1020,1", "OK");
    // While the guest is stopped.
    pair.ask("qSupported:multiprocess+");
    assert_eq!(pair.byte(0x1020), 0x20);
    pair.check("Z0,1020,1", "OK");
    pair.go("vCont;s", Resume::Step, "+");
    // While it runs.
    pair.ask("qSupported:swbreak+");
    assert_eq!(pair.byte(0x1020), 0x20);
    pair.check("?", "T05thread:01;");
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.frame.rflags & TRAP_FLAG, 0);
}

#[test]
fn the_guest_waits_for_a_client_when_it_was_told_to() {
    let mut pair = pair();
    pair.session.wait(&Place {
        frame: &mut pair.frame,
        special: RegisterSet::default(),
    });
    assert!(pair.session.is_held());
    assert_eq!(pair.send(b"noise"), (None, String::new()));
    pair.check("?", "T05thread:01;");
    pair.go("vCont;c", Resume::Continue, "+");
}

#[test]
fn what_the_line_damages_is_sent_again() {
    let mut pair = pair();
    assert_eq!(pair.send(b"$?#00"), (None, "-".into()));
    assert!(!pair.session.is_held());
    pair.check("?", "T05thread:01;");
    assert_eq!(pair.send(b"-").1, packet("T05thread:01;"));
    assert_eq!(pair.send(b"-").1, packet("T05thread:01;"));
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.send(b"-").1, "");
    assert_eq!(pair.stop(SingleThreadStopReason::DoneStep), packet("S05"));
    assert_eq!(pair.send(b"-").1, packet("S05"));
}

#[test]
fn no_request_ends_a_session() {
    let mut pair = pair();
    pair.check("Z0,1020,1", "OK");
    pair.check("m1020", "E16");
    pair.check("Hg-1", "E16");
    pair.check("vCont;t", "E16");
    pair.check("G00", "E16");
    pair.check("m1000,ffffffff", "E07");
    pair.check("m1000,801", "E07");
    let long = packet(&"a".repeat(PACKET_SIZE));
    assert_eq!(pair.send(long.as_bytes()), (None, "+$E07#ac".into()));
    pair.check("m1020,1", "20");
    assert_eq!(pair.byte(0x1020), 0xcc);
}

#[test]
fn a_line_that_takes_nothing_lets_the_guest_go() {
    let mut pair = pair();
    pair.check("Z0,1020,1", "OK");
    pair.session.port.dead = true;
    assert_eq!(pair.send(packet("?").as_bytes()).0, Some(Resume::Continue));
    assert_eq!(pair.byte(0x1020), 0x20);
}

#[test]
fn a_stepped_pushf_stores_no_trap_flag() {
    for code in ["9c90", "669c"] {
        let mut pair = pair();
        pair.check(&format!("M1010,2:{code}"), "OK");
        pair.check("M107f,3:ff03ff", "OK");
        pair.go("vCont;s", Resume::Step, "+");
        pair.frame.rsp = 0x107f;
        pair.stop(SingleThreadStopReason::DoneStep);
        pair.check("m107f,3", "ff02ff");
    }
}

/// Random requests, well framed, in every state: no panic, and the guest is
/// either held or not awaited by an idle machine.
#[test]
fn any_requests_leave_a_session() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |limit: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize % limit
    };
    let words = [
        "m",
        "M",
        "X",
        "Z0",
        "z0",
        "Z1",
        "Z2",
        "g",
        "G",
        "H",
        "c",
        "-1",
        "vCont",
        ";",
        "s",
        ":",
        ",",
        "1000",
        "p1.1",
        "qSupported",
        "?",
        "qXfer:features:read:target.xml:",
        "ffffffffffffffff",
        "D",
        "k",
        "T",
        "C0b",
        "R",
        "!",
        "qfThreadInfo",
        "qRcmd,68656c70",
        "r1000,1004",
        "vKill",
        "#",
        "}",
        "*",
        "\u{1}",
    ];
    let mut pair = pair();
    for _ in 0..30_000 {
        let body: String = (0..1 + random(5))
            .map(|_| words[random(words.len())])
            .collect();
        let bytes = match random(10) {
            0 => body.into_bytes(),
            1 => vec![0x03],
            _ => packet(&body).into_bytes(),
        };
        pair.send(&bytes);
        if random(4) == 0 && !pair.session.is_held() {
            pair.stop(SingleThreadStopReason::DoneStep);
        }
        assert_eq!(pair.session.is_idle(), pair.session.is_held());
    }
}
