//! The walk itself.

use super::{
    Level, PageEntry, PageLevel, PageOutcome, PageRights, PageWalk, PagingMode, PagingState,
    is_canonical,
};
use crate::memory::read_physical_u64;
use crate::{PhysAddr, PhysicalMemory, VirtAddr};

impl PageWalk {
    /// Walks the tables for one address, reading each entry from physical
    /// memory.
    pub fn walk<P: PhysicalMemory + ?Sized>(
        memory: &mut P,
        state: PagingState,
        address: VirtAddr,
    ) -> Self {
        let mode = state.mode();
        let mut levels = Vec::new();
        let outcome = match mode {
            PagingMode::Off => PageOutcome::Untranslated {
                physical: PhysAddr(address.0),
            },
            PagingMode::Legacy32 | PagingMode::Pae => PageOutcome::UnsupportedMode,
            PagingMode::FourLevel | PagingMode::FiveLevel if !is_canonical(address, mode) => {
                PageOutcome::NonCanonical
            }
            PagingMode::FourLevel => descend(memory, &state, address, PageLevel::Pml4, &mut levels),
            PagingMode::FiveLevel => descend(memory, &state, address, PageLevel::Pml5, &mut levels),
        };
        Self {
            address,
            mode,
            levels,
            outcome,
            state,
        }
    }
}

fn descend<P: PhysicalMemory + ?Sized>(
    memory: &mut P,
    state: &PagingState,
    address: VirtAddr,
    top: PageLevel,
    levels: &mut Vec<Level>,
) -> PageOutcome {
    let mut table = PageEntry(state.cr3).table();
    let mut rights = PageRights {
        write: true,
        execute: true,
        user: true,
    };
    for level in PageLevel::ALL.into_iter().filter(|&level| level >= top) {
        let index = (address.0 >> level.shift()) & 0x1ff;
        let entry_at = PhysAddr(table.0 + index * 8);
        let Ok(word) = read_physical_u64(memory, entry_at) else {
            return PageOutcome::TableUnreadable { at: entry_at };
        };
        let entry = PageEntry(word);
        let own = entry.present().then(|| entry_rights(entry, state));
        levels.push(Level {
            level,
            entry_at,
            entry,
            rights: own,
        });
        let Some(own) = own else {
            return PageOutcome::NotPresent;
        };
        let reserved = reserved_bits(entry, level, state);
        if reserved != 0 {
            return PageOutcome::ReservedBits {
                bits: PageEntry(reserved),
            };
        }
        rights.write &= own.write;
        rights.execute &= own.execute;
        rights.user &= own.user;
        if level == PageLevel::Pt || (entry.large() && level.may_be_large()) {
            return mapped(address, entry, level, rights);
        }
        table = entry.table();
    }
    PageOutcome::NotPresent
}

fn entry_rights(entry: PageEntry, state: &PagingState) -> PageRights {
    PageRights {
        write: entry.writable(),
        execute: !(state.no_execute() && entry.no_execute()),
        user: entry.user(),
    }
}

fn mapped(
    address: VirtAddr,
    entry: PageEntry,
    level: PageLevel,
    rights: PageRights,
) -> PageOutcome {
    let page_size = 1_u64 << level.shift();
    // Bit 12 of a large page's entry is its PAT bit, not part of the address.
    let base = entry.table().0 & !(page_size - 1);
    PageOutcome::Mapped {
        physical: PhysAddr(base | (address.0 & (page_size - 1))),
        page_size,
        rights,
    }
}

/// Bits that must be 0 (SDM 3A tables 4-14 to 4-20), except those above the
/// processor's physical address width, which is not known here.
pub(super) fn reserved_bits(entry: PageEntry, level: PageLevel, state: &PagingState) -> u64 {
    let mut reserved = 0;
    if !state.no_execute() {
        reserved |= PageEntry::NO_EXECUTE;
    }
    if matches!(level, PageLevel::Pml5 | PageLevel::Pml4) {
        reserved |= PageEntry::LARGE;
    }
    if level.may_be_large() && entry.large() {
        // From bit 13 up to the page's own address bits.
        reserved |= ((1 << level.shift()) - 1) & !0x1fff;
    }
    entry.0 & reserved
}
