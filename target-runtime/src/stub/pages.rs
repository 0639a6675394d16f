//! Walking four-level page tables (SDM volume 3A, section 4.5). It neither
//! changes tables nor reads memory itself.

/// Size of the smallest page.
pub(super) const PAGE_SIZE: u64 = 0x1000;

const PRESENT: u64 = 1 << 0;
const LARGE: u64 = 1 << 7;
/// Bits 12 to 51: the address in an entry.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// The physical address at a virtual one, if it is mapped. `entry` reads an
/// entry at its physical address.
pub(super) fn translate(cr3: u64, address: u64, entry: impl Fn(u64) -> u64) -> Option<u64> {
    if !is_canonical(address) {
        return None;
    }
    let mut table = cr3 & ADDRESS;
    for level in (0..4_u32).rev() {
        let shift = 12 + 9 * level;
        let found = entry(table + (address >> shift & 0x1ff) * 8);
        if found & PRESENT == 0 {
            return None;
        }
        let is_page = level == 0 || (level < 3 && found & LARGE != 0);
        if is_page {
            let offset = (1 << shift) - 1;
            return Some((found & ADDRESS & !offset) | (address & offset));
        }
        table = found & ADDRESS;
    }
    None
}

/// Whether bits 47 to 63 of an address are all the same.
pub(super) const fn is_canonical(address: u64) -> bool {
    (address as i64) << 16 >> 16 == address as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_every_page_size_are_walked() {
        let tables = |at: u64| match at {
            0x1000 => 0x2000 | 3,
            0x1ff8 => 0x2000 | 3,
            0x2000 => 0x3000 | 3,
            0x2008 => 0x4000_0000 | 0x83,
            0x3000 => 0x4000 | 3,
            0x3008 => 0x0060_0000 | 0x83 | 1 << 63,
            0x4008 => 0x0012_3000 | 1 | 1 << 63,
            _ => 0,
        };
        let check = |address, expected| {
            assert_eq!(translate(0x1018, address, tables), expected, "{address:#x}");
        };
        check(0, None);
        check(0x1abc, Some(0x12_3abc));
        check(0x2000, None);
        check(0x21_2345, Some(0x61_2345));
        check(0x4012_3456, Some(0x4012_3456));
        check(0x8000_0000, None);
        check(0xffff_ff80_0000_1abc, Some(0x12_3abc));
        check(0x0000_8000_0000_0000, None);
        check(0xdead_beef_dead_beef, None);
    }

    #[test]
    fn canonical_addresses_have_equal_upper_bits() {
        for (address, expected) in [
            (0, true),
            (0x7fff_ffff_ffff, true),
            (0x8000_0000_0000, false),
            (0xffff_7fff_ffff_ffff, false),
            (0xffff_8000_0000_0000, true),
            (u64::MAX, true),
        ] {
            assert_eq!(is_canonical(address), expected, "{address:#x}");
        }
    }
}
