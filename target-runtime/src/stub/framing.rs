//! The framing of the remote serial protocol on the way in: bytes of a line
//! that may lose or damage them become whole, checked packets.
//!
//! `gdbstub` gives up at a bad checksum, a negative acknowledgement or a stray
//! byte, so it is only given what comes out here. Packets are not understood.

/// Bytes of the longest packet, `$` and checksum included. Clients are told.
pub(super) const PACKET_SIZE: usize = 0x1000;

/// What a byte completed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Received {
    /// Nothing yet.
    Nothing,
    /// A packet whose checksum is right; see [`Framer::packet`].
    Packet,
    /// A packet whose checksum is wrong: the client should send it again.
    Damaged,
    /// A packet that is right but longer than a client was told it may be.
    TooLong,
    /// The client could read our last packet.
    Acknowledged,
    /// The client could not read our last packet.
    Retransmit,
    /// The client wants the guest to stop.
    Interrupt,
}

/// Where in a packet the line is. A checksum's digits are not kept apart: once
/// both are there they are at the buffer's end.
#[derive(Clone, Copy)]
enum State {
    Outside,
    Body,
    FirstDigit,
    SecondDigit { first: u8 },
}

/// Collects one packet at a time.
pub(super) struct Framer {
    state: State,
    sum: u8,
    /// Length of the packet so far; more than fits when it is too long.
    length: usize,
    buffer: [u8; PACKET_SIZE],
}

impl Framer {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Outside,
            sum: 0,
            length: 0,
            buffer: [0; PACKET_SIZE],
        }
    }

    /// Forgets what came so far.
    pub(super) fn reset(&mut self) {
        self.state = State::Outside;
        self.length = 0;
    }

    /// Takes the next byte of the line.
    pub(super) fn push(&mut self, byte: u8) -> Received {
        // `$` is escaped everywhere inside a packet, so an unescaped one is the
        // start of the next: what came before lost its end.
        if byte == b'$' {
            *self = Self {
                state: State::Body,
                sum: 0,
                length: 0,
                ..*self
            };
            self.keep(byte);
            return Received::Nothing;
        }
        match self.state {
            State::Outside => match byte {
                b'+' => Received::Acknowledged,
                b'-' => Received::Retransmit,
                0x03 => Received::Interrupt,
                _ => Received::Nothing,
            },
            State::Body => {
                self.keep(byte);
                if byte == b'#' {
                    self.state = State::FirstDigit;
                } else {
                    self.sum = self.sum.wrapping_add(byte);
                }
                Received::Nothing
            }
            State::FirstDigit => {
                self.keep(byte);
                self.state = State::SecondDigit { first: byte };
                Received::Nothing
            }
            State::SecondDigit { first } => {
                self.keep(byte);
                self.state = State::Outside;
                self.complete(first, byte)
            }
        }
    }

    fn complete(&self, first: u8, second: u8) -> Received {
        let sum = digit(first)
            .zip(digit(second))
            .map(|(high, low)| high << 4 | low);
        if sum != Some(self.sum) {
            return Received::Damaged;
        }
        if self.length > PACKET_SIZE {
            Received::TooLong
        } else {
            Received::Packet
        }
    }

    /// The packet that the last byte completed, from its `$` to its checksum.
    pub(super) fn packet(&self) -> &[u8] {
        &self.buffer[..self.length.min(PACKET_SIZE)]
    }

    fn keep(&mut self, byte: u8) {
        if let Some(place) = self.buffer.get_mut(self.length) {
            *place = byte;
        }
        self.length = self.length.saturating_add(1);
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests;
