//! Framing of the remote serial protocol: bytes in, packets out.
//!
//! Finds packets and notifications in a byte stream, checks their sums,
//! expands run-lengths and undoes escapes (GDB manual, "Remote Protocol:
//! Overview"). It knows nothing of what a packet means, keeps no clock and
//! never holds more than one packet of bounded size.

use std::collections::VecDeque;

/// What the framer found in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Received {
    /// A packet with a good checksum, expanded and unescaped.
    Packet(Vec<u8>),
    /// A notification (`%…`) with a good checksum.
    Notification(Vec<u8>),
    /// A `+`.
    Ack,
    /// A `-`.
    Nak,
    /// A packet that was damaged on the way.
    Damaged,
    /// A packet larger than the framer's bound; its content is dropped.
    TooLong,
    /// This many bytes between packets that belong to none.
    Noise(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    Packet,
    Notification,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Body(Lead),
    /// After the `*` of a run.
    Run(Lead),
    /// After `#`.
    FirstDigit(Lead),
    SecondDigit(Lead, u8),
}

/// Splits a byte stream into [`Received`] elements.
#[derive(Debug)]
pub(super) struct Framer {
    state: State,
    body: Vec<u8>,
    sum: u8,
    /// Why the current packet cannot be delivered, if so.
    spoiled: Option<Received>,
    limit: usize,
    found: VecDeque<Received>,
}

impl Framer {
    /// A framer that refuses packets of more than `limit` expanded bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: State::Idle,
            body: Vec::new(),
            sum: 0,
            spoiled: None,
            limit,
            found: VecDeque::new(),
        }
    }

    /// Takes bytes as they arrive, in chunks of any size.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            let whole = bytes;
            bytes = rest;
            match self.state {
                State::Body(lead) => bytes = self.body(lead, whole),
                State::Idle => self.idle(first),
                State::Run(lead) => self.run(lead, first),
                State::FirstDigit(lead) => match hex_digit(first) {
                    Some(high) => self.state = State::SecondDigit(lead, high),
                    None => self.broken_sum(first),
                },
                State::SecondDigit(lead, high) => match hex_digit(first) {
                    Some(low) => self.finish(lead, high << 4 | low),
                    None => self.broken_sum(first),
                },
            }
        }
    }

    /// The next element found, oldest first.
    pub(super) fn next(&mut self) -> Option<Received> {
        self.found.pop_front()
    }

    /// Forgets a packet that was begun and all elements not yet taken.
    pub(super) fn reset(&mut self) {
        self.state = State::Idle;
        self.found.clear();
    }

    fn idle(&mut self, byte: u8) {
        match byte {
            b'$' => self.begin(Lead::Packet),
            b'%' => self.begin(Lead::Notification),
            b'+' => self.found.push_back(Received::Ack),
            b'-' => self.found.push_back(Received::Nak),
            _ => match self.found.back_mut() {
                Some(Received::Noise(count)) => *count = count.saturating_add(1),
                _ => self.found.push_back(Received::Noise(1)),
            },
        }
    }

    fn begin(&mut self, lead: Lead) {
        self.body.clear();
        self.sum = 0;
        self.spoiled = None;
        self.state = State::Body(lead);
    }

    /// Takes plain bytes up to the first special one, and that one too.
    fn body<'a>(&mut self, lead: Lead, bytes: &'a [u8]) -> &'a [u8] {
        let plain = bytes
            .iter()
            .position(|byte| matches!(byte, b'#' | b'$' | b'*'))
            .unwrap_or(bytes.len());
        let (head, tail) = bytes.split_at(plain);
        self.sum = head
            .iter()
            .fold(self.sum, |sum, byte| sum.wrapping_add(*byte));
        self.extend(head);
        let Some((&special, rest)) = tail.split_first() else {
            return tail;
        };
        match special {
            b'#' => self.state = State::FirstDigit(lead),
            b'*' => {
                self.sum = self.sum.wrapping_add(special);
                self.state = State::Run(lead);
            }
            // A `$` is always escaped inside a packet: the end of this one
            // was lost and another begins.
            _ => {
                self.found.push_back(Received::Damaged);
                self.begin(Lead::Packet);
            }
        }
        rest
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.body.len().saturating_add(bytes.len()) > self.limit {
            self.spoiled = Some(Received::TooLong);
        } else if self.spoiled.is_none() {
            self.body.extend_from_slice(bytes);
        }
    }

    /// The byte after `*` says how often the one before it is repeated.
    fn run(&mut self, lead: Lead, byte: u8) {
        match byte {
            b'#' => {
                self.spoiled.get_or_insert(Received::Damaged);
                self.state = State::FirstDigit(lead);
                return;
            }
            b'$' => {
                self.found.push_back(Received::Damaged);
                self.begin(Lead::Packet);
                return;
            }
            _ => {}
        }
        self.sum = self.sum.wrapping_add(byte);
        self.state = State::Body(lead);
        match (self.body.last().copied(), byte) {
            (Some(last), 32..=126) => {
                let run = [last; 97];
                self.extend(&run[..usize::from(byte - 29)]);
            }
            _ => {
                self.spoiled.get_or_insert(Received::Damaged);
            }
        }
    }

    fn finish(&mut self, lead: Lead, sum: u8) {
        self.state = State::Idle;
        if sum != self.sum {
            self.found.push_back(Received::Damaged);
            return;
        }
        let received = match self.spoiled.take() {
            Some(spoiled) => spoiled,
            None => match (unescape(std::mem::take(&mut self.body)), lead) {
                (Some(body), Lead::Packet) => Received::Packet(body),
                (Some(body), Lead::Notification) => Received::Notification(body),
                (None, _) => Received::Damaged,
            },
        };
        self.found.push_back(received);
    }

    /// A digit of the checksum is none. If a packet begins here, take it.
    fn broken_sum(&mut self, byte: u8) {
        self.found.push_back(Received::Damaged);
        self.state = State::Idle;
        if byte == b'$' {
            self.begin(Lead::Packet);
        }
    }
}

/// Undoes `}` escapes; `None` if the last byte is an escape without a target.
///
/// Runs are expanded before escapes are undone, as GDB does.
fn unescape(mut body: Vec<u8>) -> Option<Vec<u8>> {
    let Some(first) = body.iter().position(|byte| *byte == b'}') else {
        return Some(body);
    };
    let (mut from, mut to) = (first, first);
    while from < body.len() {
        let mut byte = body[from];
        if byte == b'}' {
            from += 1;
            byte = *body.get(from)? ^ 0x20;
        }
        body[to] = byte;
        from += 1;
        to += 1;
    }
    body.truncate(to);
    Some(body)
}

/// The value of a hexadecimal digit of either case.
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Appends `payload` as a packet: `$`, escaped content, `#`, checksum.
pub(super) fn append_packet(payload: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'$');
    let start = out.len();
    for &byte in payload {
        if matches!(byte, b'$' | b'#' | b'}' | b'*') {
            out.extend_from_slice(&[b'}', byte ^ 0x20]);
        } else {
            out.push(byte);
        }
    }
    let sum = out[start..]
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    out.extend_from_slice(&[
        b'#',
        DIGITS[usize::from(sum >> 4)],
        DIGITS[usize::from(sum & 15)],
    ]);
}

#[cfg(test)]
mod tests;
