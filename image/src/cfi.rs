//! Call frame information (DWARF 5 §6.4, and the LSB's `.eh_frame`): from an
//! address to the rules in force there.

use std::ops::Range;
use std::sync::OnceLock;

use gimli::{BaseAddresses, CieOrFde, LittleEndian, UnwindSection as _};

use crate::dwarf::Slice;
use crate::intervals::Intervals;
use crate::{PlainRow, UnwindRow, UnwindSection};

mod header_table;
mod pages;
mod plain;
mod row;

use header_table::HeaderTable;
use pages::{RowPages, Span};
use plain::PlainSpans;
use row::row;

type Fde<'data> = gimli::FrameDescriptionEntry<Slice<'data>>;

/// Addresses are 64 bits wide in a 32-bit wrapper too: its code is 64-bit.
const ADDRESS_SIZE: u8 = 8;

/// The call frame information of an image.
pub(crate) struct CallFrames<'data> {
    eh_frame: Option<EhFrame<'data>>,
    debug_frame: Option<DebugFrame<'data>>,
    pages: RowPages,
}

struct EhFrame<'data> {
    section: gimli::EhFrame<Slice<'data>>,
    bases: BaseAddresses,
    header: Option<HeaderTable<'data>>,
    /// Entries by address, for what the header's table does not find.
    index: OnceLock<Intervals<usize>>,
}

struct DebugFrame<'data> {
    section: gimli::DebugFrame<Slice<'data>>,
    bases: BaseAddresses,
    index: OnceLock<Intervals<usize>>,
}

impl<'data> CallFrames<'data> {
    /// Over the sections that `section` gives by name, for an image with code
    /// in these ranges.
    pub(crate) fn new(
        code: Vec<Range<u64>>,
        section: impl for<'s> Fn(&'s str) -> Option<(u64, &'data [u8])>,
    ) -> Self {
        let address = |name: &str| section(name).map_or(0, |(address, _)| address);
        let eh_frame = section(".eh_frame").map(|(start, bytes)| {
            let bases = BaseAddresses::default()
                .set_eh_frame(start)
                .set_text(address(".text"))
                .set_got(address(".got"));
            let header = section(".eh_frame_hdr")
                .and_then(|(address, bytes)| HeaderTable::parse(address, bytes));
            let mut section = gimli::EhFrame::new(bytes, LittleEndian);
            section.set_address_size(ADDRESS_SIZE);
            EhFrame {
                section,
                bases,
                header,
                index: OnceLock::new(),
            }
        });
        let debug_frame = section(".debug_frame").map(|(_, bytes)| {
            let mut section = gimli::DebugFrame::new(bytes, LittleEndian);
            section.set_address_size(ADDRESS_SIZE);
            DebugFrame {
                section,
                bases: BaseAddresses::default(),
                index: OnceLock::new(),
            }
        });
        Self {
            eh_frame,
            debug_frame,
            pages: RowPages::new(code),
        }
    }

    /// The rules at an address, if they are an ordinary function's.
    pub(crate) fn plain_row_at(&self, address: u64) -> Option<PlainRow> {
        self.pages.row_at(address, |page| self.plain_spans(&page))
    }

    /// What both sections say about a page: `.debug_frame` where `.eh_frame`
    /// is silent.
    fn plain_spans(&self, page: &Range<u64>) -> Vec<Span> {
        let mut spans = PlainSpans::default();
        if let Some(frames) = &self.eh_frame {
            for (fde, range) in frames.entries_in(page) {
                spans.read(&frames.section, &frames.bases, &fde, &range);
            }
        }
        if let Some(frames) = &self.debug_frame {
            for gap in spans.gaps(page) {
                let index = frames.index();
                for (range, offset) in index.overlapping(&gap) {
                    if let Some(fde) = frames.entry(offset) {
                        spans.read(&frames.section, &frames.bases, &fde, &range);
                    }
                }
            }
        }
        spans.sorted()
    }

    /// Where the table of exceptions is of code that begins at an address.
    pub(crate) fn exception_table(&self, start: u64) -> Option<u64> {
        let fde = self.eh_frame.as_ref()?.entry_at(start)?;
        match fde.lsda().filter(|_| fde.initial_address() == start)? {
            gimli::Pointer::Direct(table) => Some(table),
            gimli::Pointer::Indirect(_) => None,
        }
    }

    /// Every piece of code that `.eh_frame` has rules for.
    pub(crate) fn all_ranges(&self) -> Vec<Range<u64>> {
        let frames = self.eh_frame.as_ref();
        let all = frames.map(|frames| frames.index().overlapping(&(0..u64::MAX)));
        all.into_iter().flatten().map(|(range, _)| range).collect()
    }

    /// The rules at an address: `.eh_frame`, else `.debug_frame`.
    pub(crate) fn row_at(&self, address: u64) -> Option<UnwindRow<'data>> {
        let eh_frame = self.eh_frame.as_ref().and_then(|frames| {
            let fde = frames.entry_at(address)?;
            row(
                &frames.section,
                &frames.bases,
                &fde,
                address,
                UnwindSection::EhFrame,
            )
        });
        eh_frame.or_else(|| {
            let frames = self.debug_frame.as_ref()?;
            let fde = frames.entry_at(address)?;
            row(
                &frames.section,
                &frames.bases,
                &fde,
                address,
                UnwindSection::DebugFrame,
            )
        })
    }
}

impl<'data> EhFrame<'data> {
    fn entry_at(&self, address: u64) -> Option<Fde<'data>> {
        self.by_header(address).or_else(|| {
            let (_, offset) = self.index().get(address)?;
            self.entry(offset)
        })
    }

    fn by_header(&self, address: u64) -> Option<Fde<'data>> {
        let entry = self.header.as_ref()?.entry_address(address)?;
        self.entry_in_memory(entry)
            .filter(|fde| fde.contains(address))
    }

    /// The entries with code in a range, each with the part of the range that
    /// is its. Of what the header's table leaves out nothing is said.
    fn entries_in(&self, page: &Range<u64>) -> Vec<(Fde<'data>, Range<u64>)> {
        let with_code = |(range, fde): (Range<u64>, Option<Fde<'data>>)| {
            let fde = fde?;
            let start = range.start.max(fde.initial_address()).max(page.start);
            let end = range.end.min(fde.end_address()).min(page.end);
            (start < end).then_some((fde, start..end))
        };
        match &self.header {
            Some(header) => header
                .overlapping(page)
                .map(|(range, entry)| (range, self.entry_in_memory(entry)))
                .filter_map(with_code)
                .collect(),
            None => self
                .index()
                .overlapping(page)
                .map(|(range, offset)| (range, self.entry(offset)))
                .filter_map(with_code)
                .collect(),
        }
    }

    fn index(&self) -> &Intervals<usize> {
        self.index.get_or_init(|| index(&self.section, &self.bases))
    }

    /// The entry at an address of the loaded section.
    fn entry_in_memory(&self, address: u64) -> Option<Fde<'data>> {
        let start = self.bases.eh_frame.section?;
        self.entry(usize::try_from(address.checked_sub(start)?).ok()?)
    }

    fn entry(&self, offset: usize) -> Option<Fde<'data>> {
        let get_cie = gimli::EhFrame::cie_from_offset;
        self.section
            .fde_from_offset(&self.bases, offset.into(), get_cie)
            .ok()
    }
}

impl<'data> DebugFrame<'data> {
    fn entry_at(&self, address: u64) -> Option<Fde<'data>> {
        let (_, offset) = self.index().get(address)?;
        self.entry(offset)
    }

    fn index(&self) -> &Intervals<usize> {
        self.index.get_or_init(|| index(&self.section, &self.bases))
    }

    fn entry(&self, offset: usize) -> Option<Fde<'data>> {
        let get_cie = gimli::DebugFrame::cie_from_offset;
        self.section
            .fde_from_offset(&self.bases, offset.into(), get_cie)
            .ok()
    }
}

/// Offsets of the frame description entries by address.
fn index<'data, S: gimli::UnwindSection<Slice<'data>>>(
    section: &S,
    bases: &BaseAddresses,
) -> Intervals<usize> {
    let mut ranges = Vec::new();
    let mut entries = section.entries(bases);
    // What follows a malformed length cannot be found; a malformed entry is
    // left out.
    while let Ok(Some(entry)) = entries.next() {
        if let CieOrFde::Fde(partial) = entry
            && let Ok(fde) = partial.parse(S::cie_from_offset)
        {
            ranges.push((fde.initial_address()..fde.end_address(), (), fde.offset()));
        }
    }
    Intervals::new(ranges)
}
