//! What comes out of the framer for lines good and bad.

use super::*;

/// A [`Received`] with its packet.
#[derive(Debug, PartialEq, Clone)]
enum Out {
    Packet(Vec<u8>),
    Damaged,
    TooLong,
    Acknowledged,
    Retransmit,
    Interrupt,
}

fn push_all(framer: &mut Framer, line: &[u8]) -> Vec<Out> {
    line.iter()
        .filter_map(|&byte| {
            Some(match framer.push(byte) {
                Received::Nothing => return None,
                Received::Packet => Out::Packet(framer.packet().to_vec()),
                Received::Damaged => Out::Damaged,
                Received::TooLong => Out::TooLong,
                Received::Acknowledged => Out::Acknowledged,
                Received::Retransmit => Out::Retransmit,
                Received::Interrupt => Out::Interrupt,
            })
        })
        .collect()
}

fn packet(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    [b"$", body, format!("#{sum:02x}").as_bytes()].concat()
}

#[test]
fn lines_become_packets() {
    fn check(line: &[u8], expected: &[Out]) {
        assert_eq!(
            push_all(&mut Framer::new(), line),
            expected,
            "{}",
            line.escape_ascii()
        );
    }
    let g = || Out::Packet(b"$g#67".to_vec());
    check(b"$g#67", &[g()]);
    check(b"+$g#67$g#67", &[Out::Acknowledged, g(), g()]);
    check(b"\r\nAT OK\xff$g#67", &[g()]);
    check(b"$g#68$g#67", &[Out::Damaged, g()]);
    check(b"$g#6x", &[Out::Damaged]);
    check(b"$mff$g#67", &[g()]);
    check(b"$g#$g#67", &[g()]);
    check(b"$g#6$g#67", &[g()]);
    check(b"$#00", &[Out::Packet(b"$#00".to_vec())]);
    check(b"\x03-", &[Out::Interrupt, Out::Retransmit]);
    check(
        &packet(b"X10,2:\x03-+"),
        &[Out::Packet(packet(b"X10,2:\x03-+"))],
    );
    check(b"$G#67", &[Out::Damaged]);
    check(
        b"$J#4A$J#4a",
        &[
            Out::Packet(b"$J#4A".to_vec()),
            Out::Packet(b"$J#4a".to_vec()),
        ],
    );
}

#[test]
fn a_packet_is_bounded() {
    let longest = packet(&[b'a'; PACKET_SIZE - 4]);
    assert_eq!(
        push_all(&mut Framer::new(), &longest),
        [Out::Packet(longest.clone())]
    );
    let mut line = packet(&[b'a'; PACKET_SIZE - 3]);
    assert_eq!(push_all(&mut Framer::new(), &line), [Out::TooLong]);
    line.extend(packet(b"g"));
    assert_eq!(
        push_all(&mut Framer::new(), &line)[1],
        Out::Packet(packet(b"g"))
    );
    line[7] ^= 1;
    assert_eq!(push_all(&mut Framer::new(), &line)[0], Out::Damaged);
}

/// Small and repeatable: the guest's crate has no use for a fuzzer's.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A client that sends each packet until it gets through a line that loses,
/// damages, doubles and adds bytes gets every packet through, in order, and
/// nothing that it did not send comes out.
#[test]
fn a_bad_line_delivers_what_was_sent() {
    let (mut random, mut framer) = (Random(0x9e37_79b9_7f4a_7c15), Framer::new());
    for round in 0..2000_u64 {
        let body: Vec<u8> = (0..random.below(40))
            .map(|_| b"mgX0123456789abcdef,:;"[random.below(22) as usize])
            .collect();
        let sent = packet(&body);
        let delivered = (0..1000).any(|attempt| {
            let line = if attempt < 20 {
                disturb(&sent, &mut random)
            } else {
                sent.clone()
            };
            push_all(&mut framer, &line).contains(&Out::Packet(sent.clone()))
        });
        assert!(delivered, "round {round}");
    }
}

fn disturb(sent: &[u8], random: &mut Random) -> Vec<u8> {
    let mut line = Vec::new();
    for &byte in sent {
        match random.below(60) {
            0 => {}
            1 => line.push(byte ^ 1 << random.below(8)),
            2 => line.extend([byte, byte]),
            3 => line.extend([random.below(256) as u8, byte]),
            _ => line.push(byte),
        }
    }
    line
}

#[test]
fn any_bytes_give_only_checked_packets() {
    let (mut random, mut framer) = (Random(42), Framer::new());
    for _ in 0..500_000 {
        let byte = match random.below(4) {
            0 => b"$#+-\x03"[random.below(5) as usize],
            1 => b"0123456789abcdef"[random.below(16) as usize],
            _ => random.below(256) as u8,
        };
        if framer.push(byte) == Received::Packet {
            let found = framer.packet();
            let body = &found[1..found.len() - 3];
            assert!(packet(body).eq_ignore_ascii_case(found));
        }
    }
}
