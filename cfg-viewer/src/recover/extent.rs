//! A function's ranges with their bytes, numbered through: offset 0 is the
//! first byte of the first range. Offsets of different ranges are never
//! adjacent code.

use std::ops::Range;

use ukdbg_image::{Function, LinkAddr};

use crate::CfgGap;
use crate::code::Code;

/// The most bytes of a function that are looked at.
const MAX_SIZE: usize = 16 << 20;

/// A function's code.
pub(crate) struct Extent<'c> {
    parts: Vec<Part<'c>>,
    size: usize,
}

struct Part<'c> {
    start: LinkAddr,
    /// Offset of its first byte.
    offset: usize,
    bytes: &'c [u8],
}

impl<'c> Extent<'c> {
    pub(crate) fn new(code: &'c dyn Code, function: &Function) -> (Self, Vec<CfgGap>) {
        let mut ranges = function.ranges.clone();
        ranges.sort_by_key(|range| range.start);
        let mut extent = Self {
            parts: Vec::new(),
            size: 0,
        };
        let mut gaps = Vec::new();
        for range in ranges {
            extent.add(code, range, &mut gaps);
        }
        (extent, gaps)
    }

    fn add(&mut self, code: &'c dyn Code, range: Range<LinkAddr>, gaps: &mut Vec<CfgGap>) {
        let at = range.start;
        let size = range.end.offset_from(at).unwrap_or(0);
        if size == 0 {
            return;
        }
        if self.parts.last().is_some_and(|part| at < part.end()) {
            gaps.push(CfgGap::Overlap { at });
            return;
        }
        let bytes = code.bytes(at).unwrap_or_default();
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        let there = wanted.min(bytes.len());
        let taken = there.min(MAX_SIZE - self.size);
        if let Some(at) = at.checked_add(taken as u64).filter(|_| taken < wanted) {
            gaps.push(match taken < there {
                true => CfgGap::TooLarge { at },
                false => CfgGap::NoBytes { at },
            });
        }
        if taken > 0 {
            self.parts.push(Part {
                start: at,
                offset: self.size,
                bytes: &bytes[..taken],
            });
            self.size += taken;
        }
    }

    /// Where each range begins.
    pub(crate) fn starts(&self) -> impl Iterator<Item = LinkAddr> + '_ {
        self.parts.iter().map(|part| part.start)
    }

    /// Bytes in all.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The offset of an address, if it is in the function.
    pub(crate) fn offset(&self, address: LinkAddr) -> Option<usize> {
        let after = self.parts.partition_point(|part| part.start <= address);
        let part = &self.parts[after.checked_sub(1)?];
        let within = usize::try_from(address.offset_from(part.start)?).ok()?;
        (within < part.bytes.len()).then(|| part.offset + within)
    }

    /// The address of an offset below [`Self::size`].
    pub(crate) fn address(&self, offset: usize) -> LinkAddr {
        let part = self.part(offset);
        LinkAddr(part.start.0 + (offset - part.offset) as u64)
    }

    /// Bytes from an offset below [`Self::size`] to the end of its range.
    pub(crate) fn rest(&self, offset: usize) -> &'c [u8] {
        let part = self.part(offset);
        &part.bytes[offset - part.offset..]
    }

    fn part(&self, offset: usize) -> &Part<'c> {
        let after = self.parts.partition_point(|part| part.offset <= offset);
        &self.parts[after - 1]
    }
}

impl Part<'_> {
    fn end(&self) -> LinkAddr {
        LinkAddr(self.start.0 + self.bytes.len() as u64)
    }
}
