//! Where an image lies that was not loaded where it was linked: a relocated
//! kernel, a position-independent program, boot code that runs at physical
//! addresses. Found by comparing the machine's memory with the image's code,
//! and believed only when code at many other places agrees.
//!
//! Not here: whether an image that lies where it was linked is the guest's,
//! and slides that are no multiple of a page.

mod compare;
mod search;

use std::fmt;

use ukdbg_image::{Image, LinkAddr, Segment};

use crate::{Memory, Placement, VirtAddr};

use compare::{Comparison, compare};
use search::candidates;

/// How far a part of an image was moved: what is added, modulo 2⁶⁴, to a
/// link-time address to get the run-time one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Slide(u64);

impl Slide {
    /// Not moved.
    pub const NONE: Self = Self(0);

    /// Of something linked here and found there.
    pub fn between(link: LinkAddr, at: VirtAddr) -> Self {
        Self(at.0.wrapping_sub(link.0))
    }

    /// The run-time address of a link-time one.
    pub fn apply(self, link: LinkAddr) -> VirtAddr {
        VirtAddr(link.0.wrapping_add(self.0))
    }
}

impl fmt::Display for Slide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let downwards = self.0.wrapping_neg();
        if downwards < self.0 {
            write!(f, "-{downwards:#x}")
        } else {
            write!(f, "+{:#x}", self.0)
        }
    }
}

/// What a search for a moved image found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SlideSearch {
    /// It is there: where each segment lies. A segment that is seen at several
    /// addresses (a second mapping, the original of a copy) has the one that
    /// belongs to the code at the hint first.
    Found {
        /// How far the code at the hint moved.
        slide: Slide,
        /// The placements.
        placements: Vec<Placement>,
    },
    /// Code at a hint looks like the image's, but the rest of its code is not
    /// there, or is there twice over: not to be believed.
    Unverified {
        /// How far it would have moved.
        slide: Slide,
    },
    /// Nothing at the hints looks like the image.
    NotFound,
}

/// Hints that are followed; each costs a pass over the image's code.
const MOST_HINTS: usize = 5;

/// Looks for an image whose code is at one of the hints: addresses that are
/// thought to be code, the likeliest first (a program counter, then return
/// addresses). `known` are slides that parts of it may have as well.
pub fn find_slide<M: Memory + ?Sized>(
    memory: &mut M,
    image: &Image<'_>,
    hints: &[VirtAddr],
    known: &[Slide],
) -> SlideSearch {
    let mut pages: Vec<VirtAddr> = Vec::new();
    let mut unverified = None;
    for page in hints.iter().map(|hint| search::page_of(*hint)) {
        if pages.contains(&page) {
            continue;
        }
        if pages.len() == MOST_HINTS {
            break;
        }
        pages.push(page);
        let candidates = candidates(memory, image, page);
        let verified: Vec<Slide> = candidates
            .iter()
            .filter(|candidate| {
                let segment = &image.segments()[candidate.segment];
                compare(memory, image, segment, candidate.slide) == Comparison::Same
            })
            .map(|candidate| candidate.slide)
            .collect();
        match verified[..] {
            [slide] => {
                return SlideSearch::Found {
                    slide,
                    placements: place(memory, image, slide, known),
                };
            }
            [slide, ..] => unverified = Some(slide),
            [] => {
                unverified = unverified.or(candidates.first().map(|candidate| candidate.slide));
            }
        }
    }
    unverified.map_or(SlideSearch::NotFound, |slide| SlideSearch::Unverified {
        slide,
    })
}

/// How far two segments can be apart and still be one piece: what code
/// reaches relative to itself.
const REACH: u64 = 1 << 31;

/// Where each segment lies, now that one is known to have this slide. Code and
/// constants are compared; what the guest writes to moves with what is nearest
/// to it.
fn place<M: Memory + ?Sized>(
    memory: &mut M,
    image: &Image<'_>,
    slide: Slide,
    known: &[Slide],
) -> Vec<Placement> {
    let mut choices = vec![slide];
    for other in [Slide::NONE].iter().chain(known) {
        if !choices.contains(other) {
            choices.push(*other);
        }
    }
    let segments = image.segments();
    let seen: Vec<Vec<Slide>> = segments
        .iter()
        .map(|segment| {
            let mut own = choices.clone();
            own.retain(|choice| compare(memory, image, segment, *choice) == Comparison::Same);
            own
        })
        .collect();
    let slides: Vec<&[Slide]> = segments
        .iter()
        .zip(&seen)
        .map(|(segment, own)| match &own[..] {
            [] => nearest(segment, segments, &seen),
            own => own,
        })
        .collect();
    let most = slides.iter().map(|slides| slides.len()).max().unwrap_or(0);
    (0..most)
        .flat_map(|rank| {
            segments
                .iter()
                .zip(&slides)
                .filter_map(move |(segment, slides)| placement(segment, *slides.get(rank)?))
        })
        .collect()
}

fn placement(segment: &Segment<'_>, slide: Slide) -> Option<Placement> {
    let link = segment.addresses.start;
    Some(Placement {
        link,
        at: slide.apply(link),
        size: segment.addresses.end.offset_from(link)?,
    })
}

/// The slides of the nearest segment that was compared; unmoved when none is
/// in reach.
fn nearest<'a>(
    segment: &Segment<'_>,
    segments: &[Segment<'_>],
    seen: &'a [Vec<Slide>],
) -> &'a [Slide] {
    const UNMOVED: &[Slide] = &[Slide::NONE];
    segments
        .iter()
        .zip(seen)
        .filter(|(_, slides)| !slides.is_empty())
        .map(|(other, slides)| (gap(segment, other), slides))
        .filter(|(gap, _)| *gap < REACH)
        .min_by_key(|(gap, _)| *gap)
        .map_or(UNMOVED, |(_, slides)| slides)
}

/// Bytes between two segments, 0 when they touch.
fn gap(one: &Segment<'_>, other: &Segment<'_>) -> u64 {
    let (one, other) = (&one.addresses, &other.addresses);
    let above = other.start.0.saturating_sub(one.end.0);
    above.max(one.start.0.saturating_sub(other.end.0))
}

#[cfg(test)]
mod tests;
