//! A 16550 serial port, polled for output, with an optional interrupt for
//! input. Not a console and not a protocol.
#![expect(unsafe_code, reason = "a UART is reached through ports")]

use core::fmt;

use crate::port;

/// The first serial port: the console.
pub const COM1: u16 = 0x3f8;
/// The second serial port: the debugger's. Its interrupt is ISA line 3.
pub const COM2: u16 = 0x2f8;

/// Register offsets (16550D data sheet, table II).
const DATA: u16 = 0;
const INTERRUPT_ENABLE: u16 = 1;
const FIFO_CONTROL: u16 = 2;
const LINE_CONTROL: u16 = 3;
const MODEM_CONTROL: u16 = 4;
const LINE_STATUS: u16 = 5;
const SCRATCH: u16 = 7;

const DATA_READY: u8 = 1 << 0;
const TRANSMITTER_EMPTY: u8 = 1 << 5;
const RECEIVED_DATA_INTERRUPT: u8 = 1 << 0;

/// Polls of the line status before a byte is given up: a port whose other end
/// is stuck must not hang the guest.
const TRANSMIT_POLLS: u32 = 1_000_000;

/// One serial port.
#[derive(Debug)]
pub struct Uart {
    base: u16,
}

impl Uart {
    /// The port at `base`; nothing is touched yet.
    ///
    /// # Safety
    /// `base` must be the first of eight ports of a 16550, or of ports that
    /// nothing answers.
    pub const unsafe fn new(base: u16) -> Self {
        Self { base }
    }

    /// Sets 115200 baud, eight bits, no parity, one stop bit, FIFOs on with a
    /// receive trigger of 14 bytes. False when no UART answers.
    pub fn init(&mut self) -> bool {
        self.write(SCRATCH, 0xa5);
        if self.read(SCRATCH) != 0xa5 {
            return false;
        }
        self.write(INTERRUPT_ENABLE, 0);
        self.write(LINE_CONTROL, 0x80); // divisor latch
        self.write(DATA, 1);
        self.write(INTERRUPT_ENABLE, 0);
        self.write(LINE_CONTROL, 0x03);
        self.write(FIFO_CONTROL, 0xc7);
        // DTR, RTS, and OUT2, which gates the interrupt on a PC.
        self.write(MODEM_CONTROL, 0x0b);
        true
    }

    /// Lets received data raise the port's interrupt.
    pub fn enable_receive_interrupt(&mut self) {
        self.write(INTERRUPT_ENABLE, RECEIVED_DATA_INTERRUPT);
    }

    /// A received byte, if there is one.
    pub fn try_read(&mut self) -> Option<u8> {
        (self.read(LINE_STATUS) & DATA_READY != 0).then(|| self.read(DATA))
    }

    /// Sends a byte once the transmitter has room; false when it never had.
    pub fn write_byte(&mut self, byte: u8) -> bool {
        for _ in 0..TRANSMIT_POLLS {
            // Not polling loses bytes when the host end is a socket.
            if self.read(LINE_STATUS) & TRANSMITTER_EMPTY != 0 {
                self.write(DATA, byte);
                return true;
            }
            core::hint::spin_loop();
        }
        false
    }

    fn read(&self, register: u16) -> u8 {
        // SAFETY: `new`'s caller vouched for the ports; a UART moves no memory.
        unsafe { port::read_u8(self.base + register) }
    }

    fn write(&mut self, register: u16, value: u8) {
        // SAFETY: as for `read`.
        unsafe { port::write_u8(self.base + register, value) }
    }
}

impl fmt::Write for Uart {
    /// Writes text, with a carriage return before each line feed, and gives up
    /// at the first byte that cannot be sent.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let sent = text
            .bytes()
            .all(|byte| (byte != b'\n' || self.write_byte(b'\r')) && self.write_byte(byte));
        if sent { Ok(()) } else { Err(fmt::Error) }
    }
}
