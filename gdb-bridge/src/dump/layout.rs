//! Which addresses the memory in a core is known by. Pure.

use std::ops::{Range, RangeInclusive};

use ukdbg_inspect::{MappedRun, VirtAddr};

use super::copy::Extent;

const PAGE: u64 = 4096;

/// A program header of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) virt: u64,
    pub(super) physical: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// Memory that nothing maps has a virtual address that no program can have (SDM
/// 1 3.3.7.1), so that a debugger who knows only virtual addresses does not
/// take it for something else.
const UNMAPPED: u64 = 1 << 63;

/// Program headers for physical memory: one for each run of pages that is
/// mapped somewhere, then the memory that nothing maps. Without any mapping
/// (no paging), virtual addresses are physical ones.
pub(super) fn physical(extents: &[Extent], mapped: &[MappedRun]) -> Vec<Load> {
    if mapped.is_empty() {
        return extents
            .iter()
            .map(|extent| load(extent, extent.at))
            .collect();
    }
    let mut loads = Vec::new();
    let mut covered: Vec<Range<u64>> = Vec::new();
    for run in mapped {
        let Some(end) = run.physical.0.checked_add(run.length) else {
            continue;
        };
        for piece in overlaps(extents, run.physical.0..end) {
            covered.push(piece.at..piece.at + piece.size);
            loads.push(load(&piece, run.start.0 + (piece.at - run.physical.0)));
        }
    }
    covered.sort_unstable_by_key(|range| range.start);
    for extent in extents {
        for hole in holes(extent.at..extent.at + extent.size, &covered) {
            for piece in overlaps(extents, hole) {
                loads.push(load(&piece, UNMAPPED | piece.at));
            }
        }
    }
    loads
}

/// Program headers for memory whose physical addresses are not known.
pub(super) fn virtual_only(extents: &[Extent]) -> Vec<Load> {
    let load = |extent: &Extent| Load {
        physical: 0,
        ..load(extent, extent.at)
    };
    extents.iter().map(load).collect()
}

/// Ranges as whole pages, in order and without overlap.
pub(super) fn pages(ranges: &[Range<VirtAddr>]) -> Vec<RangeInclusive<u64>> {
    let mut pages: Vec<_> = ranges
        .iter()
        .filter(|range| range.start < range.end)
        .map(|range| range.start.0 & !(PAGE - 1)..=(range.end.0 - 1) | (PAGE - 1))
        .collect();
    pages.sort_unstable_by_key(|range| *range.start());
    let mut joined: Vec<RangeInclusive<u64>> = Vec::new();
    for range in pages {
        match joined.last_mut() {
            Some(last) if last.end().saturating_add(1) >= *range.start() => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => joined.push(range),
        }
    }
    joined
}

fn load(extent: &Extent, virt: u64) -> Load {
    Load {
        virt,
        physical: extent.at,
        offset: extent.offset,
        size: extent.size,
    }
}

/// The parts of a range that are in extents, which are in order.
fn overlaps(extents: &[Extent], range: Range<u64>) -> impl Iterator<Item = Extent> {
    let first = extents.partition_point(|extent| extent.at + extent.size <= range.start);
    extents[first..]
        .iter()
        .take_while({
            let end = range.end;
            move |extent| extent.at < end
        })
        .map(move |extent| {
            let start = extent.at.max(range.start);
            let end = (extent.at + extent.size).min(range.end);
            Extent {
                at: start,
                offset: extent.offset + (start - extent.at),
                size: end - start,
            }
        })
}

/// What is left of a range without the covered ones, which are in order of
/// their starts.
fn holes(range: Range<u64>, covered: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut holes = Vec::new();
    let mut at = range.start;
    for cover in covered {
        if cover.start >= range.end {
            break;
        }
        if cover.start > at {
            holes.push(at..cover.start);
        }
        at = at.max(cover.end);
    }
    if at < range.end {
        holes.push(at..range.end);
    }
    holes
}

#[cfg(test)]
mod tests {
    use ukdbg_inspect::PhysAddr;

    use super::*;

    fn extent(at: u64, offset: u64, size: u64) -> Extent {
        Extent { at, offset, size }
    }

    fn run(start: u64, physical: u64, length: u64) -> MappedRun {
        MappedRun {
            start: VirtAddr(start),
            physical: PhysAddr(physical),
            length,
        }
    }

    #[test]
    fn memory_has_all_of_its_addresses() {
        let extents = [
            extent(0, 0x1000, 0xa_0000),
            extent(0x10_0000, 0xa_1000, 0x10_0000),
        ];
        // Low memory at itself but for its first page; the kernel up high, and
        // a device in between.
        let mapped = [
            run(0x1000, 0x1000, 0x1f_f000),
            run(0xfee0_0000, 0xfee0_0000, 0x1000),
            run(0xffff_8000_0000_0000, 0x10_0000, 0x1000),
        ];
        let loads = physical(&extents, &mapped);
        let check = |index: usize, virt, at, offset, size| {
            let expected = Load {
                virt,
                physical: at,
                offset,
                size,
            };
            assert_eq!(loads[index], expected, "{loads:x?}");
        };
        check(0, 0x1000, 0x1000, 0x2000, 0x9_f000);
        check(1, 0x10_0000, 0x10_0000, 0xa_1000, 0x10_0000);
        check(2, 0xffff_8000_0000_0000, 0x10_0000, 0xa_1000, 0x1000);
        check(3, 1 << 63, 0, 0x1000, 0x1000);
        assert_eq!(loads.len(), 4);
    }

    #[test]
    fn without_paging_an_address_is_physical() {
        let loads = physical(&[extent(0x5000, 0x1000, 0x1000)], &[]);
        assert_eq!((loads[0].virt, loads[0].physical), (0x5000, 0x5000));
    }

    #[test]
    fn pages_of_ranges() {
        let range = |start, end| VirtAddr(start)..VirtAddr(end);
        let ranges = [
            range(0x3000, 0x3001),
            range(0x10, 0x20),
            range(0x1000, 0x1800),
            range(0x9000, 0x9000),
            range(u64::MAX, u64::MAX),
            range(u64::MAX - 5, u64::MAX),
        ];
        assert_eq!(
            pages(&ranges),
            [0..=0x1fff, 0x3000..=0x3fff, !0xfff..=u64::MAX]
        );
    }
}
