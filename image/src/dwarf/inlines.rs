//! Inlined calls of one function: `DW_TAG_inlined_subroutine` entries (DWARF 5
//! §3.3.8) as a tree, with the innermost one found by address.

use std::ops::Range;
use std::sync::OnceLock;

use gimli::{AttributeValue, UnitOffset};

use super::entries::next_abbreviation;
use super::names::{Place, describe, file_index};
use super::ranges::RangeAttributes;
use super::{Scope, Slice};
use crate::FunctionName;
use crate::demangle::function_name;
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
    /// Where its code is entered.
    pub(crate) entry: Option<u64>,
    /// Where the call stands.
    pub(crate) place: Place,
    name: OnceLock<Option<FunctionName>>,
}

impl InlinedCall {
    /// The name of the function that was inlined.
    pub(crate) fn name(&self, scope: Scope<'_, '_>) -> Option<FunctionName> {
        let read = || describe(scope, self.die).best_name().map(function_name);
        self.name.get_or_init(read).clone()
    }
}

impl InlineTree {
    pub(crate) fn read(scope: Scope<'_, '_>, function: UnitOffset) -> Self {
        let mut reading = Reading::default();
        // What was read before a malformed entry is kept.
        let _ = reading.entries(scope, function);
        Self {
            calls: reading.calls,
            by_address: Intervals::new(reading.ranges),
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

/// What was read of a function's entries so far.
#[derive(Default)]
struct Reading {
    calls: Vec<InlinedCall>,
    ranges: Vec<(Range<u64>, u16, u32)>,
    /// The calls around the next entry, each with its depth.
    open: Vec<(isize, u32)>,
}

impl Reading {
    fn entries(&mut self, scope: Scope<'_, '_>, function: UnitOffset) -> gimli::Result<()> {
        let mut entries = scope.unit.dwarf.entries_raw(Some(function))?;
        if let Some(abbreviation) = next_abbreviation(&mut entries)? {
            entries.skip_attributes(abbreviation.attributes())?;
        }
        let mut nested_function = None;
        while entries.next_depth() > 0 {
            let die = entries.next_offset();
            let depth = entries.next_depth();
            let Some(abbreviation) = next_abbreviation(&mut entries)? else {
                continue;
            };
            // The entry ends every call that is not around it.
            while self.open.pop_if(|&mut (call, _)| call >= depth).is_some() {}
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
            self.call(scope, die, depth, &attributes);
        }
        Ok(())
    }

    fn call<'data>(
        &mut self,
        scope: Scope<'_, 'data>,
        die: UnitOffset,
        depth: isize,
        attributes: &CallAttributes<'data>,
    ) {
        let numbers = (
            u16::try_from(self.open.len()),
            u32::try_from(self.calls.len()),
        );
        let (Ok(nesting), Ok(number)) = numbers else {
            return;
        };
        if nesting >= MOST_NESTING {
            return;
        }
        let code = attributes.ranges.kept_ranges(scope);
        let entry = attributes.ranges.entry(&code);
        let code = code.into_iter();
        self.ranges
            .extend(code.map(|range| (range, nesting, number)));
        self.calls.push(InlinedCall {
            die,
            parent: self.open.last().map(|&(_, call)| call),
            entry,
            place: attributes.place,
            name: OnceLock::new(),
        });
        self.open.push((depth, number));
    }
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
