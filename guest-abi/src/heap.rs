//! The heap ledger: which blocks live, and which lived.

use core::sync::atomic::AtomicU64;

use crate::GuestAddress;

/// First word of a ledger.
pub const MAGIC: u32 = u32::from_le_bytes(*b"ukHP");
/// Version of the layout.
pub const VERSION: u32 = 1;
/// Return addresses kept of an allocation and of a release.
pub const TRACE_DEPTH: usize = 8;

/// A table of blocks that have guard pages of their own.
#[repr(C)]
pub struct HeapLedger {
    /// [`MAGIC`].
    pub magic: u32,
    /// [`VERSION`].
    pub version: u32,
    /// Size of an entry in bytes.
    pub entry_size: u32,
    /// Entries in the table.
    pub capacity: u32,
    /// Counts entries; the next one is at `written % capacity` or behind it.
    /// An entry whose block still lives is passed over, and counted again.
    pub written: AtomicU64,
    /// `[HeapBlock; capacity]`.
    pub blocks: GuestAddress,
    /// Start of the heap's address range.
    pub heap_start: AtomicU64,
    /// End of the heap's address range.
    pub heap_end: AtomicU64,
    /// Start of the range where blocks have guard pages; 0 when there is none.
    pub guarded_start: AtomicU64,
    /// End of that range.
    pub guarded_end: AtomicU64,
}

/// State of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum BlockState {
    /// Never used.
    Empty = 0,
    /// Allocated.
    Live = 1,
    /// Released; its pages are unmapped until they are used again.
    Freed = 2,
}

impl BlockState {
    /// The state an entry's word names.
    pub const fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Self::Empty,
            1 => Self::Live,
            2 => Self::Freed,
            _ => return None,
        })
    }
}

/// One block.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HeapBlock {
    /// First byte handed out.
    pub address: u64,
    /// Bytes asked for.
    pub size: u64,
    /// A [`BlockState`].
    pub state: u32,
    /// Alignment asked for.
    pub align: u32,
    /// Time-stamp counter of the allocation.
    pub allocated_tsc: u64,
    /// Time-stamp counter of the release, 0 while live.
    pub freed_tsc: u64,
    /// Return addresses at the allocation, innermost first, 0 where unknown.
    pub allocated_by: [u64; TRACE_DEPTH],
    /// Return addresses at the release.
    pub freed_by: [u64; TRACE_DEPTH],
}
