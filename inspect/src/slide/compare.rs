//! Whether a segment's code is at an address: samples over all of it, each
//! with room for what a loader relocates and a kernel patches.

use ukdbg_image::{Image, LinkAddr, Segment};

use super::Slide;
use crate::Memory;
use crate::memory::read_available;

/// What a comparison showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    /// It is there.
    Same,
    /// Something else is.
    Different,
    /// There is too little to compare.
    Unknown,
}

/// Places compared in one segment.
const SAMPLES: usize = 32;
/// Bytes compared at each.
const SAMPLE: usize = 256;
/// Bytes that say something which a comparison needs.
pub(super) const ENOUGH: usize = 32;

/// Compares what the image says must not change: executable code, or constants.
pub(super) fn compare<M: Memory + ?Sized>(
    memory: &mut M,
    image: &Image<'_>,
    segment: &Segment<'_>,
    slide: Slide,
) -> Comparison {
    if segment.writable && !segment.executable {
        return Comparison::Unknown;
    }
    let step = (segment.bytes.len() / SAMPLES).max(SAMPLE);
    let (mut same, mut different, mut missing) = (0, 0, 0);
    for offset in (0..segment.bytes.len()).step_by(step) {
        let Some(link) = segment.addresses.start.checked_add(offset as u64) else {
            break;
        };
        let expected = sample(image, segment, link, offset);
        let mut found = vec![0; expected.len()];
        let readable = read_available(memory, slide.apply(link), &mut found);
        if Likeness::of(expected, expected).compared < ENOUGH {
            continue;
        }
        if readable < expected.len() {
            missing += 1;
        } else if Likeness::of(expected, &found).is_same() {
            same += 1;
        } else {
            different += 1;
        }
    }
    match (same, different) {
        (0, 0) => Comparison::Unknown,
        // One in eight: code that a kernel discards or rewrites once it ran.
        _ if different <= same / 8 && missing <= same => Comparison::Same,
        _ => Comparison::Different,
    }
}

/// The bytes to compare at an address: none of a section that is written to.
fn sample<'data>(
    image: &Image<'_>,
    segment: &Segment<'data>,
    link: LinkAddr,
    offset: usize,
) -> &'data [u8] {
    let section = image.section_at(link);
    if segment.writable && section.as_ref().is_some_and(|section| !section.executable) {
        return &[];
    }
    let rest = &segment.bytes[offset..];
    let in_section = section
        .and_then(|section| section.size.checked_sub(link.offset_from(section.address)?))
        .and_then(|rest| usize::try_from(rest).ok())
        .unwrap_or(SAMPLE);
    &rest[..rest.len().min(SAMPLE).min(in_section)]
}

/// How alike two pieces of code are.
#[derive(Clone, Copy, Default)]
pub(super) struct Likeness {
    /// Bytes compared: padding between functions tells nothing.
    pub(super) compared: usize,
    /// Bytes of them that are the same.
    pub(super) same: usize,
}

impl Likeness {
    /// Of as many bytes as both have.
    pub(super) fn of(expected: &[u8], found: &[u8]) -> Self {
        let mut likeness = Self::default();
        for (expected, found) in expected.iter().zip(found) {
            let tells = !matches!(expected, 0 | 0x90 | 0xcc);
            likeness.compared += usize::from(tells);
            likeness.same += usize::from(tells && expected == found);
        }
        likeness
    }

    /// Enough bytes, and three in four of them the same. Unrelated code shares
    /// less than one in five; relocated operands and patched instructions make
    /// up less than one in six.
    pub(super) fn is_same(self) -> bool {
        self.compared >= ENOUGH && self.same >= self.compared - self.compared / 4
    }
}
