//! Inlined calls of one function: `DW_TAG_inlined_subroutine` entries (DWARF 5
//! §3.3.8) as a tree, with the innermost one found by address.

use std::ops::Range;

use gimli::{AttributeValue, UnitOffset};

use super::abbreviation_lengths::Kinds;
use super::names::{Place, file_index};
use super::ranges::RangeAttributes;
use super::skim::{Entry, Skim};
use super::{Scope, Slice};
use crate::FunctionName;
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
    said: Said,
}

/// What a call's attributes say.
#[derive(Clone, Copy)]
struct Said {
    /// Where its code is entered.
    entry: Option<u64>,
    /// Where the call stands.
    place: Place,
    /// Position of the entry that says its name: thousands of calls are of one
    /// function.
    named_at: usize,
}

/// Which inlined calls are kept.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// All of the function.
    Every,
    /// Those at some of these addresses, which ascend, and the calls around
    /// them: most calls of a function are at none.
    At(&'a [u64]),
}

impl Wanted<'_> {
    fn is_in(self, range: &Range<u64>) -> bool {
        let Self::At(addresses) = self else {
            return true;
        };
        let first = addresses.partition_point(|&address| address < range.start);
        addresses.get(first).is_some_and(|at| range.contains(at))
    }
}

impl InlinedCall {
    /// The name of the function that was inlined.
    pub(crate) fn name(&self, scope: Scope<'_, '_>) -> Option<FunctionName> {
        scope.name_said_at(self.said.named_at)
    }

    /// Where its code is entered.
    pub(crate) fn entry(&self) -> Option<u64> {
        self.said.entry
    }

    /// Where the call stands.
    pub(crate) fn place(&self) -> Place {
        self.said.place
    }
}

impl InlineTree {
    pub(crate) fn read(scope: Scope<'_, '_>, function: UnitOffset, wanted: Wanted<'_>) -> Self {
        let mut reading = Reading::new(wanted);
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
struct Reading<'a> {
    wanted: Wanted<'a>,
    calls: Vec<InlinedCall>,
    ranges: Vec<(Range<u64>, u16, u32)>,
    /// The calls around the next entry.
    open: Vec<OpenCall>,
    /// Room for the code of one call.
    code: Vec<Range<u64>>,
}

/// A call around others, kept or not.
struct OpenCall {
    depth: isize,
    die: UnitOffset,
    /// None where it was not read.
    said: Option<Said>,
    /// Its place among those that are kept.
    kept: Option<u32>,
}

impl<'a> Reading<'a> {
    fn new(wanted: Wanted<'a>) -> Self {
        Self {
            wanted,
            calls: Vec::new(),
            ranges: Vec::new(),
            open: Vec::new(),
            code: Vec::new(),
        }
    }

    fn entries(&mut self, scope: Scope<'_, '_>, function: UnitOffset) -> gimli::Result<()> {
        let mut entries = Skim::below(scope, function)?;
        let mut nested_function = None;
        while let Some(entry) = entries.next_of(Kinds::FUNCTION.or(Kinds::INLINED_CALL)) {
            let outer = entry.least_depth;
            // The entry ends every call that is not around it.
            while self.open.pop_if(|call| call.depth >= outer).is_some() {}
            nested_function = nested_function.filter(|&nested| nested < outer);
            if nested_function.is_some() {
                continue;
            }
            if entry.kinds.meets(Kinds::FUNCTION) {
                nested_function = Some(entry.depth);
                continue;
            }
            let code = entries.plain_code(entry);
            if code.is_some_and(|code| !self.wanted.is_in(&code)) {
                self.open(entry, None);
                continue;
            }
            let mut attributes = CallAttributes::default();
            entries.attributes(|attribute| attributes.note(scope, attribute))?;
            self.call(scope, entry, &attributes);
        }
        Ok(())
    }

    /// Opens a call, and gives how deep it is in others, unless too deep.
    fn open(&mut self, entry: Entry, said: Option<Said>) -> Option<u16> {
        let nesting = u16::try_from(self.open.len()).ok();
        let nesting = nesting.filter(|&nesting| nesting < MOST_NESTING)?;
        self.open.push(OpenCall {
            depth: entry.depth,
            die: entry.offset,
            said,
            kept: None,
        });
        Some(nesting)
    }

    fn call<'data>(
        &mut self,
        scope: Scope<'_, 'data>,
        entry: Entry,
        attributes: &CallAttributes<'data>,
    ) {
        self.code.clear();
        let code = &mut self.code;
        attributes
            .ranges
            .for_each_kept(scope, |range| code.push(range));
        let said = attributes.said(scope, entry.offset, code);
        let Some(nesting) = self.open(entry, Some(said)) else {
            return;
        };
        self.code.retain(|range| self.wanted.is_in(range));
        if !self.code.is_empty()
            && let Some(number) = self.keep_open(scope)
        {
            let code = self.code.drain(..);
            self.ranges
                .extend(code.map(|range| (range, nesting, number)));
        }
    }

    /// Keeps every call that is open, and says which the innermost is.
    fn keep_open(&mut self, scope: Scope<'_, '_>) -> Option<u32> {
        let mut parent = None;
        for open in &mut self.open {
            if open.kept.is_none() {
                open.kept = Some(u32::try_from(self.calls.len()).ok()?);
                let said = open.said.unwrap_or_else(|| Said::by(scope, open.die));
                self.calls.push(InlinedCall {
                    die: open.die,
                    parent,
                    said,
                });
            }
            parent = open.kept;
        }
        parent
    }
}

impl Said {
    fn by(scope: Scope<'_, '_>, call: UnitOffset) -> Self {
        let mut attributes = CallAttributes::default();
        if let Ok(entry) = scope.unit.dwarf.entry(call) {
            for attribute in entry.attrs() {
                attributes.note(scope, attribute);
            }
        }
        let code = attributes.ranges.ranges(scope);
        attributes.said(scope, call, &code)
    }
}

#[derive(Default)]
struct CallAttributes<'data> {
    ranges: RangeAttributes<'data>,
    place: Place,
    origin: Option<AttributeValue<Slice<'data>>>,
    names_itself: bool,
}

impl<'data> CallAttributes<'data> {
    fn note(&mut self, scope: Scope<'_, 'data>, attribute: &gimli::Attribute<Slice<'data>>) {
        match attribute.name() {
            gimli::DW_AT_call_file => self.place.file = file_index(attribute.value()),
            gimli::DW_AT_call_line => self.place.line = attribute.value().udata_value(),
            gimli::DW_AT_call_column => self.place.column = attribute.value().udata_value(),
            gimli::DW_AT_abstract_origin => self.origin = Some(attribute.value()),
            gimli::DW_AT_name | gimli::DW_AT_linkage_name => self.names_itself = true,
            _ => self.ranges.note(scope, attribute),
        }
    }

    fn said(&self, scope: Scope<'_, 'data>, call: UnitOffset, code: &[Range<u64>]) -> Said {
        // A name of its own is nearer than that of its origin.
        let origin = self.origin.filter(|_| !self.names_itself);
        let origin = origin.and_then(|origin| scope.position(origin));
        Said {
            entry: self.ranges.entry(code),
            place: self.place,
            named_at: origin.unwrap_or(scope.unit.offset.saturating_add(call.0)),
        }
    }
}
