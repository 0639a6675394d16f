//! Damage: what it does to bytes, and where it does it.
//!
//! Mostly where a parser looks, with the values that parsers get wrong, since
//! a byte flipped at random nearly always hits code or text.

use std::ops::Range;

use crate::anatomy::Anatomy;
use crate::random::Random;

/// Bytes, damaged a few times.
pub(crate) fn damaged(seed: &[u8], anatomy: &Anatomy, random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let most = 1 << random.below(5);
    let times = 1 + random.below(most);
    // Half of the cases hit one part only: damage elsewhere hides it.
    let only = random.once_in(2).then(|| part(anatomy, random));
    for _ in 0..times {
        let part = only.clone().unwrap_or_else(|| part(anatomy, random));
        damage(&mut bytes, part, random);
    }
    if random.once_in(12) {
        bytes.truncate(random.below(bytes.len()));
    }
    bytes
}

/// Every part as likely as any other of its kind, however large.
fn part(anatomy: &Anatomy, random: &mut Random) -> Range<usize> {
    let kind = match random.below(16) {
        0..4 => &anatomy.headers,
        4..14 => &anatomy.parsed,
        _ => &anatomy.loaded,
    };
    let part = random.pick(kind).or_else(|| anatomy.loaded.first());
    part.cloned().unwrap_or(0..0)
}

fn damage(bytes: &mut [u8], part: Range<usize>, random: &mut Random) {
    let whole = bytes.len();
    let Some(part) = bytes.get_mut(part) else {
        return;
    };
    if part.is_empty() {
        return;
    }
    // Near the start are the headers of units, tables and lists.
    let reach = if random.once_in(3) {
        part.len().min(96)
    } else {
        part.len()
    };
    let at = random.below(reach);
    let rest = &mut part[at..];
    match random.below(10) {
        0..2 => rest[0] ^= 1 << random.below(8),
        2..4 => rest[0] = byte(random),
        4..6 => put(rest, number(whole, random), 1 << random.below(4)),
        6 => {
            // A number in LEB128 that goes on (DWARF 5 §7.6).
            let length = rest.len().min(1 + random.below(12));
            let fill = *random.pick(&[0x80, 0xff, 0x81]).unwrap_or(&0xff);
            rest[..length].fill(fill);
        }
        7 => {
            let length = rest.len().min(1 + random.below(64));
            let fill = *random.pick(&[0, 0xff]).unwrap_or(&0);
            rest[..length].fill(fill);
        }
        8 => {
            // What means something elsewhere in the part.
            let from = random.below(part.len());
            let length = (1 + random.below(48)).min(part.len() - from.max(at));
            part.copy_within(from..from + length, at);
        }
        _ => {
            // A byte too many or too few: all that follows is shifted.
            let length = rest.len().min(1 + random.below(256));
            let places = 1 % length;
            if random.once_in(2) {
                rest[..length].rotate_left(places);
            } else {
                rest[..length].rotate_right(places);
            }
        }
    }
}

fn put(rest: &mut [u8], value: u64, size: usize) {
    let size = size.min(rest.len());
    rest[..size].copy_from_slice(&value.to_le_bytes()[..size]);
}

fn byte(random: &mut Random) -> u8 {
    let bytes = random.next().to_le_bytes();
    // Small numbers are opcodes, forms, tags and versions.
    if random.once_in(2) {
        bytes[0] % 0x40
    } else {
        bytes[0]
    }
}

/// A number that a check is likely to have forgotten.
fn number(whole: usize, random: &mut Random) -> u64 {
    let whole = u64::try_from(whole).unwrap_or(u64::MAX);
    let edges = [
        0,
        1,
        0x7f,
        0xff,
        0x7fff_ffff,
        0xffff_fff0,
        0xffff_ffff,
        i64::MAX.cast_unsigned(),
        i64::MIN.cast_unsigned(),
        u64::MAX,
        whole,
        whole / 2,
    ];
    let edge = random.pick(&edges).copied().unwrap_or(0);
    match random.below(4) {
        0 => random.next() >> random.below(64),
        1 => edge.wrapping_add(random.next() % 17).wrapping_sub(8),
        2 => random.next() % whole.max(1),
        _ => edge,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_damage() {
        let seed: Vec<u8> = (0..=255).collect();
        let anatomy = Anatomy::of(&seed);
        let once = |number| damaged(&seed, &anatomy, &mut Random::new(number));
        for number in 0..2000 {
            assert_eq!(once(number), once(number));
            assert!(once(number).len() <= seed.len());
        }
        assert!((0..100).any(|number| once(number) != seed));
    }

    #[test]
    fn nothing_can_be_damaged_too() {
        for number in 0..200 {
            let anatomy = Anatomy::of(&[]);
            assert!(damaged(&[], &anatomy, &mut Random::new(number)).is_empty());
        }
    }
}
