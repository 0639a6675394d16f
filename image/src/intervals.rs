//! A map from addresses to values, built once from ranges that may overlap.
//! What the ranges mean is the business of whoever builds it.

use std::collections::BinaryHeap;
use std::ops::Range;

/// Disjoint ranges, ascending, each with the value that won there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Intervals<V> {
    spans: Vec<(Range<u64>, V)>,
}

impl<V> Default for Intervals<V> {
    fn default() -> Self {
        Self { spans: Vec::new() }
    }
}

impl<V: Copy + Ord> Intervals<V> {
    /// Where ranges overlap, the highest priority wins; among equals the one
    /// that begins last, which is the inner one when they nest. Empty ranges
    /// are left out.
    pub(crate) fn new<P: Copy + Ord>(mut ranges: Vec<(Range<u64>, P, V)>) -> Self {
        ranges.retain(|(range, ..)| range.start < range.end);
        ranges.sort_unstable_by_key(|(range, priority, value)| {
            (range.start, *priority, std::cmp::Reverse(range.end), *value)
        });
        let mut spans: Vec<(Range<u64>, V)> = Vec::with_capacity(ranges.len());
        let mut open: BinaryHeap<(P, u64, std::cmp::Reverse<u64>, V)> = BinaryHeap::new();
        let mut at = 0;
        for (range, priority, value) in ranges {
            close_until(&mut open, &mut spans, &mut at, range.start);
            open.push((priority, range.start, std::cmp::Reverse(range.end), value));
        }
        close_until(&mut open, &mut spans, &mut at, u64::MAX);
        Self { spans }
    }

    /// The spans that overlap a range, cut to it.
    pub(crate) fn overlapping(&self, within: &Range<u64>) -> impl Iterator<Item = (Range<u64>, V)> {
        let (start, end) = (within.start, within.end);
        let first = self.spans.partition_point(|(range, _)| range.end <= start);
        let spans = self.spans.get(first..).unwrap_or_default().iter();
        spans
            .take_while(move |(range, _)| range.start < end)
            .map(move |(range, value)| (range.start.max(start)..range.end.min(end), *value))
    }

    /// The value at an address, with the range it holds for.
    pub(crate) fn get(&self, address: u64) -> Option<(Range<u64>, V)> {
        let after = self
            .spans
            .partition_point(|(range, _)| range.start <= address);
        let (range, value) = self.spans.get(after.checked_sub(1)?)?;
        range.contains(&address).then(|| (range.clone(), *value))
    }
}

/// Emits spans from `at` up to `limit`, as the open ranges rule.
fn close_until<P: Copy + Ord, V: Copy + Ord>(
    open: &mut BinaryHeap<(P, u64, std::cmp::Reverse<u64>, V)>,
    spans: &mut Vec<(Range<u64>, V)>,
    at: &mut u64,
    limit: u64,
) {
    while let Some(&(_, start, std::cmp::Reverse(end), value)) = open.peek() {
        if end <= *at {
            open.pop();
            continue;
        }
        let from = start.max(*at);
        let to = end.min(limit);
        if from < to {
            push(spans, from..to, value);
            *at = to;
        }
        if end > limit {
            break;
        }
        open.pop();
    }
    *at = (*at).max(limit);
}

fn push<V: Copy + Ord>(spans: &mut Vec<(Range<u64>, V)>, range: Range<u64>, value: V) {
    match spans.last_mut() {
        Some((last, same)) if last.end == range.start && *same == value => last.end = range.end,
        _ => spans.push((range, value)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(ranges: &[(Range<u64>, u8, char)], expected: &[(Range<u64>, char)]) {
        assert_eq!(Intervals::new(ranges.to_vec()).spans, expected);
    }

    #[test]
    fn the_inner_and_the_more_important_win() {
        check(&[], &[]);
        check(&[(3..3, 0, 'a')], &[]);
        check(
            &[(0..2, 0, 'a'), (4..6, 0, 'b')],
            &[(0..2, 'a'), (4..6, 'b')],
        );
        check(
            &[(0..9, 0, 'a'), (2..4, 0, 'b'), (3..4, 0, 'c')],
            &[(0..2, 'a'), (2..3, 'b'), (3..4, 'c'), (4..9, 'a')],
        );
        check(
            &[(0..9, 1, 'a'), (2..12, 0, 'b')],
            &[(0..9, 'a'), (9..12, 'b')],
        );
        check(&[(0..4, 0, 'a'), (4..8, 0, 'a')], &[(0..8, 'a')]);
    }

    proptest! {
        #[test]
        fn every_address_has_the_winner(
            ranges in prop::collection::vec((0u64..40, 0u64..40, 0u8..4), 0..20)
        ) {
            let ranges: Vec<_> = ranges
                .iter()
                .enumerate()
                .map(|(value, &(start, end, priority))| (start..end, priority, value))
                .collect();
            let map = Intervals::new(ranges.clone());
            for address in 0..41 {
                let winner = ranges
                    .iter()
                    .filter(|(range, ..)| range.contains(&address))
                    .max_by_key(|(range, priority, value)| {
                        (*priority, range.start, std::cmp::Reverse(range.end), *value)
                    })
                    .map(|&(.., value)| value);
                prop_assert_eq!(map.get(address).map(|(_, value)| value), winner);
            }
        }
    }
}
