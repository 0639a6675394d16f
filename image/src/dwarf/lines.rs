//! The line table of a unit (DWARF 5 §6.2), decoded once: rows by address. The
//! files they name are in `files`.

use std::num::NonZeroU32;
use std::ops::Range;

use super::Scope;
use super::files::{file_path, matching_files};
use super::line_program::{LineProgram, ProgramRow};
use crate::SourceLocation;
use crate::intervals::Intervals;

/// A row, relative to the start of its sequence. 16 bytes: a kernel has ten
/// million.
#[derive(Clone, Copy)]
struct Row {
    offset: u32,
    line: u32,
    file: u32,
    column: u16,
    is_statement: bool,
    /// The function's frame is set up here.
    prologue_end: bool,
}

impl Row {
    fn new(row: &ProgramRow, offset: u32) -> Self {
        Self {
            offset,
            line: u32::try_from(row.line).unwrap_or(0),
            file: u32::try_from(row.file).unwrap_or(u32::MAX),
            column: u16::try_from(row.column).unwrap_or(0),
            is_statement: row.is_statement,
            prologue_end: row.prologue_end,
        }
    }

    fn to_line_at(self) -> LineAt {
        let line = NonZeroU32::new(self.line);
        LineAt {
            file: self.file,
            line,
            // "No line" has no column, whatever the row says.
            column: line.and_then(|_| NonZeroU32::new(u32::from(self.column))),
        }
    }
}

/// A run of rows at ascending addresses.
struct Sequence {
    start: u64,
    end: u64,
    rows: Range<usize>,
}

/// The rows of one unit.
#[derive(Default)]
pub(crate) struct UnitLines {
    rows: Vec<Row>,
    sequences: Vec<Sequence>,
    by_address: Intervals<u32>,
}

/// A row as a question gets it.
#[derive(Clone, Copy)]
pub(crate) struct LineAt {
    pub(crate) file: u32,
    pub(crate) line: Option<NonZeroU32>,
    pub(crate) column: Option<NonZeroU32>,
}

impl UnitLines {
    pub(crate) fn read(scope: Scope<'_, '_>) -> Self {
        let mut lines = Self::default();
        if let Some(program) = &scope.unit.dwarf.line_program {
            lines.read_program(scope, LineProgram::new(program.header()));
        }
        scope.debug.rows_left.spend(lines.rows.len());
        let numbered = lines.sequences.iter().zip(0u32..);
        let ranges = numbered.map(|(sequence, number)| (sequence.start..sequence.end, (), number));
        lines.by_address = Intervals::new(ranges.collect());
        lines
    }

    fn read_program(&mut self, scope: Scope<'_, '_>, mut program: LineProgram<'_>) {
        let most = scope.debug.rows_left.left();
        let mut first = 0;
        let mut start = None;
        while let Some(row) = program.next_row() {
            if self.rows.len() >= most {
                break;
            }
            let base = *start.get_or_insert(row.address);
            if row.end_sequence {
                self.end_sequence(scope, first, base..row.address);
                first = self.rows.len();
                start = None;
                continue;
            }
            let offset = row.address.checked_sub(base);
            if let Some(offset) = offset.and_then(|offset| u32::try_from(offset).ok()) {
                self.rows.push(Row::new(&row, offset));
            }
        }
    }

    /// Keeps the rows from `first` on, unless they describe dropped code.
    fn end_sequence(&mut self, scope: Scope<'_, '_>, first: usize, addresses: Range<u64>) {
        let rows = &mut self.rows[first..];
        if rows.is_empty() || addresses.is_empty() || !scope.debug.is_code(addresses.start) {
            self.rows.truncate(first);
            return;
        }
        if !rows.is_sorted_by_key(|row| row.offset) {
            rows.sort_by_key(|row| row.offset);
        }
        self.sequences.push(Sequence {
            start: addresses.start,
            end: addresses.end,
            rows: first..self.rows.len(),
        });
    }

    /// The row in force at an address: of several that begin at the same
    /// place, the last.
    pub(crate) fn at(&self, address: u64) -> Option<LineAt> {
        let (_, number) = self.by_address.get(address)?;
        let sequence = self.sequences.get(usize::try_from(number).ok()?)?;
        let offset = address.checked_sub(sequence.start)?;
        let rows = self.rows.get(sequence.rows.clone())?;
        let after = rows.partition_point(|row| u64::from(row.offset) <= offset);
        Some(rows.get(after.checked_sub(1)?)?.to_line_at())
    }

    /// The row in force at an address with the addresses it is in force at. Of
    /// several rows at one place the last, unless only an earlier one begins a
    /// statement.
    pub(crate) fn row_at(&self, address: u64) -> Option<(LineAt, Range<u64>, bool)> {
        let (_, number) = self.by_address.get(address)?;
        let sequence = self.sequences.get(usize::try_from(number).ok()?)?;
        let offset = address.checked_sub(sequence.start)?;
        let rows = self.rows.get(sequence.rows.clone())?;
        let after = rows.partition_point(|row| u64::from(row.offset) <= offset);
        let last = rows.get(after.checked_sub(1)?)?;
        let same = rows[..after].iter().rev();
        let same = same.take_while(|row| row.offset == last.offset && row.line != 0);
        let row = same
            .into_iter()
            .find(|row| row.is_statement)
            .unwrap_or(last);
        let end = rows.get(after).map(|next| u64::from(next.offset));
        let end = end.and_then(|offset| sequence.start.checked_add(offset));
        let start = sequence.start.checked_add(u64::from(row.offset))?;
        Some((
            row.to_line_at(),
            start..end.unwrap_or(sequence.end),
            row.is_statement,
        ))
    }

    /// Where the body of a function begins: where the compiler says its
    /// prologue ends, or else where its second line does, as GDB takes it.
    pub(crate) fn after_prologue(&self, code: &Range<u64>) -> Option<u64> {
        let (_, number) = self.by_address.get(code.start)?;
        let sequence = self.sequences.get(usize::try_from(number).ok()?)?;
        let rows = self.rows.get(sequence.rows.clone())?.iter();
        let address = |row: &Row| sequence.start + u64::from(row.offset);
        let mut inside = rows.filter(|row| code.contains(&address(row)));
        let first = inside.clone().find(|row| row.line != 0)?;
        let marked = inside.clone().find(|row| row.prologue_end);
        let second = || {
            inside.find(|row| {
                row.is_statement
                    && row.line != 0
                    && row.line != first.line
                    && row.offset > first.offset
            })
        };
        marked.or_else(second).map(address)
    }

    /// Lines of the files that `wanted` accepts where statements begin.
    fn statement_lines(&self, wanted: impl Fn(u32) -> bool) -> impl Iterator<Item = u32> {
        let statements = self
            .rows
            .iter()
            .filter(|row| row.is_statement && row.line != 0);
        statements
            .filter(move |row| wanted(row.file))
            .map(|row| row.line)
    }

    /// Addresses at which statements of a line begin, of the files that
    /// `wanted` accepts: the first address of each run of rows of that line.
    pub(crate) fn statements(&self, line: u32, wanted: impl Fn(u32) -> bool) -> Vec<u64> {
        let mut addresses = Vec::new();
        for sequence in &self.sequences {
            let mut within = false;
            for row in self.rows.get(sequence.rows.clone()).unwrap_or_default() {
                let matches = row.line == line && wanted(row.file);
                if matches && !within && row.is_statement {
                    addresses.extend(sequence.start.checked_add(u64::from(row.offset)));
                    within = true;
                }
                within &= matches;
            }
        }
        addresses
    }
}

impl LineAt {
    pub(crate) fn location(self, scope: Scope<'_, '_>) -> Option<SourceLocation> {
        Some(SourceLocation {
            file: file_path(scope, u64::from(self.file))?,
            line: self.line,
            column: self.column,
        })
    }
}

/// Where a line of a file has statements in this unit. `file` matches a
/// path's last components.
pub(crate) fn addresses_of_line(scope: Scope<'_, '_>, file: &str, line: u32) -> Vec<u64> {
    let files = matching_files(scope, file);
    if files.is_empty() {
        return Vec::new();
    }
    scope
        .lines()
        .statements(line, |index| files.contains(&index))
}

/// The first line of a file, from `line` on, that has statements in this unit.
pub(crate) fn line_with_code(scope: Scope<'_, '_>, file: &str, line: u32) -> Option<u32> {
    let files = matching_files(scope, file);
    if files.is_empty() {
        return None;
    }
    let lines = scope
        .lines()
        .statement_lines(|index| files.contains(&index));
    lines.filter(|&candidate| candidate >= line).min()
}
