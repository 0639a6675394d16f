//! Call frame information (DWARF 5 §6.4, and the LSB's `.eh_frame`): from an
//! address to the rules in force there.

use std::sync::OnceLock;

use gimli::{BaseAddresses, CieOrFde, LittleEndian, UnwindSection as _};

use crate::dwarf::Slice;
use crate::intervals::Intervals;
use crate::{UnwindRow, UnwindSection};

mod header_table;
mod row;

use header_table::HeaderTable;
use row::row;

type Fde<'data> = gimli::FrameDescriptionEntry<Slice<'data>>;

/// Addresses are 64 bits wide in a 32-bit wrapper too: its code is 64-bit.
const ADDRESS_SIZE: u8 = 8;

/// The call frame information of an image.
pub(crate) struct CallFrames<'data> {
    eh_frame: Option<EhFrame<'data>>,
    debug_frame: Option<DebugFrame<'data>>,
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
    /// Over the sections that `section` gives by name.
    pub(crate) fn new(section: impl for<'s> Fn(&'s str) -> Option<(u64, &'data [u8])>) -> Self {
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
        }
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
            let index = self.index.get_or_init(|| index(&self.section, &self.bases));
            let (_, offset) = index.get(address)?;
            let get_cie = gimli::EhFrame::cie_from_offset;
            self.section
                .fde_from_offset(&self.bases, offset.into(), get_cie)
                .ok()
        })
    }

    fn by_header(&self, address: u64) -> Option<Fde<'data>> {
        let entry = self.header.as_ref()?.entry_address(address)?;
        let start = self.bases.eh_frame.section?;
        let offset = usize::try_from(entry.checked_sub(start)?).ok()?;
        let get_cie = gimli::EhFrame::cie_from_offset;
        let fde = self
            .section
            .fde_from_offset(&self.bases, offset.into(), get_cie);
        fde.ok().filter(|fde| fde.contains(address))
    }
}

impl<'data> DebugFrame<'data> {
    fn entry_at(&self, address: u64) -> Option<Fde<'data>> {
        let index = self.index.get_or_init(|| index(&self.section, &self.bases));
        let (_, offset) = index.get(address)?;
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
