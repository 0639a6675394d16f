//! The guest's text where the console's port is the stub's too: whole lines for
//! the client while there is one.

use core::fmt::{self, Write};

use super::guest;
use crate::console;

/// Bytes that go into one packet.
const LINE_SIZE: usize = 120;

/// Shows text to a client that has the console's port. False when there is none,
/// and the port takes the text as it is.
pub(crate) fn show(text: fmt::Arguments<'_>) -> bool {
    if !guest::is_heard() {
        return false;
    }
    let mut line = Line {
        bytes: [0; LINE_SIZE],
        length: 0,
    };
    // Only what formats itself can fail, and says what it could.
    let _ = line.write_fmt(text);
    line.flush();
    true
}

struct Line {
    bytes: [u8; LINE_SIZE],
    length: usize,
}

impl Line {
    fn flush(&mut self) {
        let text = &self.bytes[..self.length];
        if !text.is_empty() && !guest::say(text) {
            // The client left between two lines.
            console::write_plain(text);
        }
        self.length = 0;
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.bytes[self.length] = byte;
            self.length += 1;
            if byte == b'\n' || self.length == LINE_SIZE {
                self.flush();
            }
        }
        Ok(())
    }
}
