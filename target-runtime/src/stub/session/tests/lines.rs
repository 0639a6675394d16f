//! A client that does as GDB does on a line that loses, doubles, damages, delays
//! or splits one byte: whichever it is, the session is the same as without.

use super::super::super::framing::Received;
use super::*;

/// What happens to one byte.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Nothing,
    Lose,
    Double,
    Flip(u8),
    /// It comes when the line has been silent.
    Delay,
}

/// One direction of a line: how many bytes went by, and what befalls one.
struct Way {
    harm: Harm,
    at: usize,
    count: usize,
    delayed: Option<u8>,
}

impl Way {
    fn new(harm: Harm, at: usize) -> Self {
        Self {
            harm,
            at,
            count: 0,
            delayed: None,
        }
    }

    fn carry(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for &byte in bytes {
            let harm = if self.count == self.at {
                self.harm
            } else {
                Harm::Nothing
            };
            self.count += 1;
            match harm {
                Harm::Nothing => out.push(byte),
                Harm::Lose => {}
                Harm::Double => out.extend([byte, byte]),
                Harm::Flip(bit) => out.push(byte ^ 1 << bit),
                Harm::Delay => self.delayed = Some(byte),
            }
        }
        out
    }
}

/// Both ends, and what is between.
struct Conversation {
    pair: Pair,
    framer: Framer,
    to_guest: Way,
    to_client: Way,
}

/// How often a client sends before it gives up.
const TRIES: usize = 4;

impl Conversation {
    /// What the client hears after it sent something; the guest stops after
    /// each step.
    fn exchange(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut heard = Vec::new();
        let mut sent = self.to_guest.carry(bytes);
        if bytes.is_empty() {
            // Silence: what was late comes now.
            sent.extend(self.to_guest.delayed.take());
            heard.extend(self.to_client.delayed.take());
        }
        for byte in sent {
            let (resume, received) = self.pair.send_bytes(&[byte]);
            heard.extend(self.to_client.carry(&received));
            if resume == Some(Resume::Step) {
                let stop = self.pair.stop(StopReason::Debug(SINGLE_STEP));
                heard.extend(self.to_client.carry(stop.as_bytes()));
            }
        }
        heard
    }

    /// Sends a request until it is answered, and acknowledges that.
    fn request(&mut self, body: &str) -> String {
        let sent = packet(body);
        let mut heard = self.exchange(sent.as_bytes());
        let (mut acknowledged, mut tries) = (false, 0);
        loop {
            for byte in std::mem::take(&mut heard) {
                match self.framer.push(byte) {
                    Received::Acknowledged => acknowledged = true,
                    // Before its acknowledgement a packet is no answer.
                    Received::Packet if acknowledged => {
                        let answer = self.framer.packet();
                        // The sum's digits may be capital ones.
                        let answer = answer[..answer.len() - 3].to_vec();
                        self.exchange(b"+");
                        return String::from_utf8(answer).unwrap();
                    }
                    Received::Damaged if acknowledged => {
                        let again = self.exchange(b"-");
                        heard.extend(again);
                    }
                    Received::Retransmit => {
                        let again = self.exchange(sent.as_bytes());
                        heard.extend(again);
                    }
                    _ => {}
                }
            }
            if !heard.is_empty() {
                continue;
            }
            heard = self.exchange(b"");
            if heard.is_empty() {
                tries += 1;
                assert!(tries < TRIES, "{body} is never answered");
                heard = self.exchange(if acknowledged { b"-" } else { sent.as_bytes() });
            }
        }
    }
}

const SESSION: [&str; 13] = [
    "qSupported:multiprocess+;swbreak+",
    "?",
    "Hgp1.1",
    "g",
    "m1000,8",
    "Z0,1020,1",
    "M1030,2:aabb",
    "P1=0102030405060708",
    "vCont;s:p1.1;c",
    "m102f,4",
    "z0,1020,1",
    "qRcmd,68656170",
    "D;1",
];

/// The answers, the guest's memory and a register of it afterwards, and how
/// many bytes went each way.
fn converse(to_guest: Way, to_client: Way) -> ((Vec<String>, Vec<u8>, u64), [usize; 2]) {
    let mut both = Conversation {
        pair: pair(),
        framer: Framer::new(),
        to_guest,
        to_client,
    };
    let answers = SESSION.map(|body| both.request(body)).to_vec();
    assert!(!both.pair.session.is_held() && !both.pair.session.is_awaited());
    let memory = both.pair.session.guest.guest().bytes.clone();
    let counts = [both.to_guest.count, both.to_client.count];
    ((answers, memory, both.pair.frame.rbx), counts)
}

#[test]
fn no_single_byte_changes_a_session() {
    let whole = || Way::new(Harm::Nothing, 0);
    let (expected, counts) = converse(whole(), whole());
    assert_eq!(expected.2, 0x0807_0605_0403_0201);
    let mut harms = vec![Harm::Lose, Harm::Double, Harm::Delay];
    harms.extend([0, 5, 7].map(Harm::Flip));
    for harm in harms {
        for (direction, count) in counts.into_iter().enumerate() {
            for at in 0..count {
                let mut ways = [whole(), whole()];
                ways[direction] = Way::new(harm, at);
                let [to_guest, to_client] = ways;
                let (found, _) = converse(to_guest, to_client);
                assert_eq!(found, expected, "{harm:?} of byte {at}, way {direction}");
            }
        }
    }
}

/// A client that is gone after any byte, and the next one.
#[test]
fn a_client_may_vanish_at_any_byte() {
    let whole = || Way::new(Harm::Nothing, 0);
    let (expected, [count, _]) = converse(whole(), whole());
    let line: String = SESSION.iter().map(|body| packet(body) + "+").collect();
    for end in 0..line.len().max(count) {
        let mut pair = pair();
        let sent = &line.as_bytes()[..end.min(line.len())];
        for &byte in sent {
            if pair.send_bytes(&[byte]).0 == Some(Resume::Step) {
                pair.stop(StopReason::Debug(SINGLE_STEP));
            }
        }
        let mut next = Conversation {
            pair,
            framer: Framer::new(),
            to_guest: whole(),
            to_client: whole(),
        };
        next.pair.received_bytes();
        for (body, expected) in SESSION.iter().zip(&expected.0).skip(2) {
            if *body == "Hgp1.1" {
                let hello = next.request(SESSION[0]);
                assert!(hello.starts_with("$PacketSize"), "{hello}");
                // Whether it is stopped by this client or was already.
                let why = next.request("?");
                assert!(why.starts_with("$T0"), "{why}");
            }
            let answer = next.request(body);
            // Memory and registers may be what the first one made them.
            if !matches!(body.as_bytes()[0], b'm' | b'g') {
                assert_eq!(answer, *expected, "{body} after {end} bytes");
            }
        }
        assert!(!next.pair.session.is_held());
        assert_eq!(next.pair.byte(0x1020), 0x20);
    }
}
