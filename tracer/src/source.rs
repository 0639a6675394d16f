//! Where slots are read from: a ring in some memory. Nothing is checked or
//! decoded here.

use std::mem::offset_of;

use ukdbg_guest_abi::RingHeader;
use ukdbg_guest_abi::ring::SLOT_SIZE;
use ukdbg_inspect::{Memory, MemoryError, VirtAddr};

use crate::Ring;
use crate::ring::read_all;

/// One ring's slots and head.
pub(crate) trait SlotSource {
    /// The head now. Whatever was copied before, was copied before this.
    fn head(&mut self) -> Result<u64, MemoryError>;

    /// Copies the slots from a position in the ring on, in ascending order of
    /// address (a slot's sequence is its first word: seen whole, the rest was
    /// written before it), and says how many bytes could be read. The slots
    /// asked for do not reach over the ring's end.
    fn copy(&mut self, position: u64, slots: &mut [u8]) -> usize;
}

/// A ring in guest memory.
pub(crate) struct MemorySlots<'a> {
    pub(crate) memory: &'a mut dyn Memory,
    pub(crate) ring: Ring,
}

impl SlotSource for MemorySlots<'_> {
    fn head(&mut self) -> Result<u64, MemoryError> {
        let offset = offset_of!(RingHeader, head) as u64;
        let at = VirtAddr(self.ring.header.0.wrapping_add(offset));
        let mut word = [0; 8];
        match read_all(self.memory, at, &mut word) {
            (_, Some(error)) => Err(error),
            (_, None) => Ok(u64::from_le_bytes(word)),
        }
    }

    fn copy(&mut self, position: u64, slots: &mut [u8]) -> usize {
        // Within the ring, whose end was checked to be an address.
        let at = VirtAddr(self.ring.slots.0 + position * SLOT_SIZE as u64);
        read_all(self.memory, at, slots).0
    }
}

/// Bytes that were copied from a guest, as the memory they were.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// The address of the first byte.
    pub base: VirtAddr,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl Memory for Snapshot<'_> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let rest = at
            .offset_from(self.base)
            .and_then(|offset| usize::try_from(offset).ok())
            .and_then(|offset| self.bytes.get(offset..))
            .filter(|rest| !rest.is_empty())
            .ok_or(MemoryError::Unmapped { at })?;
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
