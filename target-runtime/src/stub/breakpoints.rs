//! Software breakpoints: `int3` in the program's text, and what was there.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use super::memory::Memory;

/// The one-byte breakpoint instruction (SDM volume 2, INT3).
const INT3: u8 = 0xcc;
/// Breakpoints there can be at once.
pub(crate) const CAPACITY: usize = 128;

/// One breakpoint; free while the address is 0, where nothing is ever mapped.
/// The trap entry (`trap/entry.s`) reads the address at 0 and the byte at 8.
#[repr(C, align(16))]
struct Entry {
    address: AtomicU64,
    original: AtomicU8,
}

/// The breakpoints in the text.
///
/// Atomic because one may be set in a function that the debugger itself uses:
/// it is then hit while the table is in use, on the same CPU. The trap's entry
/// then puts the program's byte back and goes on; the breakpoint stays in the
/// table, so that one hit on the way to the debugger is still known as one.
#[repr(transparent)]
pub(crate) struct Breakpoints([Entry; CAPACITY]);

/// Why a breakpoint was not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BreakpointError {
    /// Nothing is mapped there.
    NotMapped,
    /// The debugger itself would hit it.
    InDebugger,
    /// There are too many already.
    Full,
}

impl Breakpoints {
    pub(crate) const fn new() -> Self {
        Self(
            [const {
                Entry {
                    address: AtomicU64::new(0),
                    original: AtomicU8::new(0),
                }
            }; CAPACITY],
        )
    }

    fn find(&self, address: u64) -> Option<&Entry> {
        self.0
            .iter()
            .find(|entry| entry.address.load(Relaxed) == address)
    }

    /// Whether there is one at an address.
    pub(super) fn contains(&self, address: u64) -> bool {
        address != 0 && self.find(address).is_some()
    }

    /// Sets one; to set it twice is to set it once.
    pub(super) fn insert(
        &self,
        address: u64,
        memory: &mut impl Memory,
    ) -> Result<(), BreakpointError> {
        if self.contains(address) {
            // It may have been taken out by a hit in the debugger itself.
            memory.write(address, &[INT3]);
            return Ok(());
        }
        if memory.is_debugger(address) {
            return Err(BreakpointError::InDebugger);
        }
        let mut original = [0];
        if address == 0 || memory.read(address, &mut original) == 0 {
            return Err(BreakpointError::NotMapped);
        }
        let entry = self.find(0).ok_or(BreakpointError::Full)?;
        entry.original.store(original[0], Relaxed);
        entry.address.store(address, Relaxed);
        if memory.write(address, &[INT3]) {
            return Ok(());
        }
        entry.address.store(0, Relaxed);
        Err(BreakpointError::NotMapped)
    }

    /// Puts back what was there. False when there was none.
    pub(super) fn remove(&self, address: u64, memory: &mut impl Memory) -> bool {
        let Some(entry) = self.find(address).filter(|_| address != 0) else {
            return false;
        };
        // A page that was unmapped meanwhile has nothing to put back.
        memory.write(address, &[entry.original.load(Relaxed)]);
        entry.address.store(0, Relaxed);
        true
    }

    /// Puts back in force those that the debugger itself has hit meanwhile.
    pub(super) fn arm(&self, memory: &mut impl Memory) {
        for entry in &self.0 {
            let (address, mut byte) = (entry.address.load(Relaxed), [INT3]);
            if address != 0 && memory.read(address, &mut byte) == 1 && byte != [INT3] {
                memory.write(address, &[INT3]);
            }
        }
    }

    /// Removes all.
    pub(super) fn clear(&self, memory: &mut impl Memory) {
        for entry in &self.0 {
            self.remove(entry.address.load(Relaxed), memory);
        }
    }

    /// Entries in a range, as index into it.
    fn within(&self, start: u64, length: usize) -> impl Iterator<Item = (usize, &Entry)> {
        self.0.iter().filter_map(move |entry| {
            let address = entry.address.load(Relaxed);
            let index = address.checked_sub(start).filter(|_| address != 0)? as usize;
            (index < length).then_some((index, entry))
        })
    }

    /// Shows the program's own bytes in what was read from `address`.
    pub(super) fn hide(&self, address: u64, bytes: &mut [u8]) {
        for (index, entry) in self.within(address, bytes.len()) {
            bytes[index] = entry.original.load(Relaxed);
        }
    }

    /// Writes to the program, under the breakpoints.
    pub(super) fn write(&self, address: u64, bytes: &[u8], memory: &mut impl Memory) -> bool {
        if !memory.write(address, bytes) {
            return false;
        }
        for (index, entry) in self.within(address, bytes.len()) {
            entry.original.store(bytes[index], Relaxed);
            memory.write(entry.address.load(Relaxed), &[INT3]);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::FakeGuest;
    use super::*;

    #[test]
    fn a_breakpoint_is_in_the_text_and_not_in_what_is_read() {
        let (breakpoints, mut memory) = (Breakpoints::new(), FakeGuest::new(0x1000, 0x20));
        breakpoints.insert(0x1004, &mut memory).unwrap();
        breakpoints.insert(0x1004, &mut memory).unwrap();
        assert_eq!(memory.bytes[4], INT3);
        let mut read = [0; 3];
        assert_eq!(memory.read(0x1003, &mut read), 3);
        breakpoints.hide(0x1003, &mut read);
        assert_eq!(read, [3, 4, 5]);
        assert!(breakpoints.remove(0x1004, &mut memory));
        assert!(!breakpoints.remove(0x1004, &mut memory));
        assert_eq!(memory.bytes[4], 4);
    }

    #[test]
    fn a_write_goes_under_the_breakpoint() {
        let (breakpoints, mut memory) = (Breakpoints::new(), FakeGuest::new(0x1000, 0x20));
        breakpoints.insert(0x1004, &mut memory).unwrap();
        assert!(breakpoints.write(0x1003, &[0xa, 0xb, 0xc], &mut memory));
        assert_eq!(memory.bytes[3..6], [0xa, INT3, 0xc]);
        breakpoints.clear(&mut memory);
        assert_eq!(memory.bytes[3..6], [0xa, 0xb, 0xc]);
    }

    #[test]
    fn what_the_debugger_hit_is_put_back() {
        let (breakpoints, mut memory) = (Breakpoints::new(), FakeGuest::new(0x1000, 0x20));
        breakpoints.insert(0x1004, &mut memory).unwrap();
        // As the entry of a trap does it.
        memory.write(0x1004, &[4]);
        assert!(breakpoints.contains(0x1004));
        breakpoints.arm(&mut memory);
        assert_eq!(memory.bytes[4], INT3);
        memory.write(0x1004, &[4]);
        breakpoints.insert(0x1004, &mut memory).unwrap();
        assert_eq!(memory.bytes[4], INT3);
        breakpoints.clear(&mut memory);
        breakpoints.arm(&mut memory);
        assert_eq!(memory.bytes[4], 4);
    }

    #[test]
    fn what_cannot_be_set_says_why() {
        let (breakpoints, mut memory) = (Breakpoints::new(), FakeGuest::new(0x1000, 0x1000));
        assert_eq!(
            breakpoints.insert(FakeGuest::DEBUGGER, &mut memory),
            Err(BreakpointError::InDebugger)
        );
        for address in [0, 0xfff, 0x2000, u64::MAX] {
            assert_eq!(
                breakpoints.insert(address, &mut memory),
                Err(BreakpointError::NotMapped)
            );
        }
        for address in (0x1000..).take(CAPACITY) {
            breakpoints.insert(address, &mut memory).unwrap();
        }
        assert_eq!(
            breakpoints.insert(0x1f00, &mut memory),
            Err(BreakpointError::Full)
        );
        breakpoints.clear(&mut memory);
        assert!(
            memory
                .bytes
                .iter()
                .zip(0_u32..)
                .all(|(byte, index)| *byte == index as u8)
        );
    }
}
