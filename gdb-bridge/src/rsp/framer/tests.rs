//! Tables and hostile input for the framer.

use super::*;
use proptest::prelude::*;

fn frame(chunks: &[&[u8]]) -> Vec<Received> {
    let mut framer = Framer::new(128);
    for chunk in chunks {
        framer.push(chunk);
    }
    std::iter::from_fn(|| framer.next()).collect()
}

/// The same elements must come out wherever the stream is cut.
fn check(bytes: &[u8], expected: &[Received]) {
    assert_eq!(
        frame(&[bytes]),
        expected,
        "{:?}",
        String::from_utf8_lossy(bytes)
    );
    for cut in 0..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(frame(&[head, tail]), expected, "cut at {cut}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(frame(&single), expected, "byte by byte");
}

fn packet(text: &str) -> Received {
    Received::Packet(text.as_bytes().to_vec())
}

#[test]
fn elements() {
    check(b"", &[]);
    check(b"+-", &[Received::Ack, Received::Nak]);
    check(b"$#00", &[packet("")]);
    check(b"+$OK#9a", &[Received::Ack, packet("OK")]);
    check(b"$OK#9A", &[packet("OK")]);
    check(
        b"%Stop:T05#99",
        &[Received::Notification(b"Stop:T05".to_vec())],
    );
    check(
        b"boot\r\n$OK#9a\n",
        &[Received::Noise(6), packet("OK"), Received::Noise(1)],
    );
}

#[test]
fn runs_and_escapes() {
    // GDB manual: "0* " is "0000".
    check(b"$0* #7a", &[packet("0000")]);
    // `}` 0x03 is an escaped `#`.
    check(b"$}\x03#80", &[packet("#")]);
    // A run after an escape repeats the byte that was sent.
    check(b"$}a*!#29", &[packet("Aaaaa")]);
    // A run of nothing, a run length out of range, an escape of nothing.
    check(b"$* #4a", &[Received::Damaged]);
    check(b"$0*\x1f#79", &[Received::Damaged]);
    check(b"$}#7d", &[Received::Damaged]);
    check(b"$0*#5a", &[Received::Damaged]);
}

#[test]
fn damage() {
    check(b"$OK#9b", &[Received::Damaged]);
    check(b"$OK#zz", &[Received::Damaged, Received::Noise(1)]);
    check(b"$OK$OK#9a", &[Received::Damaged, packet("OK")]);
    check(b"$OK#$OK#9a", &[Received::Damaged, packet("OK")]);
    check(b"$OK#9$OK#9a", &[Received::Damaged, packet("OK")]);
    check(b"$O*$OK#9a", &[Received::Damaged, packet("OK")]);
}

#[test]
fn bound() {
    let fits = [b'a'; 128];
    let mut wire = Vec::new();
    append_packet(&fits, &mut wire);
    check(&wire, &[Received::Packet(fits.to_vec())]);
    wire.clear();
    append_packet(&[b'a'; 129], &mut wire);
    wire.extend_from_slice(b"$OK#9a");
    check(&wire, &[Received::TooLong, packet("OK")]);
    // A few bytes that expand to more than fits.
    check(b"$a*~*~#b1", &[Received::TooLong]);
}

proptest! {
    #[test]
    fn any_payload_survives(payload in proptest::collection::vec(any::<u8>(), 0..64), cut in 0_usize..300) {
        let mut wire = Vec::new();
        append_packet(&payload, &mut wire);
        let (head, tail) = wire.split_at(cut.min(wire.len()));
        prop_assert_eq!(frame(&[head, tail]), vec![Received::Packet(payload)]);
    }

    #[test]
    fn any_bytes_are_bounded(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'$'), Just(b'#'), Just(b'*'), Just(b'~')], 0..600)) {
        for received in frame(&[&bytes]) {
            if let Received::Packet(body) | Received::Notification(body) = received {
                prop_assert!(body.len() <= 128);
            }
        }
        // The next good packet after any rubbish is found, at the latest
        // after one packet was lost to it.
        let mut framer = Framer::new(128);
        framer.push(&bytes);
        framer.push(b"$OK#9a$OK#9a");
        let last = std::iter::from_fn(|| framer.next()).last();
        prop_assert_eq!(last, Some(Received::Packet(b"OK".to_vec())));
    }
}
