//! The guest's memory as a debugger sees it: reads and writes that end where
//! nothing is mapped instead of faulting.

use super::{ThisGuest, pages};
use crate::{cpu, trap};

/// Memory of a debugged program.
pub(super) trait Memory {
    /// Copies bytes from `address` on, and says how many: fewer than asked for
    /// when what follows is not mapped.
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> usize;

    /// Writes all bytes, to read-only memory too, or none: false when some of
    /// it is not mapped.
    fn write(&mut self, address: u64, bytes: &[u8]) -> bool;

    /// Whether the code at `address` enters a trap: a breakpoint there would be
    /// hit by its own handling before that can take it out.
    fn is_debugger(&self, address: u64) -> bool;
}

impl ThisGuest {
    fn is_mapped(address: u64) -> bool {
        pages::translate(cpu::cr3(), address, |entry| {
            #[expect(unsafe_code, reason = "page tables are found by physical address")]
            // SAFETY: the runtime's page tables map all page tables at their
            // physical addresses, and `translate` asks for aligned entries.
            unsafe {
                core::ptr::read_volatile(entry as usize as *const u64)
            }
        })
        .is_some()
    }

    /// The bytes from `address` on that are mapped, at most `length`.
    fn mapped(address: u64, length: usize) -> usize {
        let mut mapped = 0;
        while mapped < length {
            let Some(at) = address.checked_add(mapped as u64) else {
                break;
            };
            if !Self::is_mapped(at) {
                break;
            }
            let rest = pages::PAGE_SIZE - at % pages::PAGE_SIZE;
            mapped = mapped.saturating_add(rest as usize);
        }
        mapped.min(length)
    }
}

impl Memory for ThisGuest {
    #[expect(unsafe_code, reason = "the debugger reads what the client names")]
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> usize {
        let length = Self::mapped(address, bytes.len());
        let start = address as usize as *const u8;
        for (index, byte) in bytes[..length].iter_mut().enumerate() {
            // SAFETY: the page is present; everything present may be read.
            *byte = unsafe { core::ptr::read_volatile(start.wrapping_add(index)) };
        }
        length
    }

    #[expect(unsafe_code, reason = "the debugger writes what the client names")]
    fn write(&mut self, address: u64, bytes: &[u8]) -> bool {
        if Self::mapped(address, bytes.len()) != bytes.len() {
            return false;
        }
        cpu::without_write_protection(|| {
            let start = address as usize as *mut u8;
            for (index, byte) in bytes.iter().enumerate() {
                // SAFETY: the page is present, and write protection is off.
                // What the write does to the program is the client's wish.
                unsafe { core::ptr::write_volatile(start.wrapping_add(index), *byte) };
            }
        });
        true
    }

    fn is_debugger(&self, address: u64) -> bool {
        trap::entry_code().contains(&address)
    }
}
