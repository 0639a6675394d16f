//! How large a table is when nothing bounds its index, because the compiler
//! knows all values that it can have: a match over all variants of an enum.
//!
//! Entries that are distances from the table itself lead, all of them, to
//! instructions of the function. The table ends where the next one of the
//! function begins, or where the next entry leads out of the function. Where
//! neither is clear it is not believed: an entry that leads between the
//! function's instructions, or right behind its code, where compilers have
//! what cannot be reached jump to.

use iced_x86::{Decoder, DecoderOptions, Mnemonic};
use ukdbg_image::LinkAddr;

use super::value::Affine;
use super::view::View;
use super::{MAX_ENTRIES, target};
use crate::Evidence;
use crate::recover::extent::Extent;
use crate::recover::scan::Table;

/// A function's code in the order of its bytes, as compilers lay it out:
/// without data between.
pub(super) struct Sweep {
    /// Whether an instruction begins at each offset.
    starts: Vec<bool>,
    /// Addresses that the code computes, ascending: where tables begin.
    bases: Vec<u64>,
}

impl Sweep {
    pub(super) fn of(extent: &Extent<'_>) -> Self {
        let mut sweep = Self {
            starts: vec![false; extent.size()],
            bases: Vec::new(),
        };
        for start in extent.starts() {
            if let Some(offset) = extent.offset(start) {
                sweep.piece(extent.rest(offset), offset, start);
            }
        }
        sweep.bases.sort_unstable();
        sweep
    }

    fn piece(&mut self, bytes: &[u8], first: usize, start: LinkAddr) {
        for instruction in Decoder::with_ip(64, bytes, start.0, DecoderOptions::NONE) {
            let within = instruction.ip().wrapping_sub(start.0) as usize;
            if let Some(begins) = self.starts.get_mut(first + within) {
                *begins = !instruction.is_invalid();
            }
            if instruction.mnemonic() == Mnemonic::Lea && instruction.is_ip_rel_memory_operand() {
                self.bases.push(instruction.memory_displacement64());
            }
        }
    }

    /// The first address behind another that the code computes.
    fn next_base(&self, after: u64) -> Option<u64> {
        let place = self.bases.partition_point(|&base| base <= after);
        self.bases.get(place).copied()
    }
}

impl View<'_, '_> {
    /// A table of distances from itself, as far as what lies around it proves
    /// its end.
    pub(super) fn placed(&self, base: Option<u64>, table: &Affine) -> Option<Table> {
        let base = base?;
        // The first index may be folded into the address.
        let first = base.checked_sub(table.base)?;
        if table.scale != 4 || !first.is_multiple_of(4) || first / 4 > MAX_ENTRIES {
            return None;
        }
        let sweep = self.sweep();
        let room = match sweep.next_base(base) {
            Some(next) => (next - base) / 4,
            None => MAX_ENTRIES,
        };
        let values = 1_u64.checked_shl(table.width).unwrap_or(u64::MAX);
        let room = room.min(values.saturating_sub(first / 4)).min(MAX_ENTRIES);
        let bytes = self.scan.code.constant(LinkAddr(base))?;
        let mut targets = Vec::new();
        for entry in bytes.chunks_exact(4).take(room as usize) {
            let target = target(Some(base), entry)?;
            match self.scan.extent.offset(target) {
                Some(offset) if sweep.starts.get(offset) == Some(&true) => targets.push(target),
                // Between instructions, or right behind the code.
                Some(_) => return None,
                None if self.is_right_behind(target) => return None,
                None => break,
            }
        }
        (targets.len() > 1).then_some(Table {
            first: first / 4,
            targets,
            evidence: Evidence::TablePlacement,
        })
    }

    fn is_right_behind(&self, target: LinkAddr) -> bool {
        let before = target.checked_sub(1);
        before.is_some_and(|before| self.scan.extent.offset(before).is_some())
    }
}
