//! Code ranges of an entry: `DW_AT_low_pc`, `DW_AT_high_pc`, `DW_AT_ranges`
//! (DWARF 5 §2.17). Descriptions of code that the linker dropped are left out.

use std::ops::Range;

use gimli::{Attribute, AttributeValue};

use super::{Scope, Slice};

/// Ranges of one entry beyond which the rest is not read. A kernel's largest
/// unit has some thousands.
const MOST_RANGES: usize = 1 << 16;

/// The attributes that give an entry's code.
#[derive(Default)]
pub(crate) struct RangeAttributes<'data> {
    low: Option<u64>,
    end: Option<u64>,
    size: Option<u64>,
    list: Option<AttributeValue<Slice<'data>>>,
    entry: Option<u64>,
}

impl<'data> RangeAttributes<'data> {
    /// Takes note of an attribute if it is one of them.
    pub(crate) fn note(&mut self, scope: Scope<'_, 'data>, attribute: &Attribute<Slice<'data>>) {
        let address = || scope.gimli().attr_address(attribute.value()).ok().flatten();
        match attribute.name() {
            gimli::DW_AT_low_pc => self.low = address(),
            gimli::DW_AT_high_pc => match attribute.value() {
                AttributeValue::Udata(size) => self.size = Some(size),
                _ => self.end = address(),
            },
            gimli::DW_AT_ranges => self.list = Some(attribute.value()),
            gimli::DW_AT_entry_pc => self.entry = address(),
            _ => {}
        }
    }

    /// Whether the entry has code, dropped code included.
    pub(crate) fn has_code(&self) -> bool {
        self.list.is_some() || (self.low.is_some() && (self.end.is_some() || self.size.is_some()))
    }

    /// Where the code is entered, given its ranges in their order in the list:
    /// the hot part of a split function comes first.
    pub(crate) fn entry(&self, ranges: &[Range<u64>]) -> Option<u64> {
        let first = ranges.first()?.start;
        let stated = self.entry.or(self.low);
        Some(
            stated
                .filter(|entry| ranges.iter().any(|range| range.contains(entry)))
                .unwrap_or(first),
        )
    }

    /// The ranges, for an index to keep: none once all indexes together hold
    /// more than a sound file needs.
    pub(crate) fn kept_ranges(&self, scope: Scope<'_, 'data>) -> Vec<Range<u64>> {
        let mut ranges = Vec::with_capacity(self.list.is_none().into());
        self.for_each_kept(scope, |range| ranges.push(range));
        ranges
    }

    /// As [`RangeAttributes::kept_ranges`], one after another.
    pub(crate) fn for_each_kept(&self, scope: Scope<'_, 'data>, kept: impl FnMut(Range<u64>)) {
        let most = scope.debug.ranges_left.left().min(MOST_RANGES);
        let read = self.for_each_up_to(scope, most, kept);
        scope.debug.ranges_left.spend(read);
    }

    /// The ranges, in the order of the list, empty and dropped ones left out.
    pub(crate) fn ranges(&self, scope: Scope<'_, 'data>) -> Vec<Range<u64>> {
        let mut ranges = Vec::new();
        self.for_each_up_to(scope, MOST_RANGES, |range| ranges.push(range));
        ranges
    }

    /// Gives the ranges, and how many were read.
    fn for_each_up_to(
        &self,
        scope: Scope<'_, 'data>,
        most: usize,
        mut kept: impl FnMut(Range<u64>),
    ) -> usize {
        let mut keep = |range: Range<u64>| {
            if range.start < range.end && scope.debug.is_code(range.start) {
                kept(range);
            }
        };
        if let Some(list) = self.list
            && let Ok(Some(mut list)) = scope.gimli().attr_ranges(list)
        {
            let ranges = std::iter::from_fn(|| list.next().ok().flatten()).take(most);
            return ranges.map(|range| keep(range.begin..range.end)).count();
        }
        let Some(low) = self.low.filter(|_| most > 0) else {
            return 0;
        };
        let end = self.size.and_then(|size| low.checked_add(size));
        if let Some(end) = end.or(self.end) {
            keep(low..end);
        }
        1
    }
}
