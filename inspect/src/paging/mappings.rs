//! Everything that a set of page tables maps. Not what the rights are, and not
//! one address: that is the walk's.

use super::{PageEntry, PageLevel, PagingMode, PagingState};
use crate::{PhysAddr, PhysicalMemory, VirtAddr};

/// Tables looked into before the rest is given up: they map 128 GiB in pages
/// of 4 KiB. Tables that map themselves are met once more for each level.
const MOST_TABLES: usize = 1 << 16;
/// Runs that are kept; memory so scattered is not drawn by any program header
/// table either.
const MOST_RUNS: usize = 60_000;
/// Entries of a table.
const ENTRIES: usize = 512;

/// Consecutive virtual addresses that lie at consecutive physical ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MappedRun {
    /// Where it begins.
    pub start: VirtAddr,
    /// Where that is in physical memory.
    pub physical: PhysAddr,
    /// Its length in bytes.
    pub length: u64,
}

/// What page tables map.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mappings {
    /// In order of their virtual addresses, as long as they can be.
    pub runs: Vec<MappedRun>,
    /// Tables that could not be read, or that were too many to look into.
    pub tables_left_out: u64,
}

impl Mappings {
    /// Reads all tables that these control registers lead to. Without paging,
    /// and in the 32-bit modes, which are not walked, there is nothing.
    pub fn read<P: PhysicalMemory + ?Sized>(memory: &mut P, state: PagingState) -> Self {
        let top = match state.mode() {
            PagingMode::FourLevel => PageLevel::Pml4,
            PagingMode::FiveLevel => PageLevel::Pml5,
            PagingMode::Off | PagingMode::Legacy32 | PagingMode::Pae => return Self::default(),
        };
        let mut reader = Reader {
            memory,
            found: Self::default(),
            tables: 0,
        };
        reader.table(PageEntry(state.cr3).table(), top, 0);
        let mut found = reader.found;
        let unused = match top {
            PageLevel::Pml5 => 7,
            _ => 16,
        };
        for run in &mut found.runs {
            run.start = VirtAddr(((run.start.0.cast_signed() << unused) >> unused).cast_unsigned());
        }
        found
    }

    fn push(&mut self, run: MappedRun) {
        if let Some(last) = self.runs.last_mut()
            && last.start.0 + last.length == run.start.0
            && last.physical.0.checked_add(last.length) == Some(run.physical.0)
        {
            last.length += run.length;
        } else if self.runs.len() < MOST_RUNS {
            self.runs.push(run);
        } else {
            self.tables_left_out += 1;
        }
    }
}

struct Reader<'a, P: ?Sized> {
    memory: &'a mut P,
    found: Mappings,
    tables: usize,
}

impl<P: PhysicalMemory + ?Sized> Reader<'_, P> {
    /// One table, and all below it; `base` is the first address it is about,
    /// before its sign is extended.
    fn table(&mut self, at: PhysAddr, level: PageLevel, base: u64) {
        let mut bytes = [0; ENTRIES * 8];
        self.tables += 1;
        let readable = self.tables <= MOST_TABLES
            && matches!(self.memory.read_physical(at, &mut bytes), Ok(count) if count == bytes.len());
        if !readable {
            self.found.tables_left_out += 1;
            return;
        }
        let (entries, _) = bytes.as_chunks::<8>();
        for (index, entry) in (0_u64..).zip(entries) {
            let entry = PageEntry(u64::from_le_bytes(*entry));
            if entry.present() {
                self.entry(entry, level, base | index << level.shift());
            }
        }
    }

    fn entry(&mut self, entry: PageEntry, level: PageLevel, start: u64) {
        let leaf = level == PageLevel::Pt || (entry.large() && level.may_be_large());
        if leaf {
            let length = 1_u64 << level.shift();
            self.found.push(MappedRun {
                start: VirtAddr(start),
                physical: PhysAddr(entry.table().0 & !(length - 1)),
                length,
            });
        } else if let Some(next) = level.next() {
            self.table(entry.table(), next, start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryError;
    use proptest::prelude::*;

    /// Physical memory as tables by their numbers.
    struct Tables(Vec<[u64; ENTRIES]>);

    impl PhysicalMemory for Tables {
        fn read_physical(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
            let table = usize::try_from(at.0 >> 12).ok();
            let table = table.and_then(|table| self.0.get(table));
            let table = table.ok_or(MemoryError::NoPhysical { at })?;
            for (bytes, entry) in buf.as_chunks_mut::<8>().0.iter_mut().zip(table) {
                *bytes = entry.to_le_bytes();
            }
            Ok(buf.len())
        }
    }

    fn state(cr4: u64) -> PagingState {
        PagingState {
            cr0: 1 << 31,
            cr3: 0,
            cr4: cr4 | 1 << 5,
            efer: 1 << 10,
        }
    }

    fn tables(count: usize, entries: &[(usize, usize, u64)]) -> Tables {
        let mut tables = Tables(vec![[0; ENTRIES]; count]);
        for &(table, index, value) in entries {
            tables.0[table][index] = value;
        }
        tables
    }

    fn run(start: u64, physical: u64, length: u64) -> MappedRun {
        MappedRun {
            start: VirtAddr(start),
            physical: PhysAddr(physical),
            length,
        }
    }

    #[test]
    fn pages_of_all_sizes_and_both_halves() {
        let mut memory = tables(
            4,
            &[
                (0, 0, 0x1001),
                (0, 511, 0x1001),
                (1, 0, 0x2001),
                // 1 GiB.
                (1, 1, 0x4000_0081),
                (2, 0, 0x3001),
                // 2 MiB, with its PAT bit set.
                (2, 1, 0x20_1081),
                (3, 1, 0x5001),
                (3, 2, 0x6003),
                (3, 3, 0x9001),
                (3, 4, 0x7000),
            ],
        );
        let low = [
            run(0x1000, 0x5000, 0x2000),
            run(0x3000, 0x9000, 0x1000),
            run(0x20_0000, 0x20_0000, 0x20_0000),
            run(0x4000_0000, 0x4000_0000, 0x4000_0000),
        ];
        let high = low.map(|low| run(low.start.0 | 0xffff_ff80 << 32, low.physical.0, low.length));
        let found = Mappings::read(&mut memory, state(0));
        assert_eq!(found.runs, [low, high].concat());
        assert_eq!(found.tables_left_out, 0);
    }

    #[test]
    fn five_levels_and_none() {
        let mut memory = tables(3, &[(0, 511, 0x1001), (1, 511, 0x2001), (2, 0, 0x81)]);
        let found = Mappings::read(&mut memory, state(1 << 12));
        assert_eq!(
            found.runs,
            [run(0xffff_ff80 << 32, 0, 0x4000_0000)],
            "{found:x?}"
        );
        let off = PagingState { cr0: 0, ..state(0) };
        assert_eq!(Mappings::read(&mut memory, off), Mappings::default());
    }

    #[test]
    fn a_table_that_is_not_there_is_counted() {
        let mut memory = tables(1, &[(0, 0, 0xffff_f001), (0, 1, 0x1001)]);
        let found = Mappings::read(&mut memory, state(0));
        assert_eq!((found.runs.len(), found.tables_left_out), (0, 2));
    }

    #[test]
    fn tables_that_map_themselves_end() {
        // Every entry leads back: 512 to the power of 4 pages.
        let mut memory = Tables(vec![[1; ENTRIES]]);
        let found = Mappings::read(&mut memory, state(0));
        assert!(found.tables_left_out > 0);
    }

    proptest! {
        #[test]
        fn any_tables_end(words in proptest::collection::vec(any::<u64>(), 512)) {
            let mut table = [0; ENTRIES];
            table.copy_from_slice(&words);
            let mut memory = Tables(vec![table]);
            let _ = Mappings::read(&mut memory, state(0));
        }
    }
}
