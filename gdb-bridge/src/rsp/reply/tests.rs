//! Tables over replies as stubs send them, and as they should not.

use super::*;
use proptest::prelude::*;

fn thread(process: Option<u64>, thread: u64) -> ThreadId {
    ThreadId { process, thread }
}

#[test]
fn stop_replies() {
    let signal = |signal, thread, cause| {
        Some(StopReply::Signal {
            signal,
            thread,
            cause,
        })
    };
    let one = Some(thread(None, 1));
    let cases: &[(&str, Option<StopReply>)] = &[
        ("S05", signal(5, None, None)),
        ("T02thread:01;", signal(2, one, None)),
        (
            "T05thread:p01.02;",
            signal(5, Some(thread(Some(1), 2)), None),
        ),
        (
            "T05thread:01;watch:101000;",
            signal(5, one, Some(StopCause::WriteWatch(0x10_1000))),
        ),
        (
            "T05rwatch:zz;",
            signal(5, None, Some(StopCause::ReadWatch(0))),
        ),
        (
            "T05swbreak:;thread:1;",
            signal(5, one, Some(StopCause::SoftwareBreakpoint)),
        ),
        (
            "T05replaylog:begin;",
            signal(5, None, Some(StopCause::EndOfHistory)),
        ),
        ("T05;;:;", signal(5, None, None)),
        ("W2a", Some(StopReply::Exited(42))),
        ("X09;process:1", Some(StopReply::Killed(9))),
        ("", None),
        ("T", None),
        ("T0", None),
        ("Tzz", None),
        ("S0500", None),
        ("OK", None),
    ];
    for (text, expected) in cases {
        assert_eq!(StopReply::parse(text.as_bytes()), *expected, "{text}");
    }
}

#[test]
fn features() {
    let qemu =
        Features::parse(b"PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+");
    assert_eq!(
        qemu,
        Features {
            packet_size: 0x1000,
            target_description: true,
            resume_actions: true,
            no_ack: false,
            runs_back: false,
        }
    );
    assert!(Features::parse(b"QStartNoAckMode+;PacketSize=1000").no_ack);
    for nonsense in ["", "PacketSize=0", "PacketSize=zz", "PacketSize="] {
        assert_eq!(
            Features::parse(nonsense.as_bytes()).packet_size,
            DEFAULT_PACKET_SIZE,
            "{nonsense}"
        );
    }
}

#[test]
fn numbers_and_lists() {
    assert_eq!(
        threads(b"mp01.01,2"),
        Some(vec![thread(Some(1), 1), thread(None, 2)])
    );
    assert_eq!(threads(b"l"), None);
    assert_eq!(error(b"E14"), Some(0x14));
    assert_eq!(error(b"E.no"), Some(0));
    assert_eq!(error(b"E1"), None);
    assert_eq!(hex_number(b"ffffffffffffffff"), Some(u64::MAX));
    assert_eq!(hex_number(b"10000000000000000"), None);
    assert_eq!(hex_bytes(b"00fFaB"), Some(vec![0, 0xff, 0xab]));
    assert_eq!(hex_bytes(b"0"), None);
    assert_eq!(hex_bytes(b"0g"), None);
}

proptest! {
    #[test]
    fn nothing_panics(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = StopReply::parse(&payload);
        let _ = Features::parse(&payload);
        let _ = threads(&payload);
        let _ = error(&payload);
        let _ = hex_bytes(&payload);
        let _ = ThreadId::parse(&payload);
    }
}
