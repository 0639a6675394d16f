//! Random addresses of an image's code, the same for the same seed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// `count` addresses, each byte of each executable section as likely as any
/// other.
///
/// # Errors
/// When readelf cannot be run or finds no code.
pub(super) fn code_addresses(image: &Path, count: usize, seed: u64) -> Result<Vec<u64>> {
    let output = Command::new("readelf")
        .args(["--section-headers", "--wide"])
        .arg(image)
        .output()
        .context("cannot start readelf")?;
    ensure!(
        output.status.success(),
        "readelf fails on {}",
        image.display()
    );
    let sections = code_sections(&String::from_utf8_lossy(&output.stdout));
    let total: u64 = sections.iter().map(|section| section.size).sum();
    ensure!(total > 0, "{} holds no code", image.display());
    let mut random = Random(seed);
    let mut next = || nth_byte(&sections, random.below(total));
    Ok((0..count).filter_map(|_| next()).collect())
}

/// Where a section lies.
struct Section {
    start: u64,
    size: u64,
}

/// The allocated executable sections of what `readelf -SW` prints.
fn code_sections(printed: &str) -> Vec<Section> {
    let sections = printed.lines().filter_map(|line| {
        // `[ 1] .text  PROGBITS  0000000000100000 001000 01f0de 00  AX  0 …`
        let fields: Vec<&str> = line.split_once(']')?.1.split_whitespace().collect();
        let &[_, _, start, _, size, _, flags, ..] = &fields[..] else {
            return None;
        };
        let is_code = flags.contains('A') && flags.contains('X');
        let hexadecimal = |text| u64::from_str_radix(text, 16).ok();
        is_code.then_some(Section {
            start: hexadecimal(start)?,
            size: hexadecimal(size)?,
        })
    });
    sections.collect()
}

fn nth_byte(sections: &[Section], mut index: u64) -> Option<u64> {
    for section in sections {
        if index < section.size {
            return section.start.checked_add(index);
        }
        index -= section.size;
    }
    None
}

/// SplitMix64 (Steele, Lea and Flood, 2014): nothing here needs more.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The bias of the remainder is below limit / 2^64.
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_code_and_no_other_can_be_drawn() {
        let sections = code_sections(
            "  [ 0]                   NULL      0000000000000000 000000 000000 00      0   0  0\n\
             \x20 [ 1] .text             PROGBITS  0000000000100000 001000 000002 00  AX  0   0 4096\n\
             \x20 [ 2] .rodata           PROGBITS  0000000000110000 002000 000010 00   A  0   0 16\n\
             \x20 [35] .init.text        PROGBITS  ffffffff83079000 003000 000001 00  AX  0   0 16\n\
             Key to Flags:\n",
        );
        let all: Vec<_> = (0..4).map(|index| nth_byte(&sections, index)).collect();
        assert_eq!(
            all,
            [
                Some(0x10_0000),
                Some(0x10_0001),
                Some(0xffff_ffff_8307_9000),
                None
            ]
        );
    }

    #[test]
    fn a_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let mut random = Random(seed);
            [random.below(1000), random.below(1000), random.below(1000)]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
