//! Memory for the trace ring. What is written there is `trace`'s.
#![expect(unsafe_code, reason = "slots are made of raw memory")]

use core::alloc::Layout;
use core::fmt;

use ukdbg_guest_abi::Slot;

use crate::heap;
use crate::trace::{self, RingError};

/// Why there is no trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceError {
    /// The heap has no block of that size.
    OutOfMemory(usize),
    /// The ring refuses the slots.
    Ring(RingError),
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory(size) => write!(f, "the heap has no block of {size} bytes"),
            Self::Ring(error) => write!(f, "the ring refuses its slots: {error:?}"),
        }
    }
}

/// Starts recording events in a ring of `size` bytes, which stays for good.
pub fn start_trace(size: usize) -> Result<(), TraceError> {
    let count = size / size_of::<Slot>();
    // Whole pages, so that a host can map them.
    let layout = Layout::array::<Slot>(count)
        .and_then(|layout| layout.align_to(4096))
        .map_err(|_| TraceError::OutOfMemory(size))?;
    let memory = heap::allocate_unguarded(layout).ok_or(TraceError::OutOfMemory(size))?;
    // SAFETY: the block is as large as `count` slots, aligned, never released,
    // and all zeros are a slot that was never written.
    let slots = unsafe {
        memory.as_ptr().write_bytes(0, layout.size());
        core::slice::from_raw_parts(memory.cast::<Slot>().as_ptr(), count)
    };
    // RAM is mapped to itself, and so contiguous.
    let physical = memory.as_ptr() as u64;
    trace::current()
        .init(slots, physical)
        .map_err(TraceError::Ring)
}
