//! The ledger: evidence of guarded blocks, for the host. What it says is not
//! read back by the allocator except for a block's size.
#![expect(unsafe_code, reason = "a table in a static")]

use core::sync::atomic::{AtomicU64, Ordering};

use ukdbg_guest_abi::heap::{MAGIC, TRACE_DEPTH, VERSION};
use ukdbg_guest_abi::{BlockState, GuestAddress, HeapBlock, HeapLedger};

use crate::cell::CpuCell;
use crate::cpu;

/// Blocks the table remembers.
pub(super) const CAPACITY: usize = 1024;

const EMPTY: HeapBlock = HeapBlock {
    address: 0,
    size: 0,
    state: BlockState::Empty as u32,
    align: 0,
    allocated_tsc: 0,
    freed_tsc: 0,
    allocated_by: [0; TRACE_DEPTH],
    freed_by: [0; TRACE_DEPTH],
};

static BLOCKS: CpuCell<[HeapBlock; CAPACITY]> = CpuCell::new([EMPTY; CAPACITY]);

/// The header that the root block points to.
pub(crate) static LEDGER: HeapLedger = HeapLedger {
    magic: MAGIC,
    version: VERSION,
    entry_size: size_of::<HeapBlock>() as u32,
    capacity: CAPACITY as u32,
    written: AtomicU64::new(0),
    blocks: GuestAddress::new(BLOCKS.get()),
    heap_start: AtomicU64::new(0),
    heap_end: AtomicU64::new(0),
    guarded_start: AtomicU64::new(0),
    guarded_end: AtomicU64::new(0),
};

/// Widens the published range of the heap.
pub(super) fn extend_heap(start: u64, end: u64) {
    let known = LEDGER.heap_start.load(Ordering::Relaxed);
    if known == 0 || start < known {
        LEDGER.heap_start.store(start, Ordering::Relaxed);
    }
    LEDGER.heap_end.fetch_max(end, Ordering::Relaxed);
}

/// The index the next block may have: the oldest entry whose block does not
/// live. `None` when all live.
pub(super) fn next_index() -> Option<u16> {
    // SAFETY: tasks switch only where they say so, and no trap allocates.
    let blocks = unsafe { &*BLOCKS.get() };
    let written = LEDGER.written.load(Ordering::Relaxed);
    let skipped = oldest_dead(blocks, written)?;
    LEDGER.written.store(written + skipped, Ordering::Relaxed);
    Some(((written + skipped) % CAPACITY as u64) as u16)
}

/// How many entries are passed over, from the oldest on, because their blocks
/// live.
fn oldest_dead(blocks: &[HeapBlock], written: u64) -> Option<u64> {
    let count = blocks.len() as u64;
    (0..count)
        .find(|skip| blocks[((written + skip) % count) as usize].state != BlockState::Live as u32)
}

/// Writes the entry that [`next_index`] gave.
pub(super) fn record(index: u16, address: u64, size: u64, align: u32, by: [u64; TRACE_DEPTH]) {
    let block = HeapBlock {
        address,
        size,
        state: BlockState::Live as u32,
        align,
        allocated_tsc: cpu::read_tsc(),
        freed_tsc: 0,
        allocated_by: by,
        freed_by: [0; TRACE_DEPTH],
    };
    // SAFETY: as for `next_index`.
    unsafe { (*BLOCKS.get())[usize::from(index)] = block };
    LEDGER.written.fetch_add(1, Ordering::Release);
}

/// Marks a block released; gives its address and size.
pub(super) fn retire(index: u16, by: [u64; TRACE_DEPTH]) -> (u64, u64) {
    // SAFETY: as for `next_index`.
    let block = unsafe { &mut (*BLOCKS.get())[usize::from(index)] };
    block.state = BlockState::Freed as u32;
    block.freed_tsc = cpu::read_tsc();
    block.freed_by = by;
    (block.address, block.size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_live_blocks_are_passed_over() {
        #[track_caller]
        fn check(states: [BlockState; 3], written: u64, expected: Option<u64>) {
            let blocks = states.map(|state| HeapBlock {
                state: state as u32,
                ..EMPTY
            });
            assert_eq!(oldest_dead(&blocks, written), expected);
        }
        use BlockState::{Empty, Freed, Live};
        check([Empty, Empty, Empty], 0, Some(0));
        check([Live, Freed, Live], 3, Some(1));
        check([Live, Live, Freed], 5, Some(0));
        check([Freed, Live, Live], 4, Some(2));
        check([Live, Live, Live], 3, None);
    }
}
