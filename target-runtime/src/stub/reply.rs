//! The way out: the bytes of the last reply, kept to be sent again when the
//! client could not read them. It touches no device.

use gdbstub::conn::Connection;

use super::framing::PACKET_SIZE;

/// Room for the longest reply, which is as long as a packet, and an
/// acknowledgement before it.
pub(super) const REPLY_SIZE: usize = PACKET_SIZE + 16;

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
