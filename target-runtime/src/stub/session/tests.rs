//! A client in memory against the session with the real `gdbstub` in it.

use std::collections::VecDeque;

use super::super::memory::Memory;
use super::super::target::SINGLE_STEP;
use super::super::tasks::Task;
use super::super::testing::{FakeGuest, frame};
use super::*;

mod hostile;
mod lines;

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
    session: Session<FakeGuest, Line>,
    frame: TrapFrame,
}

#[expect(unsafe_code, reason = "the session's condition")]
fn pair() -> Pair {
    let breakpoints = Box::leak(Box::new(Breakpoints::new()));
    let buffers = Box::leak(Box::new(Buffers::new()));
    let memory = FakeGuest::new(0x1000, 0x100);
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
        let (resume, received) = self.send_bytes(bytes);
        (resume, String::from_utf8(received).unwrap())
    }

    fn send_bytes(&mut self, bytes: &[u8]) -> (Option<Resume>, Vec<u8>) {
        self.session.port.to_guest.extend(bytes);
        let mut place = Place {
            frame: &mut self.frame,
            special: RegisterSet::default(),
        };
        let resume = self.session.poll(&mut place);
        (resume, self.received_bytes())
    }

    /// Acknowledges what came before, and asks.
    fn request(&mut self, body: &str) -> (Option<Resume>, String) {
        self.send(format!("+{}", packet(body)).as_bytes())
    }

    fn received(&mut self) -> String {
        String::from_utf8(self.received_bytes()).unwrap()
    }

    fn received_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.session.port.to_client)
    }

    /// A request that leaves the guest stopped, and its reply's body.
    #[track_caller]
    fn ask(&mut self, body: &str) -> String {
        let (resume, received) = self.request(body);
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
        let (resume, received) = self.request(body);
        assert_eq!((resume, received.as_str()), (Some(expected), reply));
        assert!(!self.session.is_held());
    }

    fn stop(&mut self, reason: StopReason) -> String {
        let place = Place {
            frame: &mut self.frame,
            special: RegisterSet::default(),
        };
        self.session.stop(&place, reason);
        self.received()
    }

    fn byte(&mut self, address: u64) -> u8 {
        let mut byte = [0];
        FakeGuest::read(self.session.guest.guest(), address, &mut byte);
        byte[0]
    }
}

/// Undoes run-length encoding and escapes (RSP, "Overview").
fn expand(body: &str) -> String {
    let mut expanded = String::new();
    let mut bytes = body.chars();
    while let Some(next) = bytes.next() {
        if next == '*' {
            let count = bytes.next().unwrap() as usize - 29;
            let last = expanded.chars().last().unwrap();
            expanded.extend(std::iter::repeat_n(last, count));
        } else if next == '}' {
            expanded.push((bytes.next().unwrap() as u8 ^ 0x20) as char);
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
    pair.check("?", "T02thread:p01.01;");
    let mut description = String::new();
    loop {
        let at = description.len();
        let part = pair.ask(&format!("qXfer:features:read:target.xml:{at:x},ffb"));
        assert!(part.len() <= 513);
        match part.strip_prefix('m') {
            Some(part) => description += part,
            None => break assert_eq!(part, "l"),
        }
    }
    assert_eq!(description, super::super::registers::DESCRIPTION);
    pair.check("qXfer:features:read:target.xml:fffff,ffb", "l");
    pair.check("qXfer:features:read:other.xml:0,ffb", "E16");
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
    // EFER is the third from the end, of 16 digits each.
    let (before, efer) = changed.split_at(changed.len() - 3 * 16);
    let control = format!("{before}01{}", &efer[2..]);
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
        pair.stop(StopReason::Breakpoint),
        packet("T05thread:01;swbreak:;")
    );
    pair.check("z0,1020,1", "OK");
    pair.check("z0,1020,1", "OK");
    pair.go("vCont;s:1;c", Resume::Step, "+");
    assert_ne!(pair.frame.rflags & TRAP_FLAG, 0);
    assert!(pair.session.is_stepping());
    pair.frame.rip = 0x1021;
    assert_eq!(
        pair.stop(StopReason::Debug(SINGLE_STEP)),
        packet("T05thread:01;")
    );
    assert!(!pair.session.is_stepping());
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.frame.rflags & TRAP_FLAG, 0);
}

#[test]
fn tasks_are_threads() {
    let mut pair = pair();
    let task = |name: &[u8], saved_rsp| {
        let mut task = Task {
            name: [0; 24],
            saved_rsp,
        };
        task.name[..name.len()].copy_from_slice(name);
        Some(task)
    };
    let guest = pair.session.guest.guest();
    guest.tasks = vec![
        task(b"boot", 0x1040),
        None,
        task(b"feed", 0),
        task(b"lost", 8),
    ];
    guest.current = 2;
    pair.check("?", "T02thread:03;");
    pair.check("qfThreadInfo", "m03,01,04");
    pair.check("qThreadExtraInfo,1", "626f6f74");
    pair.check("T2", "E01");
    pair.check("Hg1", "OK");
    let registers = pair.ask("g");
    assert!(registers.starts_with("xxxxxxxxxxxxxxxx6061626364656667xx"));
    assert_eq!(&registers[0x80 * 2..0x88 * 2], "0050000000000000");
    pair.check(&format!("G{registers}").replace('x', "0"), "E16");
    pair.check("Hg4", "OK");
    pair.check("g", "E16");
    pair.go("vCont;s:3;c", Resume::Step, "+");
    assert_eq!(
        pair.stop(StopReason::Debug(SINGLE_STEP)),
        packet("T05thread:03;")
    );
}

#[test]
fn a_watchpoint_stops_where_it_is_hit() {
    let mut pair = pair();
    pair.check("Z2,1020,4", "OK");
    pair.check("Z4,1028,8", "OK");
    pair.check("Z1,1010,1", "OK");
    pair.check("Z2,1021,4", "E16");
    assert_eq!(pair.session.guest.guest().debug_registers.1, 0x400);
    pair.go("vCont;c", Resume::Continue, "+");
    assert_ne!(pair.session.guest.guest().debug_registers.1, 0x400);
    assert_ne!(
        pair.frame.rflags & 1 << 16,
        0,
        "the breakpoint at rip would stop again"
    );
    assert_eq!(
        pair.stop(StopReason::Debug(0b10)),
        packet("T05thread:01;awatch:1028;")
    );
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(
        pair.stop(StopReason::Debug(0b1)),
        packet("T05thread:01;watch:1020;")
    );
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(
        pair.stop(StopReason::Debug(0b100)),
        packet("T05thread:01;hwbreak:;")
    );
    pair.go("vCont;s:1", Resume::Step, "+");
    assert_eq!(pair.session.guest.guest().debug_registers.1, 0x400);
    pair.session.guest.guest().bytes[0x22] ^= 1;
    assert_eq!(
        pair.stop(StopReason::Debug(SINGLE_STEP)),
        packet("T05thread:01;watch:1020;")
    );
    pair.go("D", Resume::Continue, "+$OK#9a");
    assert_eq!(pair.session.guest.guest().debug_registers, ([0; 4], 0x400));
}

#[test]
fn a_client_learns_that_the_guest_ends() {
    for (reason, expected) in [
        (StopReason::Exited(7), "W07"),
        (StopReason::Terminated(Signal::SIGSEGV), "X0b"),
    ] {
        let mut pair = pair();
        pair.session.end(reason);
        assert_eq!(pair.received(), "");
        pair.check("Z0,1020,1", "OK");
        pair.go("vCont;c", Resume::Continue, "+");
        pair.session.end(reason);
        assert_eq!(pair.received(), packet(expected));
        assert_eq!(pair.byte(0x1020), 0x20);
    }
}

#[test]
fn an_interrupt_stops_only_a_guest_that_runs() {
    let mut pair = pair();
    assert_eq!(pair.send(b"\x03"), (None, String::new()));
    assert!(!pair.session.is_held());
    pair.ask("?");
    assert_eq!(pair.send(b"\x03"), (None, String::new()));
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.send(b"\x03"), (None, packet("T02thread:01;")));
    pair.go("vCont;C02", Resume::Continue, "+");
}

#[test]
fn a_fault_is_reported_and_can_take_its_course() {
    let mut pair = pair();
    assert_eq!(pair.stop(StopReason::Signal(Signal::SIGSEGV)), "");
    assert!(!pair.session.is_held());
    pair.ask("?");
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(
        pair.stop(StopReason::Signal(Signal::SIGSEGV)),
        packet("T0bthread:01;")
    );
    pair.go("vCont;C0b:1", Resume::Deliver, "+");
}

#[test]
fn a_client_that_leaves_takes_its_breakpoints_with_it() {
    for (leave, expected, reply) in [
        ("D", Resume::Continue, "+$OK#9a"),
        ("k", Resume::Kill, "+"),
        ("vKill;1", Resume::Kill, "+$OK#9a"),
        ("qRcmd,7265736574", Resume::Reset, "+$OK#9a"),
    ] {
        let mut pair = pair();
        pair.check("Z0,1020,1", "OK");
        pair.go(leave, expected, reply);
        assert_eq!(pair.byte(0x1020), 0x20);
        pair.check("m1020,1", "20");
    }
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
fn why_the_guest_stands_can_be_asked_again() {
    let mut pair = pair();
    pair.ask("qSupported:multiprocess+");
    pair.check("Z0,1020,1", "OK");
    pair.check("Z4,1028,8", "OK");
    for (reason, expected) in [
        (StopReason::Breakpoint, "swbreak:;"),
        (StopReason::Debug(1), "awatch:1028;"),
        (StopReason::Debug(SINGLE_STEP), ""),
    ] {
        pair.go("vCont;c", Resume::Continue, "+");
        let expected = format!("T05thread:p01.01;{expected}");
        assert_eq!(pair.stop(reason), packet(&expected));
        pair.check("?", &expected);
    }
    pair.go("vCont;c", Resume::Continue, "+");
    pair.stop(StopReason::Signal(Signal::SIGSEGV));
    // The next client is told the same.
    pair.ask("qSupported:swbreak+");
    pair.check("?", "T0bthread:01;");
}

#[test]
fn single_registers_are_read_and_written() {
    let mut pair = pair();
    pair.ask("?");
    pair.check("p1", "2222222222222222");
    pair.check("p10", "1010000000000000");
    pair.check("P1=0102030405060708", "OK");
    pair.check("p1", "0102030405060708");
    pair.check("P1=0102", "E16");
    pair.check("P3f=0102030405060708", "E16");
    pair.check("p42", "");
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.frame.rbx, 0x0807_0605_0403_0201);
}

#[test]
fn a_monitor_command_is_answered_in_one_packet() {
    let mut pair = pair();
    pair.check("qRcmd,68656170", "48656170");
    let help = pair.ask("qRcmd,68656c70");
    assert!(help.starts_with("68656c70") && help.ends_with("0a"));
    let unknown = pair.ask("qRcmd,78");
    assert!(unknown.starts_with("7468657265"), "{unknown}");
    assert_eq!(pair.ask("qRcmd,6"), unknown);
    assert_eq!(pair.ask(&format!("qRcmd,{}", "61".repeat(99))), unknown);
    pair.ask("QThreadSuffixSupported");
    assert_eq!(
        pair.request("qRcmd,68656170").1,
        format!("+{}$OK#9a", packet("O48656170"))
    );
    pair.ask("qSupported");
    let long = pair.ask("qRcmd,7472616365");
    assert!(
        long.len() > PACKET_SIZE - 16
            && long.len() <= PACKET_SIZE - 4
            && long.len().is_multiple_of(2)
    );
}

#[test]
fn a_read_watchpoint_passes_writes_over() {
    let mut pair = pair();
    pair.check("Z3,1030,4", "OK");
    pair.go("vCont;c", Resume::Continue, "+");
    assert!(pair.session.is_passed_over(0b01));
    assert!(!pair.session.is_passed_over(0b10));
    assert_eq!(
        pair.stop(StopReason::Debug(0b10)),
        packet("T05thread:01;rwatch:1030;")
    );
    pair.check("z3,1030,4", "OK");
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.session.guest.guest().debug_registers.1, 0x400);
}

#[test]
fn text_is_shown_to_a_client_that_waits() {
    let mut pair = pair();
    assert!(!pair.session.say(b"x"));
    pair.ask("?");
    assert!(!pair.session.say(b"x"));
    pair.go("vCont;c", Resume::Continue, "+");
    assert!(pair.session.say(b"hi\n"));
    assert_eq!(pair.received(), packet("O68690a"));
    // It is not what a client wants again.
    assert_eq!(pair.send(b"-").1, "");
}

#[test]
fn a_stepped_pushf_stores_no_trap_flag() {
    for code in ["9c90", "669c"] {
        let mut pair = pair();
        pair.check(&format!("M1010,2:{code}"), "OK");
        pair.check("M107f,3:ff03ff", "OK");
        pair.go("vCont;s:1", Resume::Step, "+");
        pair.frame.rsp = 0x107f;
        pair.stop(StopReason::Debug(SINGLE_STEP));
        pair.check("m107f,3", "ff02ff");
    }
}
