//! Which physical addresses are memory, by QEMU's `info mtree -f`. Pure
//! functions over its text.

use std::ops::RangeInclusive;

/// More pieces of memory than any machine has.
const MOST_RANGES: usize = 4096;

/// The memory that CPUs see, in ascending order: RAM and ROM, without devices,
/// whose registers must not be read for curiosity. Neighbours are joined.
pub(super) fn ram_ranges(text: &str) -> Vec<RangeInclusive<u64>> {
    let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
    let views = text.split("FlatView #");
    let Some(view) = views.into_iter().find(|view| is_system(view)) else {
        return ranges;
    };
    for range in view.lines().filter_map(memory_line).take(MOST_RANGES) {
        match ranges.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(*range.start()) => {
                *last = *last.start()..=*range.end();
            }
            Some(last) if last.end() >= range.start() => {}
            _ => ranges.push(range),
        }
    }
    ranges
}

/// The address space of the machine, as opposed to those of ports, of buses
/// and of system management mode.
fn is_system(view: &str) -> bool {
    view.lines()
        .any(|line| line.trim_start().starts_with("AS \"memory\","))
}

/// `0000000000000000-00000000000bffff (prio 0, ram): pc.ram`.
fn memory_line(line: &str) -> Option<RangeInclusive<u64>> {
    let (range, rest) = line.trim().split_once(' ')?;
    let (_, rest) = rest.split_once(", ")?;
    let (kind, _) = rest.split_once(')')?;
    if !matches!(kind, "ram" | "rom" | "romd" | "nv-ram") {
        return None;
    }
    let (first, last) = range.split_once('-')?;
    let first = u64::from_str_radix(first, 16).ok()?;
    let last = u64::from_str_radix(last, 16).ok()?;
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// QEMU 7.2, `-m 64` and a machine without devices, shortened.
    const TEXT: &str = "\
FlatView #0
 AS \"cpu-smm-0\", root: memory
 Root memory region: memory
  0000000000000000-00000000000fffff (prio 0, ram): pc.ram

FlatView #1
 AS \"memory\", root: system
 AS \"cpu-memory-0\", root: system
 Root memory region: system
  0000000000000000-000000000009ffff (prio 0, ram): pc.ram
  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem
  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
  00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000
  0000000000100000-0000000003ffffff (prio 0, ram): pc.ram @0000000000100000
  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios

FlatView #3
 AS \"I/O\", root: io
  0000000000000000-0000000000000007 (prio 0, ram): no memory of the CPU's
";

    #[test]
    fn memory_without_devices() {
        assert_eq!(
            ram_ranges(TEXT),
            [
                0..=0x9_ffff,
                0xc_0000..=0x3ff_ffff,
                0xfffc_0000..=0xffff_ffff
            ]
        );
    }

    #[test]
    fn other_text_has_no_memory() {
        for text in [
            "",
            "FlatView #1\n",
            "FlatView #1\n AS \"memory\", root: s\n -1 (prio",
        ] {
            assert!(ram_ranges(text).is_empty(), "{text}");
        }
        let odd = " AS \"memory\", root: s\n  ff-00 (prio 0, ram): x\n  zz-1 (prio 0, ram): y\n";
        assert!(ram_ranges(&format!("FlatView #0\n{odd}")).is_empty());
    }
}
