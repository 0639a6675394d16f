//! Running line-number programs (DWARF 5 §6.2.5): a row at a time, without
//! what no question asks for. Headers are gimli's to read, and what the rows
//! mean is in `lines`.

use gimli::LineProgramHeader;

use super::Slice;
use crate::leb128;

/// A row of the table: the registers of the machine that makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProgramRow {
    pub(super) address: u64,
    pub(super) file: u64,
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) is_statement: bool,
    pub(super) prologue_end: bool,
    /// The address is the first behind the sequence.
    pub(super) end_sequence: bool,
}

/// A program that is being run.
pub(super) struct LineProgram<'data> {
    /// What is left of it.
    rest: &'data [u8],
    header: Header<'data>,
    row: ProgramRow,
    operation: u64,
    /// The sequence is of code that the linker dropped.
    dropped: bool,
}

/// What the machine needs of the header.
#[derive(Clone, Copy)]
struct Header<'data> {
    address_size: u8,
    instruction_length: u64,
    operations: u64,
    begins_statement: bool,
    line_base: i64,
    line_range: u8,
    opcode_base: u8,
    operands: &'data [u8],
}

impl ProgramRow {
    fn first(is_statement: bool) -> Self {
        Self {
            address: 0,
            file: 1,
            line: 1,
            column: 0,
            is_statement,
            prologue_end: false,
            end_sequence: false,
        }
    }
}

impl<'data> LineProgram<'data> {
    pub(super) fn new(program: &LineProgramHeader<Slice<'data>>) -> Self {
        let begins_statement = program.default_is_stmt();
        Self {
            rest: program.raw_program_buf().slice(),
            header: Header {
                address_size: program.address_size(),
                instruction_length: program.minimum_instruction_length().into(),
                operations: program.maximum_operations_per_instruction().into(),
                begins_statement,
                line_base: program.line_base().into(),
                line_range: program.line_range(),
                opcode_base: program.opcode_base(),
                operands: program.standard_opcode_lengths().slice(),
            },
            row: ProgramRow::first(begins_statement),
            operation: 0,
            dropped: false,
        }
    }

    /// The next row; none at the end and where the program is malformed.
    pub(super) fn next_row(&mut self) -> Option<ProgramRow> {
        loop {
            let (&opcode, rest) = self.rest.split_first()?;
            self.rest = rest;
            let gives_row = match opcode.checked_sub(self.header.opcode_base) {
                Some(special) => {
                    self.special(special)?;
                    true
                }
                None => self.standard(opcode)?,
            };
            if !gives_row {
                continue;
            }
            let row = self.row;
            let dropped = self.dropped;
            self.row.prologue_end = false;
            if row.end_sequence {
                self.row = ProgramRow::first(self.header.begins_statement);
                self.operation = 0;
                self.dropped = false;
            }
            if !dropped {
                return Some(row);
            }
        }
    }

    #[inline]
    fn special(&mut self, opcode: u8) -> Option<()> {
        let range = self.header.line_range;
        self.advance_line(self.header.line_base + i64::from(opcode.checked_rem(range)?));
        self.advance(opcode.checked_div(range)?.into())
    }

    /// Whether it gives a row.
    #[inline]
    fn standard(&mut self, opcode: u8) -> Option<bool> {
        match gimli::DwLns(opcode) {
            gimli::DwLns(0) => return self.extended(),
            gimli::DW_LNS_copy => return Some(true),
            gimli::DW_LNS_advance_pc => {
                let operations = self.unsigned()?;
                self.advance(operations)?;
            }
            gimli::DW_LNS_advance_line => {
                let (lines, size) = leb128::signed(self.rest)?;
                self.rest = self.rest.get(size..)?;
                self.advance_line(lines);
            }
            gimli::DW_LNS_set_file => self.row.file = self.unsigned()?,
            gimli::DW_LNS_set_column => self.row.column = self.unsigned()?,
            gimli::DW_LNS_negate_stmt => self.row.is_statement = !self.row.is_statement,
            gimli::DW_LNS_set_basic_block | gimli::DW_LNS_set_epilogue_begin => {}
            gimli::DW_LNS_const_add_pc => {
                let special = u8::MAX - self.header.opcode_base;
                self.advance(special.checked_div(self.header.line_range)?.into())?;
            }
            gimli::DW_LNS_fixed_advance_pc => {
                let (bytes, rest) = self.rest.split_first_chunk()?;
                self.rest = rest;
                if !self.dropped {
                    self.add_to_address(u16::from_le_bytes(*bytes).into())?;
                    self.operation = 0;
                }
            }
            gimli::DW_LNS_set_prologue_end => self.row.prologue_end = true,
            // Its operand, as that of what later versions add, says nothing.
            gimli::DwLns(other) => {
                let place = usize::from(other).checked_sub(1)?;
                let operands = match gimli::DwLns(other) {
                    gimli::DW_LNS_set_isa => 1,
                    _ => *self.header.operands.get(place)?,
                };
                for _ in 0..operands {
                    self.unsigned()?;
                }
            }
        }
        Some(false)
    }

    fn extended(&mut self) -> Option<bool> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        let (instruction, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        let (&opcode, operands) = instruction.split_first()?;
        match gimli::DwLne(opcode) {
            gimli::DW_LNE_end_sequence => {
                self.row.end_sequence = true;
                return Some(true);
            }
            gimli::DW_LNE_set_address => self.set_address(operands)?,
            // Files are looked up in the header, and discriminators not shown.
            _ => {}
        }
        Some(false)
    }

    /// Addresses ascend in a sequence. One that is lower, or the highest there
    /// is, is what linkers leave of code that they drop.
    fn set_address(&mut self, operand: &[u8]) -> Option<()> {
        let size = usize::from(self.header.address_size);
        let mut bytes = [0; 8];
        bytes.get_mut(..size)?.copy_from_slice(operand.get(..size)?);
        let address = u64::from_le_bytes(bytes);
        self.dropped = address < self.row.address || address >= self.highest() - 1;
        if !self.dropped {
            self.row.address = address;
            self.operation = 0;
        }
        Some(())
    }

    fn highest(&self) -> u64 {
        let unused = 64_u32.saturating_sub(8 * u32::from(self.header.address_size));
        u64::MAX.checked_shr(unused).unwrap_or(1)
    }

    #[inline]
    fn advance_line(&mut self, lines: i64) {
        self.row.line = if lines < 0 {
            self.row.line.saturating_sub(lines.unsigned_abs())
        } else {
            self.row.line.wrapping_add(lines.unsigned_abs())
        };
    }

    #[inline]
    fn advance(&mut self, operations: u64) -> Option<()> {
        if self.dropped {
            return Some(());
        }
        let mut instructions = operations;
        if self.header.operations > 1 {
            let operations = self.operation.wrapping_add(operations);
            self.operation = operations % self.header.operations;
            instructions = operations / self.header.operations;
        }
        self.add_to_address(self.header.instruction_length.wrapping_mul(instructions))
    }

    #[inline]
    fn add_to_address(&mut self, bytes: u64) -> Option<()> {
        let address = self.row.address.checked_add(bytes)?;
        self.row.address = Some(address).filter(|&it| it <= self.highest())?;
        Some(())
    }

    #[inline]
    fn unsigned(&mut self) -> Option<u64> {
        let (number, size) = leb128::unsigned(self.rest)?;
        self.rest = self.rest.get(size..)?;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use gimli::{ColumnType, DebugLine, DebugLineOffset, LittleEndian};
    use proptest::prelude::*;

    use super::{LineProgram, ProgramRow};

    /// A table of version 4 without folders and files.
    fn table(opcode_base: u8, line_range: u8, operations: u8, program: &[u8]) -> Vec<u8> {
        let mut header = vec![1, operations, 1, 0xfb, line_range, opcode_base];
        let operands = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 2, 0];
        header.extend(&operands[..usize::from(opcode_base) - 1]);
        header.extend([0, 0]);
        let mut body = vec![4, 0];
        body.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
        body.extend(header);
        body.extend(program);
        let mut table = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
        table.extend(body);
        table
    }

    fn check(table: &[u8]) -> Result<(), TestCaseError> {
        let section = DebugLine::new(table, LittleEndian);
        let program = section
            .program(DebugLineOffset(0), 8, None, None)
            .expect("a sound header");
        let mut ours = LineProgram::new(program.header());
        let mut theirs = program.rows();
        while let Ok(Some((_, row))) = theirs.next_row() {
            let expected = ProgramRow {
                address: row.address(),
                file: row.file_index(),
                line: row.line().map_or(0, u64::from),
                column: match row.column() {
                    ColumnType::LeftEdge => 0,
                    ColumnType::Column(column) => column.into(),
                },
                is_statement: row.is_stmt(),
                prologue_end: row.prologue_end(),
                end_sequence: row.end_sequence(),
            };
            prop_assert_eq!(ours.next_row(), Some(expected));
        }
        Ok(())
    }

    fn instruction() -> impl Strategy<Value = Vec<u8>> {
        let address = prop_oneof![0_u64..0x4000, any::<u64>(), Just(u64::MAX)];
        prop_oneof![
            4 => any::<u8>().prop_map(|opcode| vec![opcode]),
            4 => (1_u8..16, prop::collection::vec(any::<u8>(), 0..3))
                .prop_map(|(opcode, operands)| [vec![opcode], operands].concat()),
            2 => address.prop_map(|it| [vec![0, 9, 2], it.to_le_bytes().to_vec()].concat()),
            1 => Just(vec![0, 1, 1]),
            1 => Just(vec![0, 2, 4, 7]),
        ]
    }

    proptest! {
        #[test]
        fn rows_are_what_gimli_says(
            opcode_base in 1_u8..15,
            line_range in 1_u8..20,
            operations in 1_u8..4,
            program in prop::collection::vec(instruction(), 0..60),
        ) {
            check(&table(opcode_base, line_range, operations, &program.concat()))?;
        }
    }
}
