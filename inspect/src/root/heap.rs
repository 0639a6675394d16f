//! The heap ledger, decoded: blocks that live and blocks that lived.

use core::mem::offset_of;
use std::ops::Range;

use serde::Serialize;
use ukdbg_guest_abi::heap::{BlockState, MAGIC, TRACE_DEPTH, VERSION};
use ukdbg_guest_abi::{HeapBlock, HeapLedger};

use super::RootError;
use super::record::Record;
use crate::memory::read_available;
use crate::{Memory, VirtAddr};

/// Whether a block lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeapState {
    /// Allocated.
    Live,
    /// Released.
    Freed,
}

/// A block of the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HeapEntry {
    /// First byte handed out.
    pub address: VirtAddr,
    /// Bytes asked for.
    pub size: u64,
    /// Alignment asked for.
    pub align: u32,
    /// Whether it lives.
    pub state: HeapState,
    /// Time-stamp counter of the allocation.
    pub allocated_tsc: u64,
    /// Time-stamp counter of the release.
    pub freed_tsc: Option<u64>,
    /// Return addresses at the allocation, innermost first.
    pub allocated_by: Vec<VirtAddr>,
    /// Return addresses at the release.
    pub freed_by: Vec<VirtAddr>,
}

impl HeapEntry {
    /// One past the last byte; saturated for a block that claims to go on
    /// past the end of memory.
    pub fn end(&self) -> VirtAddr {
        VirtAddr(self.address.0.saturating_add(self.size))
    }

    /// Whether an address is inside the block.
    pub fn contains(&self, at: VirtAddr) -> bool {
        (self.address..self.end()).contains(&at)
    }

    /// The pages of the block's own and the unmapped page behind them; what
    /// lies in there and not in the block is an overrun of it.
    fn reach(&self) -> Range<VirtAddr> {
        let start = self.address.0 & !(PAGE - 1);
        let last = self.end().0.checked_next_multiple_of(PAGE);
        VirtAddr(start)..VirtAddr(last.unwrap_or(u64::MAX).saturating_add(PAGE))
    }
}

/// The guest's heap as its ledger tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HeapBlocks {
    /// The heap's address range.
    #[serde(skip)]
    pub heap: Option<Range<VirtAddr>>,
    /// The range where blocks have guard pages.
    #[serde(skip)]
    pub guarded: Option<Range<VirtAddr>>,
    /// Blocks remembered, ascending by address, newest first where they
    /// overlap.
    pub blocks: Vec<HeapEntry>,
    /// Blocks the ledger has forgotten.
    pub forgotten: u64,
    /// Entries that could not be read or make no sense.
    pub unusable: u64,
}

const WHAT: &str = "heap ledger";
/// Entries a ledger may claim.
const MAX_BLOCKS: u32 = 1 << 20;
const PAGE: u64 = 4096;

impl HeapBlocks {
    /// Reads the ledger at an address.
    pub fn read<M: Memory + ?Sized>(memory: &mut M, at: VirtAddr) -> Result<Self, RootError> {
        let header = Record::read(memory, WHAT, at, size_of::<HeapLedger>())?;
        header.expect_magic(offset_of!(HeapLedger, magic), MAGIC)?;
        header.expect_version(offset_of!(HeapLedger, version), VERSION)?;
        let entry_size = header.u32(offset_of!(HeapLedger, entry_size));
        if !(size_of::<HeapBlock>()..=4096).contains(&(entry_size as usize)) {
            return Err(header.implausible("entry size", entry_size.into()));
        }
        let capacity = header.u32(offset_of!(HeapLedger, capacity));
        if capacity > MAX_BLOCKS {
            return Err(header.implausible("capacity", capacity.into()));
        }
        let written = header.u64(offset_of!(HeapLedger, written));
        let used = written.min(capacity.into());
        let table = header.address(offset_of!(HeapLedger, blocks));
        let blocks = table.map_or_else(Vec::new, |table| {
            read_blocks(memory, table, entry_size, used)
        });
        let range = |start: usize, end: usize| {
            let range = VirtAddr(header.u64(start))..VirtAddr(header.u64(end));
            Some(range).filter(|range| !range.is_empty())
        };
        Ok(Self {
            heap: range(
                offset_of!(HeapLedger, heap_start),
                offset_of!(HeapLedger, heap_end),
            ),
            guarded: range(
                offset_of!(HeapLedger, guarded_start),
                offset_of!(HeapLedger, guarded_end),
            ),
            unusable: used.saturating_sub(blocks.len() as u64),
            blocks,
            forgotten: written - used,
        })
    }

    /// The block an address is in: a live one, else the one released last.
    pub fn containing(&self, at: VirtAddr) -> Option<&HeapEntry> {
        best(self.blocks.iter().filter(|block| block.contains(at)))
    }

    /// The block that an address behind its end (or before its start, in its
    /// first page) belongs to, up to the end of the unmapped page behind it:
    /// a live one, else the one released last. Only where blocks have pages
    /// of their own.
    pub fn overrun(&self, at: VirtAddr) -> Option<&HeapEntry> {
        if !self.guarded.as_ref()?.contains(&at) {
            return None;
        }
        best(
            self.blocks
                .iter()
                .filter(|block| block.reach().contains(&at) && !block.contains(at)),
        )
    }
}

fn best<'a>(blocks: impl Iterator<Item = &'a HeapEntry>) -> Option<&'a HeapEntry> {
    blocks.max_by_key(|block| {
        (
            block.state == HeapState::Live,
            block.freed_tsc,
            block.address,
        )
    })
}

fn read_blocks<M: Memory + ?Sized>(
    memory: &mut M,
    table: VirtAddr,
    entry_size: u32,
    used: u64,
) -> Vec<HeapEntry> {
    /// Read at once: a ledger is read over links whose round trips cost.
    const TOGETHER: u64 = 256;
    let entry_size = entry_size as usize;
    let mut blocks = Vec::new();
    let mut piece = vec![0; entry_size * TOGETHER as usize];
    for first in (0..used).step_by(TOGETHER as usize) {
        let count = (used - first).min(TOGETHER) as usize;
        let Some(at) = table.checked_add(first * entry_size as u64) else {
            break;
        };
        let got = read_available(memory, at, &mut piece[..count * entry_size]);
        blocks.extend(
            piece[..got]
                .chunks_exact(entry_size)
                .filter_map(|bytes| decode(&Record::of_bytes("heap block", at, bytes))),
        );
        if got < count * entry_size {
            break;
        }
    }
    blocks.sort_by_key(|block| (block.address, std::cmp::Reverse(block.allocated_tsc)));
    blocks
}

fn decode(record: &Record) -> Option<HeapEntry> {
    let state = match BlockState::from_code(record.u32(offset_of!(HeapBlock, state)))? {
        BlockState::Empty => return None,
        BlockState::Live => HeapState::Live,
        BlockState::Freed => HeapState::Freed,
    };
    let trace = |offset: usize| {
        (0..TRACE_DEPTH)
            .map_while(|index| record.address(offset + 8 * index))
            .collect()
    };
    Some(HeapEntry {
        address: VirtAddr(record.u64(offset_of!(HeapBlock, address))),
        size: record.u64(offset_of!(HeapBlock, size)),
        align: record.u32(offset_of!(HeapBlock, align)),
        state,
        allocated_tsc: record.u64(offset_of!(HeapBlock, allocated_tsc)),
        freed_tsc: (state == HeapState::Freed)
            .then(|| record.u64(offset_of!(HeapBlock, freed_tsc))),
        allocated_by: trace(offset_of!(HeapBlock, allocated_by)),
        freed_by: trace(offset_of!(HeapBlock, freed_by)),
    })
}
