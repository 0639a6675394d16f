//! Images made by hand, put into memory in the ways that loaders do.

use ukdbg_image::{Decompressed, Image, LinkAddr};

use super::{Slide, SlideSearch, find_slide};
use crate::fixture::Sparse;
use crate::{Placement, VirtAddr};

/// A segment to put into an ELF: flags, link-time address, bytes.
type Part<'a> = (u32, u64, &'a [u8]);

const CODE: u32 = 5;
const DATA: u32 = 6;
const PAGE: usize = 4096;

/// Bytes that differ everywhere, as code does; by a generator of Marsaglia's.
fn code(seed: u64, pages: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..pages * PAGE).map(|_| next()).collect()
}

/// An ELF file without sections (gABI, chapters 4 and 5).
fn elf(parts: &[Part<'_>]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    let machine: [u16; 2] = [2, 62];
    file.extend(machine.iter().flat_map(|half| half.to_le_bytes()));
    file.extend(1u32.to_le_bytes());
    let words = [parts[0].1, 64, 0];
    file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    file.extend(0u32.to_le_bytes());
    let sizes = [64, 56, parts.len() as u16, 64, 0, 0];
    file.extend(sizes.iter().flat_map(|half| half.to_le_bytes()));
    let mut offset = 64 + 56 * parts.len() as u64;
    for (flags, at, bytes) in parts {
        file.extend(1u32.to_le_bytes());
        file.extend(flags.to_le_bytes());
        let size = bytes.len() as u64;
        let words = [offset, *at, *at, size, size, PAGE as u64];
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        offset += size;
    }
    for (_, _, bytes) in parts {
        file.extend_from_slice(bytes);
    }
    file
}

fn search(parts: &[Part<'_>], memory: Sparse, hints: &[u64]) -> SlideSearch {
    let file = elf(parts);
    let room = Decompressed::default();
    let image = Image::parse(&file, &room).unwrap();
    let hints: Vec<VirtAddr> = hints.iter().copied().map(VirtAddr).collect();
    find_slide(&mut memory.clone(), &image, &hints, &[])
}

#[track_caller]
fn check(parts: &[Part<'_>], memory: Sparse, hints: &[u64], expected: &[(u64, u64)]) {
    let SlideSearch::Found { placements, .. } = search(parts, memory, hints) else {
        panic!("not found");
    };
    let found: Vec<(u64, u64)> = placements
        .iter()
        .map(|Placement { link, at, .. }| (link.0, at.0))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn everything_moved() {
    let (text, data) = (code(1, 20), code(2, 1));
    let parts: [Part<'_>; 2] = [(CODE, 0x1000, &text), (DATA, 0x20000, &data)];
    let memory = Sparse::new().with(0x90_1000, &text);
    let expected = [(0x1000, 0x90_1000), (0x20000, 0x92_0000)];
    check(&parts, memory, &[0x90_5123], &expected);
}

/// Identity-mapped boot code that stays, and a kernel above it that moved.
#[test]
fn one_segment_moved() {
    const HIGH: u64 = 0xffff_ffff_8000_0000;
    let (boot, text, data) = (code(1, 1), code(2, 8), code(3, 1));
    let parts: [Part<'_>; 3] = [
        (CODE, 0x40_0000, &boot),
        (CODE, HIGH, &text),
        (DATA, HIGH + 0x10_0000, &data),
    ];
    let memory = Sparse::new()
        .with(0x40_0000, &boot)
        .with(HIGH + 0x60_0000, &text);
    let expected = [
        (0x40_0000, 0x40_0000),
        (HIGH, HIGH + 0x60_0000),
        (HIGH + 0x10_0000, HIGH + 0x70_0000),
    ];
    check(&parts, memory, &[HIGH + 0x60_3000], &expected);
}

/// Boot code runs at its physical address while the kernel's own mapping is
/// there already: both are true, the one that runs first.
#[test]
fn two_mappings_of_one_segment() {
    const HIGH: u64 = 0xffff_ffff_8000_0000;
    let text = code(2, 8);
    let parts: [Part<'_>; 1] = [(CODE, HIGH, &text)];
    let memory = Sparse::new().with(0x20_0000, &text).with(HIGH, &text);
    let expected = [(HIGH, 0x20_0000), (HIGH, HIGH)];
    check(&parts, memory, &[0x20_0010], &expected);
}

/// Operands that a loader relocated, nops that a kernel wrote, breakpoints.
#[test]
fn patched_code_is_the_same() {
    let text = code(5, 20);
    let mut patched = text.clone();
    for at in (0..patched.len()).step_by(40) {
        patched[at..at + 5].fill(0x66);
    }
    let parts: [Part<'_>; 1] = [(CODE, 0x1000, &text)];
    let memory = Sparse::new().with(0x90_1000, &patched);
    check(&parts, memory, &[0x90_5123], &[(0x1000, 0x90_1000)]);
}

#[test]
fn a_return_address_leads_there_too() {
    let text = code(1, 20);
    let parts: [Part<'_>; 1] = [(CODE, 0x1000, &text)];
    let memory = Sparse::new()
        .with(0x90_1000, &text)
        .with(0x7000, &[0; PAGE]);
    let hints = [0xffff_0000, 0x7008, 0x90_2222];
    check(&parts, memory, &hints, &[(0x1000, 0x90_1000)]);
}

/// One page is the same, the rest is another program's.
#[test]
fn a_shared_function_is_not_the_image() {
    let text = code(1, 20);
    let mut other = code(7, 20);
    other[PAGE..2 * PAGE].copy_from_slice(&text[PAGE..2 * PAGE]);
    let parts: [Part<'_>; 1] = [(CODE, 0x1000, &text)];
    let memory = Sparse::new().with(0x90_1000, &other);
    let found = search(&parts, memory, &[0x90_2010]);
    let slide = Slide::between(LinkAddr(0x1000), VirtAddr(0x90_1000));
    assert_eq!(found, SlideSearch::Unverified { slide });
}

/// A page that the image holds twice over says not where it is.
#[test]
fn repeated_code_is_ambiguous() {
    let text = code(1, 1).repeat(20);
    let parts: [Part<'_>; 1] = [(CODE, 0x1000, &text)];
    let memory = Sparse::new().with(0x90_0000, &text.repeat(3));
    let found = search(&parts, memory, &[0x91_4010]);
    assert!(matches!(found, SlideSearch::Unverified { .. }), "{found:?}");
}

#[test]
fn other_code_and_no_code() {
    let text = code(1, 20);
    let parts: [Part<'_>; 1] = [(CODE, 0x1000, &text)];
    let other = Sparse::new().with(0x90_1000, &code(9, 20));
    assert_eq!(search(&parts, other, &[0x90_2010]), SlideSearch::NotFound);
    let nothing = Sparse::new().with(0x90_1000, &[0; 8 * PAGE]);
    assert_eq!(search(&parts, nothing, &[0x90_2010]), SlideSearch::NotFound);
    let hints = [0, u64::MAX, 0x90_2010];
    assert_eq!(search(&parts, Sparse::new(), &hints), SlideSearch::NotFound);
}

#[test]
fn slides_are_shown_signed() {
    let shown = |link, at| Slide::between(LinkAddr(link), VirtAddr(at)).to_string();
    assert_eq!(shown(0x1000, 0x4000), "+0x3000");
    assert_eq!(shown(0x4000, 0x1000), "-0x3000");
    assert_eq!(shown(0x4000, 0x4000), "+0x0");
}

mod hostile {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Headers that lie: no panic, no hang.
        #[test]
        fn addresses_and_bytes(
            at in any::<u64>(),
            start in any::<u64>(),
            hint in any::<u64>(),
            flips in proptest::collection::vec((0usize..1024, any::<u8>()), 0..20),
        ) {
            let text = code(3, 2);
            let mut file = elf(&[(CODE, start, &text), (DATA, at, &text)]);
            for (at, byte) in flips {
                file[at % 176] ^= byte;
            }
            let room = Decompressed::default();
            if let Ok(image) = Image::parse(&file, &room) {
                let mut memory = Sparse::new().with(hint & !0xfff, &text);
                find_slide(&mut memory, &image, &[VirtAddr(hint)], &[]);
            }
        }
    }
}
