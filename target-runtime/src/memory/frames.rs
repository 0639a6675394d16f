//! Where physical pages come from: first the RAM behind the image, and once
//! the heap has taken that over, the heap.
#![expect(unsafe_code, reason = "fresh pages are raw memory")]

use core::alloc::Layout;

use super::PAGE_SIZE;
use crate::boot::Region;
use crate::cell::CpuCell;
use crate::heap;

/// RAM that nobody has yet; `None` once the heap has it.
static EARLY: CpuCell<Option<Region>> = CpuCell::new(None);

const PAGE: Layout = match Layout::from_size_align(PAGE_SIZE as usize, PAGE_SIZE as usize) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

/// Gives the early allocator its RAM.
pub(super) fn begin(region: Region) {
    // SAFETY: boot is one thread of control, and traps take no frames.
    unsafe { *EARLY.get() = Some(region) };
}

/// Ends the early allocator; what is left goes to the heap.
pub(super) fn finish() -> Option<Region> {
    // SAFETY: as for `begin`.
    unsafe { (*EARLY.get()).take() }
}

/// A page of RAM, zeroed, by its physical address, which is also its virtual
/// one.
pub(crate) fn take_frame() -> Option<u64> {
    // SAFETY: as for `begin`.
    let frame = match unsafe { &mut *EARLY.get() } {
        Some(region) => {
            let frame = region.start;
            if frame == region.end {
                return None;
            }
            region.start += PAGE_SIZE;
            frame
        }
        None => heap::allocate_unguarded(PAGE)?.as_ptr() as u64,
    };
    // SAFETY: nobody else has the page, and it is mapped, first by the entry
    // code's tables and then by ours.
    unsafe { (frame as *mut u8).write_bytes(0, PAGE_SIZE as usize) };
    Some(frame)
}

/// Gives a page back.
///
/// # Safety
/// It came from [`take_frame`] after the boot, and nothing maps or uses it.
pub(crate) unsafe fn free_frame(frame: u64) {
    if let Some(page) = core::ptr::NonNull::new(frame as *mut u8) {
        // SAFETY: the caller vouches for it.
        unsafe { heap::release_unguarded(page, PAGE) };
    }
}
