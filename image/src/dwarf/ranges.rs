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
        let value = attribute.value();
        let address = || scope.gimli().attr_address(value).ok().flatten();
        match attribute.name() {
            gimli::DW_AT_low_pc => self.low = address(),
            gimli::DW_AT_high_pc => match value {
                AttributeValue::Udata(size) => self.size = Some(size),
                _ => self.end = address(),
            },
            gimli::DW_AT_ranges => self.list = Some(value),
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
        let most = scope.debug.ranges_left.left().min(MOST_RANGES);
        let mut read = 0;
        let ranges = self.ranges_up_to(scope, most, &mut read);
        scope.debug.ranges_left.spend(read);
        ranges
    }

    /// The ranges, in the order of the list, empty and dropped ones left out.
    pub(crate) fn ranges(&self, scope: Scope<'_, 'data>) -> Vec<Range<u64>> {
        self.ranges_up_to(scope, MOST_RANGES, &mut 0)
    }

    fn ranges_up_to(
        &self,
        scope: Scope<'_, 'data>,
        most: usize,
        read: &mut usize,
    ) -> Vec<Range<u64>> {
        let kept = |range: &Range<u64>| range.start < range.end && scope.debug.is_code(range.start);
        if let Some(list) = self.list
            && let Ok(Some(mut list)) = scope.gimli().attr_ranges(list)
        {
            let ranges = std::iter::from_fn(|| list.next().ok().flatten());
            return ranges
                .map(|range| range.begin..range.end)
                .take(most)
                .inspect(|_| *read += 1)
                .filter(kept)
                .collect();
        }
        let Some(low) = self.low.filter(|_| most > 0) else {
            return Vec::new();
        };
        *read = 1;
        let end = self
            .size
            .and_then(|size| low.checked_add(size))
            .or(self.end);
        end.map(|end| low..end).filter(kept).into_iter().collect()
    }
}
