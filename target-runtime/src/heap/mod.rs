//! The guest's heap: a general allocator, and one that gives each block pages
//! of its own so that the first byte past its end, and every byte of a freed
//! one, faults. Which blocks the second gave out is in the ledger.
//!
//! No trap allocates, so no lock is needed.
#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

mod caller;
mod guarded;
mod ledger;
mod window;

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use rlsf::Tlsf;

use crate::boot::Region;
use crate::cell::CpuCell;
use crate::trace::Level;
use crate::{cpu, trace_event};

pub(crate) use ledger::LEDGER;

/// Two-level segregated fit: constant time, little fragmentation. 28 first
/// levels reach blocks of 8 GiB.
static GENERAL: CpuCell<Tlsf<'static, u32, u32, 28, 32>> = CpuCell::new(Tlsf::new());
static GUARDING: AtomicBool = AtomicBool::new(false);

/// The allocator for a kernel's `#[global_allocator]`.
#[derive(Debug)]
pub struct Heap;

// SAFETY: blocks come from `Tlsf`, or from pages that are mapped for one block
// alone; both honour the layout, and neither unwinds.
unsafe impl GlobalAlloc for Heap {
    // Not inlined, so that the frame above is the caller's.
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let guarded = GUARDING
            .load(Ordering::Relaxed)
            .then(|| guarded::allocate(layout, cpu::frame_pointer()))
            .flatten();
        let block = guarded.or_else(|| allocate_unguarded(layout));
        let block = block.map_or(core::ptr::null_mut(), NonNull::as_ptr);
        trace_event!(
            Level::Trace, "heap.allocate",
            block: pointer = block, size: u64 = layout.size() as u64,
        );
        block
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        trace_event!(
            Level::Trace, "heap.free",
            block: pointer = block, size: u64 = layout.size() as u64,
        );
        if guarded::release(block as u64, cpu::frame_pointer()) {
            return;
        }
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the caller got it from `alloc`, and it is not guarded.
            unsafe { release_unguarded(block, layout) };
        }
    }
}

/// Gives every further block guard pages while there is room for them: an
/// access past its end or after its release faults. Costs a page of RAM and a
/// change of the page tables for each block.
pub fn guard_allocations() {
    guarded::publish();
    GUARDING.store(true, Ordering::Relaxed);
}

/// Adds RAM to the heap.
pub(crate) fn add_region(region: Region) {
    let size = (region.end - region.start) as usize;
    let Some(start) = NonNull::new(region.start as *mut u8) else {
        return;
    };
    let memory = NonNull::slice_from_raw_parts(start, size);
    // SAFETY: boot gives each region once, mapped, and to nobody else.
    unsafe { (*GENERAL.get()).insert_free_block_ptr(memory) };
    ledger::extend_heap(region.start, region.end);
}

/// A block of the general heap, identity-mapped and so physically contiguous.
pub(crate) fn allocate_unguarded(layout: Layout) -> Option<NonNull<u8>> {
    // SAFETY: tasks switch only where they say so, and no trap allocates.
    unsafe { (*GENERAL.get()).allocate(layout) }
}

/// Gives one back.
///
/// # Safety
/// It came from [`allocate_unguarded`] with this layout.
pub(crate) unsafe fn release_unguarded(block: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller vouches for the block; exclusive as above.
    unsafe { (*GENERAL.get()).deallocate(block, layout.align()) };
}
