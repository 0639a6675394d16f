//! Blocks on pages of their own: a block ends where its last page ends, as far
//! as its alignment allows, and the page behind is never mapped. A released
//! block is unmapped at once.
#![expect(unsafe_code, reason = "maps and unmaps pages")]

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use super::window::{PAGES, Window};
use super::{caller, ledger};
use crate::cell::CpuCell;
use crate::memory::{self, Access, GUARDED_START, PAGE_SIZE};

static WINDOW: CpuCell<Window> = CpuCell::new(Window::new());
const GUARDED_END: u64 = GUARDED_START + PAGES as u64 * PAGE_SIZE;

/// Tells the host where guarded blocks are.
pub(super) fn publish() {
    ledger::LEDGER
        .guarded_start
        .store(GUARDED_START, Ordering::Relaxed);
    ledger::LEDGER
        .guarded_end
        .store(GUARDED_END, Ordering::Relaxed);
}

/// A guarded block; `None` when there is no room for one.
pub(super) fn allocate(layout: Layout, frame_pointer: u64) -> Option<NonNull<u8>> {
    let size = layout.size() as u64;
    if layout.align() as u64 > PAGE_SIZE || size > GUARDED_END - GUARDED_START {
        return None;
    }
    let count = size.div_ceil(PAGE_SIZE) as usize;
    // SAFETY: tasks switch only where they say so, and no trap allocates.
    let window = unsafe { &mut *WINDOW.get() };
    let index = ledger::next_index()?;
    let first = window.find(count)?;
    if !map(first, count) {
        return None;
    }
    window.claim(first, count, index);
    let address = place(page_address(first + count), size, layout.align() as u64);
    let by = caller::return_addresses(frame_pointer);
    ledger::record(index, address, size, layout.align() as u32, by);
    NonNull::new(address as *mut u8)
}

/// Releases a block if it is a guarded one.
pub(super) fn release(address: u64, frame_pointer: u64) -> bool {
    if !(GUARDED_START..GUARDED_END).contains(&address) {
        return false;
    }
    let page = ((address - GUARDED_START) / PAGE_SIZE) as usize;
    // SAFETY: as for `allocate`.
    let window = unsafe { &mut *WINDOW.get() };
    let Some(index) = window.owner(page) else {
        panic!("release of {address:#x}, which is not an allocated block");
    };
    let by = caller::return_addresses(frame_pointer);
    let (start, size) = ledger::retire(index, by);
    let count = size.div_ceil(PAGE_SIZE) as usize;
    let first = ((start - GUARDED_START) / PAGE_SIZE) as usize;
    window.release(first, count);
    unmap(first, count);
    true
}

/// Where a block starts whose pages end at `end`.
fn place(end: u64, size: u64, align: u64) -> u64 {
    (end - size) & !(align - 1)
}

fn page_address(page: usize) -> u64 {
    GUARDED_START + page as u64 * PAGE_SIZE
}

/// Maps fresh frames; on failure what was mapped is undone.
fn map(first: usize, count: usize) -> bool {
    for page in first..first + count {
        let Some(frame) = memory::take_frame() else {
            unmap(first, page - first);
            return false;
        };
        if memory::map(page_address(page), frame, Access::ReadWrite).is_err() {
            // SAFETY: the frame was taken above and was not mapped.
            unsafe { memory::free_frame(frame) };
            unmap(first, page - first);
            return false;
        }
    }
    true
}

fn unmap(first: usize, count: usize) {
    for page in first..first + count {
        if let Some(frame) = memory::unmap(page_address(page)) {
            // SAFETY: guarded pages alone have this frame, and the page that
            // mapped it is gone.
            unsafe { memory::free_frame(frame) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_where_its_page_ends() {
        #[track_caller]
        fn check(size: u64, align: u64, expected: u64) {
            assert_eq!(place(0x2000, size, align), expected);
        }
        check(32, 8, 0x1fe0);
        check(1, 1, 0x1fff);
        check(33, 16, 0x1fd0);
        check(4096, 4096, 0x1000);
        check(5000, 8, 0xc78);
    }
}
