//! Editing the page tables. Tables are RAM and RAM is identity-mapped, so a
//! table's physical address is a pointer to it.
#![expect(unsafe_code, reason = "page tables are raw memory")]

use super::PAGE_SIZE;
use super::entry::{Access, Entry, Level};
use super::frames::take_frame;
use crate::cell::CpuCell;
use crate::cpu;

/// Why a page was not mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MapError {
    /// No RAM for a table.
    OutOfMemory,
    /// Something is mapped there.
    Occupied,
}

/// The root table.
static ROOT: CpuCell<Root> = CpuCell::new(Root([Entry::EMPTY; 512]));

#[repr(C, align(4096))]
struct Root([Entry; 512]);

/// Physical address of the root table.
pub(super) fn root() -> u64 {
    ROOT.get() as u64
}

/// The entry of `level` that covers `address`; tables on the way are made when
/// `missing` makes them.
fn entry(
    address: u64,
    level: Level,
    mut missing: impl FnMut() -> Option<u64>,
) -> Result<*mut Entry, MapError> {
    let mut table = root() as *mut Entry;
    for above in [Level::Root, Level::Gigabyte, Level::Large] {
        if above == level {
            break;
        }
        let slot = table.wrapping_add(above.index(address));
        // SAFETY: `table` is the root or was read from an entry that points to
        // a table; the index is below 512.
        let mut found = unsafe { *slot };
        if !found.is_present() {
            found = Entry::table(missing().ok_or(MapError::OutOfMemory)?);
            // SAFETY: as above; the new table is zeroed, which maps nothing.
            unsafe { *slot = found };
        } else if found.is_large() {
            return Err(MapError::Occupied);
        }
        table = found.address() as *mut Entry;
    }
    Ok(table.wrapping_add(level.index(address)))
}

/// Maps one page of `level`.
pub(super) fn map_at(
    address: u64,
    physical: u64,
    level: Level,
    access: Access,
) -> Result<(), MapError> {
    let slot = entry(address, level, take_frame)?;
    // SAFETY: `entry` gives a slot in a table.
    unsafe {
        if (*slot).is_present() {
            return Err(MapError::Occupied);
        }
        *slot = Entry::page(physical, level, access);
    }
    Ok(())
}

/// Maps a 4 KiB page that is not mapped.
pub(crate) fn map(address: u64, physical: u64, access: Access) -> Result<(), MapError> {
    map_at(address, physical, Level::Page, access)
}

/// Unmaps a 4 KiB page; gives the frame it had.
pub(crate) fn unmap(address: u64) -> Option<u64> {
    let slot = entry(address, Level::Page, || None).ok()?;
    // SAFETY: `entry` gives a slot in a table.
    let old = unsafe { slot.replace(Entry::EMPTY) };
    cpu::flush_page(address);
    old.is_present().then(|| old.address())
}

/// Maps a range to itself, with 2 MiB pages where they fit.
pub(super) fn map_identity(start: u64, end: u64, access: Access) -> Result<(), MapError> {
    let mut address = start;
    while address < end {
        let large = Level::Large.coverage();
        let level = if address.is_multiple_of(large) && end - address >= large {
            Level::Large
        } else {
            Level::Page
        };
        map_at(address, address, level, access)?;
        address += level.coverage();
    }
    Ok(())
}

/// As [`map_identity`], with 4 KiB pages only.
pub(super) fn map_pages(start: u64, end: u64, access: Access) -> Result<(), MapError> {
    for address in (start..end).step_by(PAGE_SIZE as usize) {
        map(address, address, access)?;
    }
    Ok(())
}
