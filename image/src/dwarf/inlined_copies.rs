//! Where the code of a function was copied into others: every
//! `DW_TAG_inlined_subroutine` of its name (DWARF 5 §3.3.8.2). What is around a
//! copy is in `inlines`.

use std::collections::HashMap;

use super::entries::next_abbreviation;
use super::names::describe;
use super::ranges::RangeAttributes;
use super::{Debug, Scope};

/// Entries of the copies whose function's name `matches`, in no order. Every
/// such name holds `part`.
pub(crate) fn entries_of_copies(
    debug: &Debug<'_>,
    part: &[u8],
    matches: &(dyn Fn(&[u8]) -> bool + Sync),
) -> Vec<u64> {
    let in_scope = |scope: Scope<'_, '_>| {
        let mut found = Vec::new();
        // What was read before a malformed entry is kept.
        let _ = in_unit(scope, matches, &mut found);
        found
    };
    match debug.units_with_name(part, matches) {
        Some(units) => debug.for_units_once(&units, in_scope),
        None => debug.for_all_units_once(in_scope),
    }
}

fn in_unit(
    scope: Scope<'_, '_>,
    matches: &(dyn Fn(&[u8]) -> bool + Sync),
    found: &mut Vec<u64>,
) -> gimli::Result<()> {
    // A function is copied many times; it is named once.
    let mut known: HashMap<usize, bool> = HashMap::new();
    let mut entries = scope.unit.dwarf.entries_raw(None)?;
    while !entries.is_empty() {
        let die = entries.next_offset();
        let Some(abbreviation) = next_abbreviation(&mut entries)? else {
            continue;
        };
        if abbreviation.tag() != gimli::DW_TAG_inlined_subroutine {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let mut ranges = RangeAttributes::default();
        let mut origin = None;
        for &specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(specification)?;
            if attribute.name() == gimli::DW_AT_abstract_origin {
                origin = scope.position(attribute.value());
            }
            ranges.note(scope, &attribute);
        }
        let named = || describe(scope, die).best_name().is_some_and(matches);
        let is_one = match origin {
            Some(origin) => *known.entry(origin).or_insert_with(named),
            None => named(),
        };
        if is_one {
            found.extend(ranges.entry(&ranges.kept_ranges(scope)));
        }
    }
    Ok(())
}
