//! Jump tables: an indirect jump is resolved when the table's place follows
//! from the code, its size is known, and every entry is code of the function.
//! The size is what the compiler says, or what a comparison or mask that every
//! way to the jump passes leaves for the index; where there is neither, what
//! lies around the table may still prove it (`placement`). Else the jump stays
//! unresolved, with the reason. Nothing is guessed.

mod bound;
mod placement;
mod value;
mod view;

use ukdbg_image::LinkAddr;

use super::scan::{Scan, Table};
use crate::{Evidence, Unresolved};

use value::{Affine, Value};
use view::View;

/// The largest table that is read.
const MAX_ENTRIES: u64 = 1 << 16;

/// Instructions looked at for all indirect jumps of a function together.
const FUEL: u32 = 4 << 20;

/// How often newly found code is searched for more tables.
const MAX_ROUNDS: usize = 32;

/// Resolves what can be resolved, following the code behind each table.
pub(super) fn resolve(scan: &mut Scan<'_>) {
    let mut fuel = FUEL;
    for _ in 0..MAX_ROUNDS {
        let mut found = Vec::new();
        for (jump, result) in attempts(scan, &mut fuel) {
            // One that was resolved stays: whether it still holds is asked
            // when all code is known.
            let resolved = matches!(scan.table(jump), Some(Ok(_)));
            if !resolved && scan.table(jump) != Some(&result) {
                found.push((jump, result));
            }
        }
        if found.is_empty() {
            return;
        }
        for (jump, result) in found {
            scan.set_table(jump, result);
        }
    }
}

/// Whether what was resolved still holds, now that all code is known: code
/// found later may lead to a jump past its comparison.
pub(super) fn first_refuted(scan: &Scan<'_>) -> Option<usize> {
    let resolved = attempts(scan, &mut { FUEL });
    let refuted = resolved.into_iter().find(|(jump, result)| {
        matches!(scan.table(*jump), Some(Ok(_))) && scan.table(*jump) != Some(result)
    });
    refuted.map(|(jump, _)| jump)
}

type Entries = Result<Table, Unresolved>;

/// Every indirect jump, and where it leads by what is known now.
fn attempts(scan: &Scan<'_>, fuel: &mut u32) -> Vec<(usize, Entries)> {
    let jumps: Vec<_> = scan.indirect_jumps().collect();
    if jumps.is_empty() {
        return Vec::new();
    }
    let view = View::new(scan, std::mem::take(fuel));
    let results = jumps
        .into_iter()
        .map(|jump| (jump, attempt(&view, jump)))
        .collect();
    *fuel = view.fuel_left();
    results
}

fn attempt(view: &View<'_, '_>, jump: usize) -> Entries {
    if view.fuel_left() == 0 {
        return Err(Unresolved::Limit);
    }
    let Some((block, count)) = view.position(jump) else {
        return Err(Unresolved::Computed);
    };
    let (base, table, size) = match view.jump_target(block, count) {
        Value::Loaded(table, 8) => (None, table, 8),
        Value::Relative(base, table) => (Some(base), table, 4),
        _ => return Err(Unresolved::Computed),
    };
    if table.scale != size {
        return Err(Unresolved::Computed);
    }
    if view.scan.is_refuted(jump) {
        return Err(Unresolved::Unbounded);
    }
    let listed = view.scan.code.table_size(LinkAddr(table.base));
    let (entries, evidence) = match listed {
        Some(entries) => (entries, Evidence::TableSize),
        None => match view.bound(block, count, &table) {
            Some(last) => (last.saturating_add(1), Evidence::JumpTable),
            None => return view.placed(base, &table).ok_or(Unresolved::Unbounded),
        },
    };
    if entries > MAX_ENTRIES {
        return Err(Unresolved::Unbounded);
    }
    let targets = targets(view.scan, base, &table, entries).ok_or(Unresolved::Table)?;
    Ok(Table {
        first: 0,
        targets,
        evidence,
    })
}

/// Reads a table: addresses, or 32-bit distances from `base`.
fn targets(
    scan: &Scan<'_>,
    base: Option<u64>,
    table: &Affine,
    count: u64,
) -> Option<Vec<LinkAddr>> {
    let size = usize::try_from(table.scale).ok()?;
    let length = size.checked_mul(usize::try_from(count).ok()?)?;
    let bytes = scan.code.constant(LinkAddr(table.base))?.get(..length)?;
    let targets = bytes.chunks_exact(size).map(|entry| {
        let target = target(base, entry)?;
        let offset = scan.extent.offset(target)?;
        (!scan.is_inside_instruction(offset)).then_some(target)
    });
    targets.collect()
}

/// Where an entry leads.
fn target(base: Option<u64>, entry: &[u8]) -> Option<LinkAddr> {
    Some(LinkAddr(match base {
        None => u64::from_le_bytes(entry.try_into().ok()?),
        Some(base) => {
            let distance = i32::from_le_bytes(entry.try_into().ok()?);
            base.wrapping_add_signed(distance.into())
        }
    }))
}
