//! Inlined calls of one function: `DW_TAG_inlined_subroutine` entries (DWARF 5
//! §3.3.8) as a tree, with the innermost one found by address.

use std::ops::Range;

use gimli::{AttributeValue, UnitOffset};

use super::entries::next_abbreviation;
use super::names::{Place, file_index};
use super::ranges::RangeAttributes;
use super::{Scope, Slice};
use crate::intervals::Intervals;

/// Nesting beyond which inlined calls are left out.
const MOST_NESTING: u16 = 512;

/// The inlined calls of a function.
#[derive(Default)]
pub(crate) struct InlineTree {
    calls: Vec<InlinedCall>,
    by_address: Intervals<u32>,
}

/// One inlined call.
pub(crate) struct InlinedCall {
    pub(crate) die: UnitOffset,
    /// The call it is nested in; none directly in the function.
    parent: Option<u32>,
    /// Where the call stands.
    pub(crate) place: Place,
}

/// A call whose entries are being read.
struct Open {
    depth: isize,
    call: u32,
}

impl InlineTree {
    pub(crate) fn read(scope: Scope<'_, '_>, function: UnitOffset) -> Self {
        let mut calls = Vec::new();
        let mut ranges = Vec::new();
        // What was read before a malformed entry is kept.
        let _ = read_entries(scope, function, &mut calls, &mut ranges);
        Self {
            calls,
            by_address: Intervals::new(ranges),
        }
    }

    /// The inlined calls at an address, innermost first.
    pub(crate) fn chain(&self, address: u64) -> impl Iterator<Item = &InlinedCall> {
        let innermost = self.by_address.get(address).map(|(_, number)| number);
        let call = |number: u32| self.calls.get(usize::try_from(number).ok()?);
        // A parent's number is always lower, so this ends.
        std::iter::successors(innermost.and_then(call), move |inner| {
            inner.parent.and_then(call)
        })
    }
}

fn read_entries(
    scope: Scope<'_, '_>,
    function: UnitOffset,
    calls: &mut Vec<InlinedCall>,
    ranges: &mut Vec<(Range<u64>, u16, u32)>,
) -> gimli::Result<()> {
    let mut entries = scope.unit.dwarf.entries_raw(Some(function))?;
    let mut open: Vec<Open> = Vec::new();
    let mut nested_function = None;
    if let Some(abbreviation) = next_abbreviation(&mut entries)? {
        entries.skip_attributes(abbreviation.attributes())?;
    }
    while entries.next_depth() > 0 && !entries.is_empty() {
        let die = entries.next_offset();
        let depth = entries.next_depth();
        let Some(abbreviation) = next_abbreviation(&mut entries)? else {
            continue;
        };
        open.truncate(open.iter().take_while(|call| call.depth < depth).count());
        nested_function = nested_function.filter(|&nested| nested < depth);
        if abbreviation.tag() == gimli::DW_TAG_subprogram && nested_function.is_none() {
            nested_function = Some(depth);
        }
        let inlined = abbreviation.tag() == gimli::DW_TAG_inlined_subroutine;
        if !inlined || nested_function.is_some() {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let mut attributes = CallAttributes::default();
        for &specification in abbreviation.attributes() {
            attributes.note(scope, &entries.read_attribute(specification)?);
        }
        let parent = open.last().map(|call| call.call);
        let nesting = u16::try_from(open.len()).unwrap_or(u16::MAX);
        let Ok(number) = u32::try_from(calls.len()) else {
            break;
        };
        if nesting >= MOST_NESTING {
            continue;
        }
        let code = attributes.ranges.kept_ranges(scope);
        ranges.extend(code.into_iter().map(|range| (range, nesting, number)));
        calls.push(InlinedCall {
            die,
            parent,
            place: attributes.place,
        });
        open.push(Open {
            depth,
            call: number,
        });
    }
    Ok(())
}

#[derive(Default)]
struct CallAttributes<'data> {
    ranges: RangeAttributes<'data>,
    place: Place,
}

impl<'data> CallAttributes<'data> {
    fn note(&mut self, scope: Scope<'_, 'data>, attribute: &gimli::Attribute<Slice<'data>>) {
        let value: AttributeValue<Slice<'data>> = attribute.value();
        match attribute.name() {
            gimli::DW_AT_call_file => self.place.file = file_index(value),
            gimli::DW_AT_call_line => self.place.line = value.udata_value(),
            gimli::DW_AT_call_column => self.place.column = value.udata_value(),
            _ => self.ranges.note(scope, attribute),
        }
    }
}
