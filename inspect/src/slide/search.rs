//! Which pages of an image look like a page of the machine. Loaders move
//! images by whole pages, so there are few candidates, and each is compared.

use ukdbg_image::{Image, LinkAddr, Segment};

use super::Slide;
use super::compare::Likeness;
use crate::memory::read_available;
use crate::{Memory, VirtAddr};

const PAGE: usize = 4096;
/// Candidates kept; more would mean that the page is nothing special.
const MOST: usize = 4;

/// A page of the image that the machine's page may be.
pub(super) struct Candidate {
    /// The segment that holds it.
    pub(super) segment: usize,
    /// How far it then moved.
    pub(super) slide: Slide,
}

/// The start of the page that holds an address.
pub(super) fn page_of(at: VirtAddr) -> VirtAddr {
    VirtAddr(at.0 & !(PAGE as u64 - 1))
}

/// The pages of code that look like the machine's page, the likest first.
pub(super) fn candidates<M: Memory + ?Sized>(
    memory: &mut M,
    image: &Image<'_>,
    page: VirtAddr,
) -> Vec<Candidate> {
    let mut found = [0; PAGE];
    let readable = read_available(memory, page, &mut found);
    let found = &found[..readable];
    let mut alike: Vec<(usize, Candidate)> = Vec::new();
    let executable = image.segments().iter().enumerate();
    for (segment, content) in executable.filter(|(_, segment)| segment.executable) {
        for (link, bytes, offset) in pages(content) {
            let Some(found) = found.get(offset..) else {
                continue;
            };
            let likeness = Likeness::of(bytes, found);
            if likeness.is_same() {
                let slide = Slide::between(link, page);
                alike.push((likeness.same, Candidate { segment, slide }));
            }
        }
    }
    alike.sort_by_key(|(same, _)| std::cmp::Reverse(*same));
    alike.truncate(MOST);
    alike.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The pages of a segment: where each is linked, its bytes, and how far into
/// the page they begin (the first is seldom whole).
fn pages<'data>(segment: &Segment<'data>) -> impl Iterator<Item = (LinkAddr, &'data [u8], usize)> {
    let start = segment.addresses.start.0;
    let into = (start % PAGE as u64) as usize;
    let bytes = segment.bytes;
    let count = (into + bytes.len()).div_ceil(PAGE);
    (0..count).filter_map(move |index| {
        let link = (start - into as u64).checked_add((index * PAGE) as u64)?;
        let from = (index * PAGE).saturating_sub(into);
        let to = ((index + 1) * PAGE - into).min(bytes.len());
        let offset = if index == 0 { into } else { 0 };
        Some((LinkAddr(link), bytes.get(from..to)?, offset))
    })
}
