//! The way out: the bytes of the last reply, kept to be sent again when the
//! client could not read them. It touches no device.

use core::fmt;

use gdbstub::conn::Connection;

use super::framing::PACKET_SIZE;

/// Room for the longest reply, which is as long as a packet, and an
/// acknowledgement before it.
pub(super) const REPLY_SIZE: usize = PACKET_SIZE + 16;
/// Where a packet of ours ends at the latest: `#` and the sum follow.
const LONGEST_BODY: usize = PACKET_SIZE - 3;

/// A reply has more bytes than a packet may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ReplyTooLong;

/// What is to be sent for one request.
pub(super) struct Reply {
    length: usize,
    bytes: &'static mut [u8; REPLY_SIZE],
}

impl Reply {
    pub(super) fn new(bytes: &'static mut [u8; REPLY_SIZE]) -> Self {
        Self { length: 0, bytes }
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// Acknowledges, and answers with a packet that is not `gdbstub`'s. What
    /// does not fit is left out.
    pub(super) fn answer(&mut self, body: impl FnOnce(&mut Body<'_>) -> fmt::Result) {
        self.clear();
        self.put(b"+$");
        let mut packet = Body {
            reply: self,
            sum: 0,
        };
        // It fails when there is no more room, and then ends there.
        let _ = body(&mut packet);
        let sum = packet.sum;
        self.put(&[b'#', hex(sum >> 4), hex(sum)]);
    }

    /// Adds a packet behind the one that is there.
    pub(super) fn append(&mut self, packet: &[u8]) {
        self.put(packet);
    }

    fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // Room is kept for what frames a packet.
            let _ = self.write(byte);
        }
    }

    /// Acknowledgement and packet, or nothing.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The packet without the acknowledgement.
    pub(super) fn packet(&self) -> &[u8] {
        let bytes = self.bytes();
        let start = bytes
            .iter()
            .position(|&byte| byte == b'$')
            .unwrap_or(bytes.len());
        &bytes[start..]
    }
}

/// A digit for the low four bits.
pub(super) const fn hex(value: u8) -> u8 {
    b"0123456789abcdef"[(value & 0xf) as usize]
}

/// What is between a packet's `$` and its `#`.
pub(super) struct Body<'a> {
    reply: &'a mut Reply,
    sum: u8,
}

impl Body<'_> {
    /// Two digits for each byte.
    pub(super) fn hex(&mut self, text: &[u8]) -> fmt::Result {
        for &byte in text {
            // Both digits or none.
            if self.reply.length + 2 > LONGEST_BODY {
                return Err(fmt::Error);
            }
            self.byte(hex(byte >> 4))?;
            self.byte(hex(byte))?;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> fmt::Result {
        if self.reply.length >= LONGEST_BODY {
            return Err(fmt::Error);
        }
        self.sum = self.sum.wrapping_add(byte);
        self.reply.write(byte).map_err(|_| fmt::Error)
    }
}

impl fmt::Write for Body<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().try_for_each(|byte| self.byte(byte))
    }
}

/// Text in a packet's hexadecimal digits, as `qRcmd` is answered and the
/// console shown.
pub(super) struct HexText<'a, 'b>(pub(super) &'a mut Body<'b>);

impl fmt::Write for HexText<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.hex(text.as_bytes())
    }
}

impl Connection for Reply {
    type Error = ReplyTooLong;

    fn write(&mut self, byte: u8) -> Result<(), ReplyTooLong> {
        *self.bytes.get_mut(self.length).ok_or(ReplyTooLong)? = byte;
        self.length += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ReplyTooLong> {
        Ok(())
    }
}
