//! Page-table entries and indices (SDM volume 3A, 4.5): pure arithmetic.

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
const WRITE_THROUGH: u64 = 1 << 3;
const CACHE_DISABLE: u64 = 1 << 4;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
/// Bits of an entry that hold a physical address.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// What may be done with a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Text.
    ReadExecute,
    /// Constants.
    Read,
    /// Data.
    ReadWrite,
    /// A device's registers.
    Device,
}

impl Access {
    const fn bits(self) -> u64 {
        match self {
            Self::ReadExecute => 0,
            Self::Read => NO_EXECUTE,
            Self::ReadWrite => WRITABLE | NO_EXECUTE,
            Self::Device => WRITABLE | NO_EXECUTE | CACHE_DISABLE | WRITE_THROUGH,
        }
    }
}

/// The level of a table: what one of its entries covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Level {
    /// 4 KiB pages.
    Page = 0,
    /// 2 MiB pages.
    Large = 1,
    /// 1 GiB.
    Gigabyte = 2,
    /// 512 GiB.
    Root = 3,
}

impl Level {
    /// Bytes that one entry covers.
    pub(crate) const fn coverage(self) -> u64 {
        1 << (12 + 9 * self as u32)
    }

    /// Index of the entry for an address.
    pub(crate) const fn index(self, address: u64) -> usize {
        (address >> (12 + 9 * self as u32) & 0x1ff) as usize
    }
}

/// An entry of any level.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry(u64);

impl Entry {
    /// Nothing is mapped.
    pub(crate) const EMPTY: Self = Self(0);

    /// An entry that points to the next table. Permissions are those of the
    /// last level alone.
    pub(crate) const fn table(physical: u64) -> Self {
        Self(physical & ADDRESS | PRESENT | WRITABLE)
    }

    /// An entry that maps a page of `level`.
    pub(crate) const fn page(physical: u64, level: Level, access: Access) -> Self {
        let large = if matches!(level, Level::Page) {
            0
        } else {
            LARGE
        };
        Self(physical & ADDRESS | PRESENT | large | access.bits())
    }

    pub(crate) const fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// True for an entry above the last level that maps memory.
    pub(crate) const fn is_large(self) -> bool {
        self.0 & LARGE != 0
    }

    /// The table or page it points to.
    pub(crate) const fn address(self) -> u64 {
        self.0 & ADDRESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_split_an_address() {
        #[track_caller]
        fn check(address: u64, expected: [usize; 4]) {
            let levels = [Level::Root, Level::Gigabyte, Level::Large, Level::Page];
            assert_eq!(levels.map(|level| level.index(address)), expected);
        }
        check(0, [0, 0, 0, 0]);
        check(0x10_0000, [0, 0, 0, 0x100]);
        check(0xfee0_0000, [0, 3, 0x1f7, 0]);
        check(0x1000_0000_0000, [32, 0, 0, 0]);
        check(0xffff_ffff_ffff_ffff, [511, 511, 511, 511]);
    }

    #[test]
    fn entries_have_the_processors_bits() {
        #[track_caller]
        fn check(entry: Entry, expected: u64) {
            assert_eq!(entry.0, expected);
        }
        check(
            Entry::page(0x10_0000, Level::Page, Access::ReadExecute),
            0x10_0001,
        );
        check(
            Entry::page(0x10_0000, Level::Page, Access::Read),
            0x8000_0000_0010_0001,
        );
        check(
            Entry::page(0x20_0000, Level::Large, Access::ReadWrite),
            0x8000_0000_0020_0083,
        );
        check(
            Entry::page(0xfee0_0000, Level::Page, Access::Device),
            0x8000_0000_fee0_001b,
        );
        check(Entry::table(0x5000), 0x5003);
    }

    #[test]
    fn levels_cover_what_the_manual_says() {
        let levels = [Level::Page, Level::Large, Level::Gigabyte, Level::Root];
        assert_eq!(
            levels.map(Level::coverage),
            [1 << 12, 1 << 21, 1 << 30, 1 << 39]
        );
    }
}
