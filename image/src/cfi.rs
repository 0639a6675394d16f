//! Call frame information (DWARF 5 §6.4, and the LSB's `.eh_frame`): from an
//! address to the rules in force there.

use std::sync::OnceLock;

use gimli::{
    BaseAddresses, CieOrFde, LittleEndian, UnwindContext, UnwindSection as _, UnwindTableRow,
};

use header_table::HeaderTable;

use crate::dwarf::Slice;
use crate::intervals::Intervals;
use crate::{
    CfaRule, DwarfRegister, Expression, RegisterRule, UNWIND_REGISTERS, UnwindRow, UnwindSection,
};

mod header_table;

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

fn row<'data, S: gimli::UnwindSection<Slice<'data>>>(
    section: &S,
    bases: &BaseAddresses,
    fde: &Fde<'data>,
    address: u64,
    kind: UnwindSection,
) -> Option<UnwindRow<'data>> {
    let mut context = UnwindContext::new();
    let row = fde
        .unwind_info_for_address(section, bases, &mut context, address)
        .ok()?;
    let encoding = fde.cie().encoding();
    let expression = |expression: &gimli::UnwindExpression<usize>| {
        let bytes = expression.get(section).ok()?;
        Some(Expression {
            bytes: bytes.0.slice(),
            encoding,
            unit: None,
        })
    };
    let cfa = match row.cfa() {
        gimli::CfaRule::RegisterAndOffset { register, offset } => CfaRule::RegisterOffset {
            register: DwarfRegister(register.0),
            offset: *offset,
        },
        gimli::CfaRule::Expression(bytes) => CfaRule::Expression(expression(bytes)?),
    };
    let mut row = UnwindRow {
        cfa,
        registers: registers(row, expression)?,
        signal_frame: fde.is_signal_trampoline(),
        section: kind,
    };
    // A return address column of another number (signal trampolines of some
    // C libraries) is moved to ours.
    let column = fde.cie().return_address_register().0;
    if column != DwarfRegister::RETURN_ADDRESS.0 {
        let rule = row.registers.get(usize::from(column))?.clone();
        row.registers[UNWIND_REGISTERS - 1] = rule;
    }
    Some(row)
}

fn registers<'data>(
    row: &UnwindTableRow<usize>,
    expression: impl Fn(&gimli::UnwindExpression<usize>) -> Option<Expression<'data>>,
) -> Option<[RegisterRule<'data>; UNWIND_REGISTERS]> {
    let mut registers = std::array::from_fn(|_| RegisterRule::Unspecified);
    for (register, rule) in row.registers() {
        let Some(place) = registers.get_mut(usize::from(register.0)) else {
            continue;
        };
        *place = match rule {
            gimli::RegisterRule::Undefined => RegisterRule::Undefined,
            gimli::RegisterRule::SameValue => RegisterRule::SameValue,
            gimli::RegisterRule::Offset(offset) => RegisterRule::Offset(*offset),
            gimli::RegisterRule::ValOffset(offset) => RegisterRule::ValueOffset(*offset),
            gimli::RegisterRule::Register(from) => RegisterRule::Register(DwarfRegister(from.0)),
            gimli::RegisterRule::Expression(bytes) => RegisterRule::Expression(expression(bytes)?),
            gimli::RegisterRule::ValExpression(bytes) => {
                RegisterRule::ValueExpression(expression(bytes)?)
            }
            // Rules of other architectures: unknown is not unspecified.
            _ => RegisterRule::Undefined,
        };
    }
    Some(registers)
}
