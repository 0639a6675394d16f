//! Text on the first serial port. Not a log: no levels, no buffer.
#![expect(unsafe_code, reason = "names the console's port")]

use core::fmt::{self, Write as _};

use crate::stub;
use crate::uart::{COM1, Uart};

/// Makes the port ready.
pub(crate) fn init() {
    port().init();
}

fn port() -> Uart {
    // SAFETY: COM1 is a 16550 or absent on every PC.
    unsafe { Uart::new(COM1) }
}

/// Writes formatted text to the console. [`print!`](crate::print) and
/// [`println!`](crate::println) are the usual way.
pub fn write(text: fmt::Arguments<'_>) {
    if stub::show(text) {
        return;
    }
    // A console that is gone must not stop the guest.
    let _ = port().write_fmt(text);
}

/// Writes text as it is.
pub(crate) fn write_plain(text: &[u8]) {
    let mut port = port();
    // As above.
    let _ = text
        .iter()
        .all(|&byte| (byte != b'\n' || port.write_byte(b'\r')) && port.write_byte(byte));
}

/// Prints on the console.
#[macro_export]
macro_rules! print {
    ($($text:tt)*) => { $crate::console_write(::core::format_args!($($text)*)) };
}

/// Prints a line on the console.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($text:tt)*) => { $crate::print!("{}\n", ::core::format_args!($($text)*)) };
}
