//! What the stub's tests stand on: a guest and a frame that are none.

use core::fmt;

use super::framing::PACKET_SIZE;
use super::memory::Memory;
use super::monitor::{Command, Monitor};
use super::target::NO_FRAME;
use super::tasks::{Task, Tasks};
use super::watchpoints::DebugRegisters;
use crate::TrapFrame;

/// One mapped range, whose bytes at first are their own offsets, and tasks.
pub(super) struct FakeGuest {
    pub(super) start: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) tasks: Vec<Option<Task>>,
    pub(super) current: usize,
    pub(super) debug_registers: ([u64; 4], u64),
}

impl FakeGuest {
    /// An address of the debugger's own code.
    pub(super) const DEBUGGER: u64 = 0x1fff;

    pub(super) fn new(start: u64, length: usize) -> Self {
        Self {
            start,
            bytes: (0..length).map(|offset| offset as u8).collect(),
            tasks: Vec::new(),
            current: 0,
            debug_registers: ([0; 4], 0),
        }
    }

    fn rest(&mut self, address: u64) -> &mut [u8] {
        let offset = address
            .checked_sub(self.start)
            .map_or(usize::MAX, |offset| offset as usize);
        self.bytes.get_mut(offset..).unwrap_or_default()
    }
}

impl Memory for FakeGuest {
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> usize {
        let rest = self.rest(address);
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        length
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> bool {
        let place = self.rest(address).get_mut(..bytes.len());
        place.map(|place| place.copy_from_slice(bytes)).is_some()
    }

    fn is_debugger(&self, address: u64) -> bool {
        address == Self::DEBUGGER
    }
}

impl Tasks for FakeGuest {
    fn current(&self) -> usize {
        self.current
    }

    fn task(&self, number: usize) -> Option<Task> {
        self.tasks.get(number).copied().flatten()
    }

    fn limit(&self) -> usize {
        self.tasks.len()
    }

    fn switch_end(&self) -> u64 {
        0x5000
    }
}

impl Monitor for FakeGuest {
    fn show(&mut self, command: Command, out: &mut dyn fmt::Write) -> fmt::Result {
        if command == Command::Trace {
            // More than a packet can hold.
            return (0..PACKET_SIZE).try_for_each(|_| out.write_str("trace"));
        }
        write!(out, "{command:?}")
    }
}

impl DebugRegisters for FakeGuest {
    fn set_debug_registers(&mut self, addresses: [u64; 4], control: u64) {
        self.debug_registers = (addresses, control);
    }
}

/// Every register has a value of its own.
pub(super) fn frame() -> TrapFrame {
    let mut frame = NO_FRAME;
    frame.set_general(std::array::from_fn(|index| {
        0x1111_1111_1111_1111_u64.wrapping_mul(index as u64 + 1)
    }));
    frame.fx.0[24..26].copy_from_slice(&0x1f80_u16.to_le_bytes());
    frame.fx.0[28..30].copy_from_slice(&0xffff_u16.to_le_bytes());
    frame.rip = 0x1010;
    frame.rsp = 0x1080;
    frame.rflags = 0x202;
    frame.cs = 8;
    frame.ss = 16;
    frame
}
