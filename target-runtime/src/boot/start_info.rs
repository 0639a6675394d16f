//! Reads what the loader left: the PVH start info, its memory map and command
//! line. They lie in low pages that are about to be unmapped, so all of it is
//! copied. Layouts: Xen's `public/arch-x86/hvm/start_info.h`.
#![expect(unsafe_code, reason = "the loader hands over raw addresses")]

/// `XEN_HVM_START_MAGIC_VALUE`.
const MAGIC: u32 = 0x336e_c578;
/// `XEN_HVM_MEMMAP_TYPE_RAM`.
const TYPE_RAM: u32 = 1;
/// RAM regions that are kept; a machine has a handful.
const MAX_REGIONS: usize = 16;
/// Bytes of command line that are kept.
const MAX_COMMAND_LINE: usize = 1024;

/// `struct hvm_start_info`, version 1.
#[repr(C)]
#[derive(Clone, Copy)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    module_count: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// `struct hvm_memmap_table_entry`.
#[repr(C)]
#[derive(Clone, Copy)]
struct MemoryMapEntry {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

/// A range of RAM, physical.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Region {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What the loader told, copied.
pub(crate) struct BootInfo {
    regions: [Region; MAX_REGIONS],
    region_count: usize,
    command_line: [u8; MAX_COMMAND_LINE],
    command_line_length: usize,
}

impl BootInfo {
    pub(crate) const EMPTY: Self = Self {
        regions: [Region { start: 0, end: 0 }; MAX_REGIONS],
        region_count: 0,
        command_line: [0; MAX_COMMAND_LINE],
        command_line_length: 0,
    };

    /// Copies the start info at `address`; `None` when there is none.
    ///
    /// # Safety
    /// `address` is what the loader passed, and low memory is identity-mapped
    /// as the loader left it.
    pub(crate) unsafe fn read(address: u64) -> Option<Self> {
        // SAFETY: by the PVH ABI the pointer is valid; the magic is checked
        // before any of its fields is believed.
        let info = unsafe { *(address as *const StartInfo) };
        if info.magic != MAGIC || info.version < 1 {
            return None;
        }
        let mut boot = Self::EMPTY;
        for index in 0..u64::from(info.memory_map_entries) {
            let at = info.memory_map + index * size_of::<MemoryMapEntry>() as u64;
            // SAFETY: the loader vouches for `memory_map_entries` entries.
            let entry = unsafe { *(at as *const MemoryMapEntry) };
            if entry.kind == TYPE_RAM {
                boot.add_region(entry.address, entry.size);
            }
        }
        if info.command_line != 0 {
            for offset in 0..MAX_COMMAND_LINE {
                // SAFETY: the loader vouches for a zero-terminated string, and
                // nothing behind the zero is read.
                let byte = unsafe { *((info.command_line as *const u8).add(offset)) };
                if byte == 0 {
                    break;
                }
                boot.command_line[offset] = byte;
                boot.command_line_length = offset + 1;
            }
        }
        Some(boot)
    }

    /// Keeps the whole pages of a region; regions beyond the table's end are
    /// left unused, which costs memory and nothing else.
    fn add_region(&mut self, address: u64, size: u64) {
        let start = address.next_multiple_of(4096);
        let end = address.saturating_add(size) & !4095;
        if start < end && self.region_count < MAX_REGIONS {
            self.regions[self.region_count] = Region { start, end };
            self.region_count += 1;
        }
    }

    /// RAM, page-aligned.
    pub(crate) fn regions(&self) -> &[Region] {
        &self.regions[..self.region_count]
    }

    /// The command line as it was given.
    pub(crate) fn command_line(&self) -> &[u8] {
        &self.command_line[..self.command_line_length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_cut_to_whole_pages() {
        #[track_caller]
        fn check(address: u64, size: u64, expected: &[(u64, u64)]) {
            let mut boot = BootInfo::EMPTY;
            boot.add_region(address, size);
            let regions: Vec<_> = boot.regions().iter().map(|r| (r.start, r.end)).collect();
            assert_eq!(regions, expected);
        }
        check(0, 0x9fc00, &[(0, 0x9f000)]);
        check(0x100000, 0xee0000, &[(0x100000, 0xfe0000)]);
        check(0x1001, 0x1000, &[]);
        check(0x1001, 0x1fff, &[(0x2000, 0x3000)]);
        check(u64::MAX - 0x2fff, u64::MAX, &[(u64::MAX - 0x2fff, !4095)]);
    }

    #[test]
    fn what_a_loader_passes_is_copied() {
        let map = [
            MemoryMapEntry {
                address: 0x100000,
                size: 0x100000,
                kind: 1,
                reserved: 0,
            },
            MemoryMapEntry {
                address: 0xf0000,
                size: 0x10000,
                kind: 2,
                reserved: 0,
            },
        ];
        let info = StartInfo {
            magic: MAGIC,
            version: 1,
            flags: 0,
            module_count: 0,
            modules: 0,
            command_line: c"fault=panic".as_ptr() as u64,
            rsdp: 0,
            memory_map: map.as_ptr() as u64,
            memory_map_entries: 2,
            reserved: 0,
        };
        // SAFETY: every address in it is that of a live object of this test.
        let boot = unsafe { BootInfo::read(&raw const info as u64) }.unwrap();
        assert_eq!(
            boot.regions(),
            [Region {
                start: 0x100000,
                end: 0x200000
            }]
        );
        assert_eq!(boot.command_line(), b"fault=panic");
        let other = StartInfo { magic: 0, ..info };
        // SAFETY: as above.
        assert!(unsafe { BootInfo::read(&raw const other as u64) }.is_none());
    }
}
