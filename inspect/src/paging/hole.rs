//! How far an address without a page is from the pages around it.

use serde::Serialize;

use super::{PageEntry, PageLevel, PageOutcome, PageWalk, PagingMode, PagingState, is_canonical};
use crate::{PhysAddr, PhysicalMemory, VirtAddr};

/// Where the pages around a hole in the address space end and begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Hole {
    /// The first address after the nearest page below.
    pub start: HoleEdge,
    /// The first address of the nearest page above.
    pub end: HoleEdge,
}

/// One edge of a hole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum HoleEdge {
    /// There.
    At {
        /// The edge.
        address: VirtAddr,
    },
    /// There is no page in that direction.
    Open,
    /// Not found within a reasonable number of tables, or one of them cannot
    /// be read.
    Unknown,
}

/// Tables read in one direction. Tables without any page in them are rare, so
/// a few more than there are levels would do.
const MOST_TABLES: u32 = 64;
const ENTRIES: u64 = 512;

/// The search has to end without an answer.
struct GivenUp;

impl PageWalk {
    /// The hole around the address; none when it has a page, or the tables
    /// cannot tell.
    pub fn hole<P: PhysicalMemory + ?Sized>(&self, memory: &mut P) -> Option<Hole> {
        if self.outcome != PageOutcome::NotPresent {
            return None;
        }
        let top = match self.mode {
            PagingMode::FourLevel => PageLevel::Pml4,
            PagingMode::FiveLevel => PageLevel::Pml5,
            PagingMode::Off | PagingMode::Legacy32 | PagingMode::Pae => return None,
        };
        let root = PageEntry(self.state.cr3).table();
        let mut edge = |direction| {
            let mut search = Search {
                memory: &mut *memory,
                direction,
                state: self.state,
                left: MOST_TABLES,
            };
            let from = self.address.0 & (span(top) * ENTRIES - 1);
            match search.table(root, top, 0, from) {
                Ok(Some(offset)) => HoleEdge::At {
                    address: canonical(offset, self.mode),
                },
                Ok(None) => HoleEdge::Open,
                Err(GivenUp) => HoleEdge::Unknown,
            }
        };
        Some(Hole {
            start: edge(Direction::Down),
            end: edge(Direction::Up),
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Down,
    Up,
}

struct Search<'m, P: ?Sized> {
    memory: &'m mut P,
    direction: Direction,
    state: PagingState,
    left: u32,
}

impl<P: PhysicalMemory + ?Sized> Search<'_, P> {
    /// The edge of the page nearest to `from` in a table whose first entry
    /// maps `base`: both are offsets in the whole address space.
    fn table(
        &mut self,
        table: PhysAddr,
        level: PageLevel,
        base: u64,
        from: u64,
    ) -> Result<Option<u64>, GivenUp> {
        self.left = self.left.checked_sub(1).ok_or(GivenUp)?;
        let mut bytes = [0; 4096];
        match self.memory.read_physical(table, &mut bytes) {
            Ok(4096) => {}
            Ok(_) | Err(_) => return Err(GivenUp),
        }
        let size = span(level);
        let nearest = from.checked_sub(base).map(|inside| inside / size);
        let entries: &mut dyn Iterator<Item = u64> = match self.direction {
            Direction::Up => &mut (nearest.unwrap_or(0)..ENTRIES),
            Direction::Down => {
                let Some(last) = nearest else {
                    return Ok(None);
                };
                &mut (0..=last.min(ENTRIES - 1)).rev()
            }
        };
        for index in entries {
            let at = usize::try_from(index * 8).expect("a table is small");
            let word = bytes[at..].first_chunk().copied().unwrap_or_default();
            let entry = PageEntry(u64::from_le_bytes(word));
            if !entry.present() || super::walk::reserved_bits(entry, level, &self.state) != 0 {
                continue;
            }
            let start = base + index * size;
            let is_page = level == PageLevel::Pt || (entry.large() && level.may_be_large());
            let found = match (is_page, self.direction, level.below()) {
                (true, Direction::Up, _) => Some(start),
                (true, Direction::Down, _) => Some(start + size),
                (false, _, Some(below)) => self.table(entry.table(), below, start, from)?,
                (false, _, None) => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// Bytes that one entry of a level maps.
const fn span(level: PageLevel) -> u64 {
    1 << level.shift()
}

/// The address at an offset in the whole address space.
fn canonical(offset: u64, mode: PagingMode) -> VirtAddr {
    let unused = match mode {
        PagingMode::FiveLevel => 7,
        _ => 16,
    };
    let at = VirtAddr(((offset.cast_signed() << unused) >> unused).cast_unsigned());
    debug_assert!(is_canonical(at, mode), "bits above were filled");
    at
}
