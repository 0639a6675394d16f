//! Address translation as the processor does it (SDM 3A chapter 4): the
//! control registers that steer it, a walk that keeps every level, and what
//! the walk says about an access.
//!
//! 4-level and 5-level paging and no paging at all. The two 32-bit modes with
//! paging are named, not walked. Protection keys and shadow stacks are not
//! judged.

mod access;
mod hole;
mod mappings;
mod paged;
mod walk;

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::{PhysAddr, Register, Registers, SystemRegisters, VirtAddr};

pub use access::{Access, AccessKind, Denial, Privilege};
pub use hole::{Hole, HoleEdge};
pub use mappings::{MappedRun, Mappings};
pub use paged::Paged;

/// The registers that steer translation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PagingState {
    /// CR0: paging on, write protection.
    pub cr0: u64,
    /// CR3: the root of the tables.
    pub cr3: u64,
    /// CR4: PAE, 5 levels, SMEP, SMAP.
    pub cr4: u64,
    /// EFER: long mode, no-execute.
    pub efer: u64,
}

/// CR0.PG (SDM 3A 2.5).
const CR0_PAGING: u64 = 1 << 31;
/// CR0.WP.
const CR0_WRITE_PROTECT: u64 = 1 << 16;
/// CR4.PAE.
const CR4_PAE: u64 = 1 << 5;
/// CR4.LA57.
const CR4_FIVE_LEVELS: u64 = 1 << 12;
/// CR4.SMEP.
const CR4_SMEP: u64 = 1 << 20;
/// CR4.SMAP.
const CR4_SMAP: u64 = 1 << 21;
/// CR4.PKE and CR4.PKS.
const CR4_PROTECTION_KEYS: u64 = 1 << 22;
const CR4_SUPERVISOR_KEYS: u64 = 1 << 24;
/// EFER.LMA (SDM 3A 2.2.1).
const EFER_LONG_MODE: u64 = 1 << 10;
/// EFER.NXE.
const EFER_NO_EXECUTE: u64 = 1 << 11;

/// How addresses are translated (SDM 3A 4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PagingMode {
    /// Not at all: an address is physical.
    Off,
    /// 32-bit paging.
    Legacy32,
    /// PAE paging outside long mode.
    Pae,
    /// 4 levels, 48 bits.
    FourLevel,
    /// 5 levels, 57 bits.
    FiveLevel,
}

impl PagingState {
    /// From the registers of a stop; none when one of the four is unknown.
    pub fn from_registers(registers: &Registers) -> Option<Self> {
        Some(Self {
            cr0: registers.get(Register::Cr0)?,
            cr3: registers.get(Register::Cr3)?,
            cr4: registers.get(Register::Cr4)?,
            efer: registers.get(Register::Efer)?,
        })
    }

    /// As [`PagingState::from_registers`]; where EFER is not told, by whether
    /// the CPU is in long mode. Entries that forbid execution are then taken
    /// at their word, as every 64-bit kernel means them; where memory is does
    /// not depend on it.
    pub fn with_system(registers: &Registers, system: &SystemRegisters) -> Option<Self> {
        let inferred = system.long_mode.map(|long_mode| match long_mode {
            true => EFER_LONG_MODE | EFER_NO_EXECUTE,
            false => 0,
        });
        Some(Self {
            cr0: registers.get(Register::Cr0)?,
            cr3: registers.get(Register::Cr3)?,
            cr4: registers.get(Register::Cr4)?,
            efer: registers.get(Register::Efer).or(inferred)?,
        })
    }

    /// The mode these registers select.
    pub fn mode(&self) -> PagingMode {
        if self.cr0 & CR0_PAGING == 0 {
            PagingMode::Off
        } else if self.cr4 & CR4_PAE == 0 {
            PagingMode::Legacy32
        } else if self.efer & EFER_LONG_MODE == 0 {
            PagingMode::Pae
        } else if self.cr4 & CR4_FIVE_LEVELS == 0 {
            PagingMode::FourLevel
        } else {
            PagingMode::FiveLevel
        }
    }

    fn no_execute(&self) -> bool {
        self.efer & EFER_NO_EXECUTE != 0
    }
}

/// Whether an address is canonical: the bits above the translated ones all
/// equal the highest of those (SDM 1 3.3.7.1).
pub fn is_canonical(at: VirtAddr, mode: PagingMode) -> bool {
    let unused = match mode {
        PagingMode::FourLevel => 16,
        PagingMode::FiveLevel => 7,
        PagingMode::Off | PagingMode::Legacy32 | PagingMode::Pae => return true,
    };
    ((at.0.cast_signed() << unused) >> unused).cast_unsigned() == at.0
}

/// A level of the tables, by the name of its entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageLevel {
    /// Bits 56–48.
    Pml5,
    /// Bits 47–39.
    Pml4,
    /// Bits 38–30; its large pages are 1 GB.
    Pdpt,
    /// Bits 29–21; its large pages are 2 MB.
    Pd,
    /// Bits 20–12.
    Pt,
}

impl PageLevel {
    const ALL: [Self; 5] = [Self::Pml5, Self::Pml4, Self::Pdpt, Self::Pd, Self::Pt];

    /// The entry's usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pml5 => "PML5E",
            Self::Pml4 => "PML4E",
            Self::Pdpt => "PDPTE",
            Self::Pd => "PDE",
            Self::Pt => "PTE",
        }
    }

    /// The level whose tables its entries lead to.
    const fn below(self) -> Option<Self> {
        match self {
            Self::Pml5 => Some(Self::Pml4),
            Self::Pml4 => Some(Self::Pdpt),
            Self::Pdpt => Some(Self::Pd),
            Self::Pd => Some(Self::Pt),
            Self::Pt => None,
        }
    }

    /// The lowest address bit that indexes this level's table.
    const fn shift(self) -> u32 {
        12 + 9 * (4 - self as u32)
    }

    /// The level below, where there is one.
    const fn next(self) -> Option<Self> {
        match self {
            Self::Pml5 => Some(Self::Pml4),
            Self::Pml4 => Some(Self::Pdpt),
            Self::Pdpt => Some(Self::Pd),
            Self::Pd => Some(Self::Pt),
            Self::Pt => None,
        }
    }

    /// Whether an entry of this level may be a page itself.
    const fn may_be_large(self) -> bool {
        matches!(self, Self::Pdpt | Self::Pd)
    }
}

/// A paging-structure entry, as it is in memory (SDM 3A 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageEntry(pub u64);

impl PageEntry {
    const PRESENT: u64 = 1;
    const WRITABLE: u64 = 1 << 1;
    const USER: u64 = 1 << 2;
    const CACHE_DISABLE: u64 = 1 << 4;
    const ACCESSED: u64 = 1 << 5;
    const DIRTY: u64 = 1 << 6;
    const LARGE: u64 = 1 << 7;
    const GLOBAL: u64 = 1 << 8;
    const NO_EXECUTE: u64 = 1 << 63;
    const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

    /// The entry is in use.
    pub fn present(self) -> bool {
        self.0 & Self::PRESENT != 0
    }

    /// Writes are allowed.
    pub fn writable(self) -> bool {
        self.0 & Self::WRITABLE != 0
    }

    /// User-mode accesses are allowed.
    pub fn user(self) -> bool {
        self.0 & Self::USER != 0
    }

    /// The processor has used the entry.
    pub fn accessed(self) -> bool {
        self.0 & Self::ACCESSED != 0
    }

    /// The processor has written to the page.
    pub fn dirty(self) -> bool {
        self.0 & Self::DIRTY != 0
    }

    /// Instruction fetches are forbidden (where EFER.NXE is on).
    pub fn no_execute(self) -> bool {
        self.0 & Self::NO_EXECUTE != 0
    }

    /// The translation stays when CR3 changes (where CR4.PGE is on).
    pub fn global(self) -> bool {
        self.0 & Self::GLOBAL != 0
    }

    /// Accesses bypass the caches, as a device's do.
    pub fn uncached(self) -> bool {
        self.0 & Self::CACHE_DISABLE != 0
    }

    fn large(self) -> bool {
        self.0 & Self::LARGE != 0
    }

    fn table(self) -> PhysAddr {
        PhysAddr(self.0 & Self::ADDRESS)
    }
}

impl Serialize for PageEntry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#x}", self.0))
    }
}

/// What a page, or an entry on the way to it, allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct PageRights {
    /// Writes.
    pub write: bool,
    /// Instruction fetches.
    pub execute: bool,
    /// Accesses from user mode.
    pub user: bool,
}

/// One level of a walk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Level {
    /// Which.
    pub level: PageLevel,
    /// Where the entry is.
    pub entry_at: PhysAddr,
    /// The entry.
    pub entry: PageEntry,
    /// What it allows; none for an entry that is not present.
    pub rights: Option<PageRights>,
}

impl Level {
    /// Whether the entry is that of a page, not of another table.
    pub fn is_page(&self) -> bool {
        self.level == PageLevel::Pt || (self.level.may_be_large() && self.entry.large())
    }
}

/// How a walk ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PageOutcome {
    /// There is a page.
    Mapped {
        /// Where the address is in physical memory.
        physical: PhysAddr,
        /// Size of the page in bytes: 4 KB, 2 MB or 1 GB.
        page_size: u64,
        /// What all levels together allow.
        rights: PageRights,
    },
    /// Paging is off: the address is physical, everything is allowed.
    Untranslated {
        /// The same address.
        physical: PhysAddr,
    },
    /// The entry of the last level shown is not present.
    NotPresent,
    /// The entry of the last level shown has reserved bits set.
    ReservedBits {
        /// Those bits.
        bits: PageEntry,
    },
    /// The address is not canonical: the tables are not even asked.
    NonCanonical,
    /// A table is not in readable memory.
    TableUnreadable {
        /// The entry that could not be read.
        at: PhysAddr,
    },
    /// A mode that is not walked.
    UnsupportedMode,
}

/// The walk of one address through the tables.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PageWalk {
    /// The address.
    pub address: VirtAddr,
    /// The mode.
    pub mode: PagingMode,
    /// Every entry read, from the root on.
    pub levels: Vec<Level>,
    /// How it ended.
    pub outcome: PageOutcome,
    #[serde(skip)]
    state: PagingState,
}

impl PageWalk {
    /// The protections beyond the entries' own that are on (SDM 3A 4.6).
    pub fn protections(&self) -> Vec<&'static str> {
        let PagingState { cr0, cr4, efer, .. } = self.state;
        let known = [
            (cr0 & CR0_WRITE_PROTECT, "WP"),
            (efer & EFER_NO_EXECUTE, "NXE"),
            (cr4 & CR4_SMEP, "SMEP"),
            (cr4 & CR4_SMAP, "SMAP"),
            (cr4 & CR4_PROTECTION_KEYS, "PKE"),
            (cr4 & CR4_SUPERVISOR_KEYS, "PKS"),
        ];
        let on = known.into_iter().filter(|(bit, _)| *bit != 0);
        on.map(|(_, name)| name).collect()
    }

    /// Where the address is in physical memory, when it is mapped.
    pub fn physical(&self) -> Option<PhysAddr> {
        match self.outcome {
            PageOutcome::Mapped { physical, .. } | PageOutcome::Untranslated { physical } => {
                Some(physical)
            }
            _ => None,
        }
    }

    /// What all levels together allow, when the address is mapped.
    pub fn rights(&self) -> Option<PageRights> {
        match self.outcome {
            PageOutcome::Mapped { rights, .. } => Some(rights),
            PageOutcome::Untranslated { .. } => Some(PageRights {
                write: true,
                execute: true,
                user: true,
            }),
            _ => None,
        }
    }
}
