//! Rows of unwind rules ready for use, by page of code: a page's rows are
//! decoded when it is first asked for, so that one backtrace in a large kernel
//! pays for the pages it touches. What the compact form cannot hold is marked,
//! and asked of the sections themselves; nothing here is the last word on
//! where there are no rules.

use std::ops::Range;
use std::sync::OnceLock;

use crate::PlainRow;

/// What is decoded at a time: some hundred functions, in a fraction of a
/// millisecond.
const PAGE: u64 = 1 << 16;

/// Within a page, a lookup begins at a line of that many bytes: few have more
/// rows than are compared at a time.
const LINE: u64 = 1 << 6;

/// Rows that are compared at a time. How many are below an address is counted,
/// not searched for: where a search ends nothing predicts, and a branch that
/// was predicted wrongly costs more than the comparisons.
const COMPARED: usize = 8;

/// Behind the last row, so that there always are as many as are compared.
const NO_ROW: RowStart = RowStart::MAX;

/// Pages in all: half a gigabyte of code. More is not code.
const MOST_PAGES: u64 = 1 << 13;

/// Different rules in a page; the rest are asked of the sections.
const MOST_RULES: usize = 256;

/// Code that lies further apart is another region (boot code and a kernel in
/// the upper half).
const APART: u64 = 1 << 20;

/// The rows of an image's code.
pub(super) struct RowPages {
    regions: Vec<Region>,
}

struct Region {
    start: u64,
    pages: Box<[OnceLock<Page>]>,
}

/// The rows of a page, which share few different rules.
struct Page {
    /// For each line, the row in force at its start.
    lines: Box<[u16]>,
    rows: Box<[RowStart]>,
    rules: Box<[Option<PlainRow>]>,
}

/// Where a row begins in its page, in the upper half, and below it the number
/// of its rule.
type RowStart = u32;

/// The rules over a range; none where they do not fit the compact form.
pub(super) type Span = (Range<u64>, Option<PlainRow>);

impl RowPages {
    /// Over the ranges where the image has code.
    pub(super) fn new(mut code: Vec<Range<u64>>) -> Self {
        code.retain(|range| range.start < range.end);
        code.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::new();
        for range in code {
            match merged.last_mut() {
                Some(last) if range.start.saturating_sub(last.end) < APART => {
                    last.end = last.end.max(range.end);
                }
                _ => merged.push(range),
            }
        }
        let mut left = MOST_PAGES;
        let regions = merged.into_iter().map_while(|range| {
            let count = (range.end - range.start).div_ceil(PAGE);
            left = left.checked_sub(count)?;
            Some(Region {
                start: range.start,
                pages: (0..count).map(|_| OnceLock::new()).collect(),
            })
        });
        Self {
            regions: regions.collect(),
        }
    }

    /// The row at an address, if it has the compact form. `spans` gives what
    /// the sections say about a page, ascending.
    pub(super) fn row_at(
        &self,
        address: u64,
        spans: impl FnOnce(Range<u64>) -> Vec<Span>,
    ) -> Option<PlainRow> {
        let (page, inside) = self.regions.iter().find_map(|region| {
            let offset = address.checked_sub(region.start)?;
            let page = region.pages.get(usize::try_from(offset / PAGE).ok()?)?;
            Some((page, offset % PAGE))
        })?;
        let page = page.get_or_init(|| {
            let start = address - inside;
            let end = start.saturating_add(PAGE);
            Page::new(start, spans(start..end))
        });
        page.row_at(inside)
    }
}

impl Page {
    /// From the spans that lie in it.
    fn new(start: u64, spans: Vec<Span>) -> Self {
        let mut page = Reading::default();
        let mut covered = 0;
        for (range, row) in spans {
            let from = range.start.saturating_sub(start).max(covered);
            let to = range.end.saturating_sub(start).min(PAGE);
            if from >= to {
                continue;
            }
            if from > covered {
                page.push(covered, None);
            }
            page.push(from, row);
            covered = to;
        }
        if covered < PAGE {
            page.push(covered, None);
        }
        let lines = page.lines();
        page.rows.extend([NO_ROW; COMPARED]);
        Self {
            lines,
            rows: page.rows.into(),
            rules: page.rules.into(),
        }
    }

    #[inline]
    fn row_at(&self, inside: u64) -> Option<PlainRow> {
        let line = usize::try_from(inside / LINE).ok()?;
        let mut first = usize::from(*self.lines.get(line)?);
        // Rules have lower numbers than that.
        let after = row_start(inside, usize::from(u16::MAX));
        loop {
            let rows = self.rows.get(first..)?.first_chunk::<COMPARED>()?;
            let below: usize = rows.iter().map(|&row| usize::from(row < after)).sum();
            if below < COMPARED {
                let row = *rows.get(below.checked_sub(1)?)?;
                return *self.rules.get(usize::from(row as u16))?;
            }
            // The last of these may be the one.
            first += COMPARED - 1;
        }
    }
}

#[derive(Default)]
struct Reading {
    rows: Vec<RowStart>,
    rules: Vec<Option<PlainRow>>,
}

impl Reading {
    fn push(&mut self, offset: u64, row: Option<PlainRow>) {
        let known = |row| self.rules.iter().position(|&rule| rule == row);
        let row = row.filter(|_| self.rules.len() < MOST_RULES || known(row).is_some());
        let number = known(row).unwrap_or_else(|| {
            self.rules.push(row);
            self.rules.len() - 1
        });
        self.rows.push(row_start(offset, number));
    }

    fn lines(&self) -> Box<[u16]> {
        let starts = (0..PAGE / LINE).map(|line| {
            let last = row_start(line * LINE, usize::from(u16::MAX));
            let after = self.rows.partition_point(|&row| row <= last);
            // A page has a row from its first byte on, and no more rows than
            // bytes.
            u16::try_from(after.saturating_sub(1)).unwrap_or(u16::MAX)
        });
        starts.collect()
    }
}

/// The offset is less than a page's size, the number than the most rules.
fn row_start(offset: u64, rule: usize) -> RowStart {
    const { assert!(PAGE == 1 << 16) };
    (offset as u32) << 16 | rule as u32
}

#[cfg(test)]
#[expect(
    clippy::single_range_in_vec_init,
    reason = "an image with one section of code"
)]
mod tests {
    use super::*;
    use crate::DwarfRegister;

    fn row(offset: i32) -> PlainRow {
        PlainRow::new(DwarfRegister::RSP, offset).expect("rsp is a register")
    }

    #[track_caller]
    fn check(spans: &[Span], expected: &[(u64, Option<i32>)]) {
        let pages = RowPages::new(vec![0x1000..0x3000]);
        for &(at, offset) in expected {
            let found = pages.row_at(at, |page| {
                assert!(page.contains(&at) && page.end - page.start == PAGE);
                spans.to_vec()
            });
            assert_eq!(found, offset.map(row), "{at:#x}");
        }
    }

    #[test]
    fn rows_hold_to_the_end_of_their_span() {
        check(&[], &[(0xfff, None), (0x1000, None), (0x11000, None)]);
        check(
            &[
                (0x0f00..0x1010, Some(row(8))),
                (0x1010..0x1020, Some(row(16))),
                (0x1020..0x1030, None),
                (0x1040..0x9000, Some(row(24))),
                (0x1_0fff..0x1_1000, Some(row(32))),
            ],
            &[
                (0xfff, None),
                (0x1000, Some(8)),
                (0x100f, Some(8)),
                (0x1010, Some(16)),
                (0x101f, Some(16)),
                (0x1020, None),
                (0x1030, None),
                (0x1040, Some(24)),
                (0x17ff, Some(24)),
                (0x1800, Some(24)),
                (0x9000, None),
                (0x1_0ffe, None),
                (0x1_0fff, Some(32)),
                (0x1_1000, None),
            ],
        );
    }

    /// An epilogue has a row for each of its pops, of a byte or two.
    #[test]
    fn many_rows_in_a_line() {
        let rows = 0..100;
        let spans: Vec<Span> = (rows.clone())
            .map(|at| (0x1001 + at..0x1002 + at, Some(row(at as i32))))
            .collect();
        let found = rows.map(|at| (0x1001 + at, Some(at as i32)));
        let edges = [(0x1000, None), (0x1065, None)];
        check(&spans, &found.chain(edges).collect::<Vec<_>>());
    }

    #[test]
    fn of_overlapping_spans_the_first_wins_and_false_ones_do_no_harm() {
        let (first, second) = (Some(row(8)), Some(row(16)));
        check(
            &[(0x1000..0x1010, first), (0x1008..0x1020, second)],
            &[(0x100f, Some(8)), (0x1010, Some(16)), (0x1020, None)],
        );
        check(
            &[(0x1010..0x1010, first), (0..u64::MAX, second)],
            &[(0x1000, Some(16)), (0x1008, Some(16))],
        );
    }

    #[test]
    fn regions_far_apart_and_sizes_no_code_has() {
        let high = 0xffff_ffff_8000_0000;
        let pages = RowPages::new(vec![high..high + 0x100, 0x1000..0x1100, 5..5]);
        assert_eq!(pages.regions.len(), 2);
        let anywhere = |_| vec![(0..u64::MAX, Some(row(8)))];
        assert!(pages.row_at(high + 0x50, anywhere).is_some());
        assert!(pages.row_at(0x1050, anywhere).is_some());
        assert!(pages.row_at(0x10_0000, anywhere).is_none());
        assert!(RowPages::new(vec![0..u64::MAX]).regions.is_empty());
    }
}
