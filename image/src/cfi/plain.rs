//! From gimli's rows to the compact form, for whole stretches of code.

use std::ops::Range;

use gimli::{BaseAddresses, UnwindContext, UnwindTableRow};

use super::Fde;
use super::pages::Span;
use super::row::Storage;
use crate::dwarf::Slice;
use crate::{DwarfRegister, PlainRow};

/// Rows that may be read for one entry and page: compilers need one for a few
/// bytes of code.
const MOST_ROWS: usize = 1 << 14;

/// Where the return address is in an ordinary function.
const RETURN_ADDRESS_OFFSET: i64 = -8;

/// What was read so far.
#[derive(Default)]
pub(super) struct PlainSpans {
    context: UnwindContext<usize, Storage>,
    spans: Vec<Span>,
}

impl PlainSpans {
    /// Reads an entry's rows within a range. From where they cannot be read
    /// on, nothing is said.
    pub(super) fn read<'data, S: gimli::UnwindSection<Slice<'data>>>(
        &mut self,
        section: &S,
        bases: &BaseAddresses,
        fde: &Fde<'data>,
        range: &Range<u64>,
    ) {
        let ordinary = !fde.is_signal_trampoline()
            && fde.cie().return_address_register().0 == DwarfRegister::RETURN_ADDRESS.0;
        if !ordinary {
            return self.spans.push((range.clone(), None));
        }
        let Ok(mut rows) = fde.rows(section, bases, &mut self.context) else {
            return self.spans.push((range.clone(), None));
        };
        let mut covered = range.start;
        for _ in 0..MOST_ROWS {
            let Ok(Some(row)) = rows.next_row() else {
                break;
            };
            let start = row.start_address().max(range.start);
            let end = row.end_address().min(range.end);
            if row.start_address() >= range.end {
                break;
            }
            if start < end {
                self.spans.push((start..end, plain(row)));
                covered = covered.max(end);
            }
        }
        if covered < range.end {
            self.spans.push((covered..range.end, None));
        }
    }

    /// The parts of a range that nothing was read about.
    pub(super) fn gaps(&self, within: &Range<u64>) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut at = within.start;
        for (range, _) in &self.spans {
            if range.start > at {
                gaps.push(at..range.start);
            }
            at = at.max(range.end);
        }
        if at < within.end {
            gaps.push(at..within.end);
        }
        gaps
    }

    pub(super) fn sorted(mut self) -> Vec<Span> {
        self.spans.sort_by_key(|(range, _)| range.start);
        self.spans
    }
}

/// The compact form of a row, if it has one.
fn plain(row: &UnwindTableRow<usize, Storage>) -> Option<PlainRow> {
    let gimli::CfaRule::RegisterAndOffset { register, offset } = row.cfa() else {
        return None;
    };
    let mut plain = PlainRow::new(DwarfRegister(register.0), i32::try_from(*offset).ok()?)?;
    let mut returns = false;
    for (register, rule) in row.registers() {
        let register = DwarfRegister(register.0);
        match rule {
            // Vector registers and the like are not followed.
            _ if register > DwarfRegister::RETURN_ADDRESS => {}
            gimli::RegisterRule::Offset(offset) if register == DwarfRegister::RETURN_ADDRESS => {
                returns = *offset == RETURN_ADDRESS_OFFSET;
            }
            gimli::RegisterRule::Offset(offset) => plain = plain.with_saved(register, *offset)?,
            gimli::RegisterRule::SameValue if PlainRow::is_callee_saved(register) => {}
            _ => return None,
        }
    }
    returns.then_some(plain)
}
