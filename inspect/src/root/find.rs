//! Finding the root block: by the note of an image, else by its magic.

use std::ops::Range;

use ukdbg_guest_abi::note;
use ukdbg_guest_abi::root::MAGIC;
use ukdbg_image::{Image, LinkAddr};

use super::{Root, RootError};
use crate::memory::read_available;
use crate::{Memory, Modules, VirtAddr};

/// What an image's note says, known before the guest has run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RootNote {
    /// The root block.
    pub root: LinkAddr,
    /// The rendezvous function.
    pub rendezvous: LinkAddr,
}

/// The note of an image with our runtime; none for any other image.
pub fn root_note(image: &Image<'_>) -> Option<RootNote> {
    let notes = image.notes(note::NAME, note::TYPE_ROOT);
    let descriptor = notes
        .into_iter()
        .find(|descriptor| descriptor.len() >= note::DESCRIPTOR_SIZE)?;
    let word = |at: usize| {
        let bytes = descriptor.get(at..at + 8)?.try_into().ok()?;
        Some(LinkAddr(u64::from_le_bytes(bytes)))
    };
    Some(RootNote {
        root: word(0)?,
        rendezvous: word(8)?,
    })
}

/// The root block of the machine, by the note of one of its images.
pub fn find_root<M: Memory + ?Sized>(
    modules: &Modules<'_>,
    memory: &mut M,
) -> Result<Root, RootError> {
    let mut why = RootError::NotFound;
    for module in modules.iter() {
        let address = root_note(&module.image).and_then(|note| module.run_address(note.root));
        let Some(at) = address else { continue };
        match Root::read(memory, at) {
            Ok(root) => return Ok(root),
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// The first valid root block in the given ranges, for images whose note is
/// lost. Reads no more than `most` bytes in all.
pub fn scan_for_root<M: Memory + ?Sized>(
    memory: &mut M,
    ranges: &[Range<VirtAddr>],
    most: u64,
) -> Option<Root> {
    let mut budget = most;
    ranges
        .iter()
        .find_map(|range| scan_range(memory, range.clone(), &mut budget))
}

/// Size of a piece read at once.
const PIECE: usize = 64 * 1024;
/// Alignment of a root block: that of its words.
const ALIGNMENT: usize = 8;

fn scan_range<M: Memory + ?Sized>(
    memory: &mut M,
    range: Range<VirtAddr>,
    budget: &mut u64,
) -> Option<Root> {
    let mut piece = vec![0; PIECE];
    let mut at = VirtAddr(range.start.0.checked_next_multiple_of(ALIGNMENT as u64)?);
    while at < range.end && *budget > 0 {
        let rest = range.end.offset_from(at)?.min(*budget);
        let want = usize::try_from(rest).map_or(PIECE, |rest| rest.min(PIECE));
        let got = read_available(memory, at, &mut piece[..want]);
        let found = candidates(&piece[..got])
            .filter_map(|offset| at.checked_add(offset as u64))
            .find_map(|at| Root::read(memory, at).ok());
        if found.is_some() {
            return found;
        }
        let next = next_piece(at, got, want)?;
        *budget = budget.saturating_sub(next.offset_from(at)?);
        at = next;
    }
    None
}

/// Where to go on: overlapping a whole piece, so that a magic across two of
/// them is seen; behind an edge, at the next page.
fn next_piece(at: VirtAddr, got: usize, want: usize) -> Option<VirtAddr> {
    const PAGE: u64 = 4096;
    if got == want && got == PIECE {
        return at.checked_add((PIECE - MAGIC.len()) as u64);
    }
    let behind = at.checked_add(got as u64)?.checked_add(1)?;
    behind.0.checked_next_multiple_of(PAGE).map(VirtAddr)
}

fn candidates(piece: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (0..piece.len().saturating_sub(MAGIC.len() - 1))
        .step_by(ALIGNMENT)
        .filter(|&offset| piece[offset..].starts_with(&MAGIC))
}
