//! Lines that damage what they carry, clients that vanish, and requests that
//! make no sense.

use super::*;

#[test]
fn what_the_line_damages_is_sent_again() {
    let mut pair = pair();
    assert_eq!(pair.send(b"$?#00"), (None, "-".into()));
    assert!(!pair.session.is_held());
    pair.check("?", "T02thread:01;");
    assert_eq!(pair.send(b"-").1, packet("T02thread:01;"));
    assert_eq!(pair.send(b"-").1, packet("T02thread:01;"));
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.send(b"-").1, "");
    assert_eq!(
        pair.stop(StopReason::Debug(SINGLE_STEP)),
        packet("T05thread:01;")
    );
    assert_eq!(pair.send(b"-").1, packet("T05thread:01;"));
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

/// A client that did not hear an acknowledgement sends its request again.
#[test]
fn a_request_that_comes_twice_is_done_once() {
    let mut pair = pair();
    pair.check("Z0,1020,1", "OK");
    pair.go("vCont;s:1", Resume::Step, "+");
    assert_eq!(
        pair.send(packet("vCont;s:1").as_bytes()),
        (None, "+".into())
    );
    assert!(!pair.session.is_held());
    assert_eq!(pair.byte(0x1020), 0xcc);
    let stop = packet("T05thread:01;");
    assert_eq!(pair.stop(StopReason::Debug(SINGLE_STEP)), stop);
    let again = pair.send(packet("vCont;s:1").as_bytes());
    assert_eq!(again, (None, format!("+{stop}")));
    pair.go("vCont;s:1", Resume::Step, "+");
}

#[test]
fn a_failed_request_is_refused_and_the_session_goes_on() {
    let mut pair = pair();
    let task = |saved_rsp| {
        Some(Task {
            name: [0; 24],
            saved_rsp,
        })
    };
    pair.session.guest.guest().tasks = vec![task(0), task(0x1040)];
    pair.ask("qSupported:multiprocess+");
    pair.check("Z0,1020,1", "OK");
    pair.check("Hgp1.2", "OK");
    let registers = pair.ask("g");
    pair.session.machine = None;
    pair.session.recover();
    assert_eq!(pair.received(), "+$E05#aa");
    assert_eq!(pair.ask("g"), registers);
    pair.check("?", "T02thread:p01.01;");
    assert_eq!(pair.byte(0x1020), 0xcc);
    pair.go("vCont;c", Resume::Continue, "+");
    pair.session.recover();
    assert_eq!(pair.received(), "");
    pair.stop(StopReason::Breakpoint);
    assert!(pair.session.is_held());
    assert_eq!(pair.session.abandon(), Resume::Continue);
    assert!(!pair.session.is_held());
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
            pair.stop(StopReason::Debug(SINGLE_STEP));
        }
        assert_eq!(pair.session.is_idle(), pair.session.is_held());
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
    pair.go("vCont;s:1", Resume::Step, "+");
    // While it runs.
    pair.ask("qSupported:swbreak+");
    assert_eq!(pair.byte(0x1020), 0x20);
    pair.check("?", "T02thread:01;");
    pair.go("vCont;c", Resume::Continue, "+");
    assert_eq!(pair.frame.rflags & TRAP_FLAG, 0);
}
