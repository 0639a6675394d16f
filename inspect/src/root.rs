//! The guest's own tables, as its runtime publishes them: the root block and
//! what it leads to. Everything read here is an allegation and is checked
//! where it is decoded. The contents of trace rings are `tracer`'s.

mod fault;
mod find;
mod heap;
mod record;
mod stacks;

#[cfg(test)]
mod tests;

use core::mem::offset_of;

use serde::Serialize;
use ukdbg_guest_abi::root::{ABI_VERSION, MAGIC};
use ukdbg_guest_abi::{RootBlock, fault as fault_abi};

use crate::{Memory, MemoryError, VirtAddr};

pub use fault::{Fault, FaultReport};
pub use find::{RootNote, find_root, root_note, scan_for_root};
pub use heap::{HeapBlocks, HeapEntry, HeapState};
pub use stacks::{Stack, StackUse, Stacks};

use record::{MAX_CPUS, Record};

/// A structure of the guest's that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// It could not be read.
    #[error("the {what} at {at} cannot be read: {source}")]
    Unreadable {
        /// The structure.
        what: &'static str,
        /// Where it should be.
        at: VirtAddr,
        /// Why not.
        source: MemoryError,
    },
    /// It does not begin with its magic.
    #[error("there is no {what} at {at}: its magic is missing")]
    NoMagic {
        /// The structure.
        what: &'static str,
        /// Where it should be.
        at: VirtAddr,
    },
    /// Its layout has another version than the one known here.
    #[error("the {what} at {at} has version {found}, not {known}")]
    Version {
        /// The structure.
        what: &'static str,
        /// Where it is.
        at: VirtAddr,
        /// Its version.
        found: u32,
        /// The version that can be read.
        known: u32,
    },
    /// A number in it cannot be true.
    #[error("the {what} at {at} gives {value} as its {field}")]
    Implausible {
        /// The structure.
        what: &'static str,
        /// Where it is.
        at: VirtAddr,
        /// The field.
        field: &'static str,
        /// What it says.
        value: u64,
    },
    /// No image has the note, and no root block was found.
    #[error("no image of the machine has a root block note")]
    NotFound,
}

/// The root block, decoded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Root {
    /// Where it is.
    pub at: VirtAddr,
    /// Ticks of the time-stamp counter in a second, once the guest knows.
    pub tsc_frequency: Option<u64>,
    /// Time-stamp counter when the guest started, once it has.
    pub boot_tsc: Option<u64>,
    /// CPUs the tables have entries for.
    pub cpu_count: u32,
    /// `[RingHeader; cpu_count]`.
    pub rings: Option<VirtAddr>,
    /// `[FaultRecord; cpu_count]`.
    pub fault_records: Option<VirtAddr>,
    /// The function that is called with every complete fault record.
    pub rendezvous: Option<VirtAddr>,
    /// The heap ledger.
    pub heap_ledger: Option<VirtAddr>,
    /// The stack table.
    pub stack_table: Option<VirtAddr>,
}

const WHAT: &str = "root block";

impl Root {
    /// Reads and checks the root block at an address.
    pub fn read<M: Memory + ?Sized>(memory: &mut M, at: VirtAddr) -> Result<Self, RootError> {
        let record = Record::read(memory, WHAT, at, size_of::<RootBlock>())?;
        if record.bytes(offset_of!(RootBlock, magic), MAGIC.len()) != MAGIC {
            return Err(RootError::NoMagic { what: WHAT, at });
        }
        record.expect_version(offset_of!(RootBlock, abi_version), ABI_VERSION)?;
        let size = record.u32(offset_of!(RootBlock, size));
        if (size as usize) < size_of::<RootBlock>() {
            return Err(record.implausible("size", size.into()));
        }
        let cpu_count = record.u32(offset_of!(RootBlock, cpu_count));
        if !(1..=MAX_CPUS).contains(&cpu_count) {
            return Err(record.implausible("number of CPUs", cpu_count.into()));
        }
        let time = |offset| Some(record.u64(offset)).filter(|&ticks| ticks != 0);
        Ok(Self {
            at,
            tsc_frequency: time(offset_of!(RootBlock, tsc_frequency)),
            boot_tsc: time(offset_of!(RootBlock, boot_tsc)),
            cpu_count,
            rings: record.address(offset_of!(RootBlock, rings)),
            fault_records: record.address(offset_of!(RootBlock, fault_records)),
            rendezvous: record.address(offset_of!(RootBlock, rendezvous)),
            heap_ledger: record.address(offset_of!(RootBlock, heap_ledger)),
            stack_table: record.address(offset_of!(RootBlock, stack_table)),
        })
    }

    /// The ring header of a CPU.
    pub fn ring(&self, cpu: u32) -> Option<VirtAddr> {
        self.entry(self.rings?, cpu, size_of::<ukdbg_guest_abi::RingHeader>())
    }

    /// The fault record of a CPU.
    pub fn fault_record(&self, cpu: u32) -> Option<VirtAddr> {
        self.entry(
            self.fault_records?,
            cpu,
            size_of::<fault_abi::FaultRecord>(),
        )
    }

    fn entry(&self, table: VirtAddr, cpu: u32, size: usize) -> Option<VirtAddr> {
        let offset = u64::from(cpu).checked_mul(size as u64)?;
        (cpu < self.cpu_count).then(|| table.checked_add(offset))?
    }

    /// The last fault of every CPU that had one. What could not be read is
    /// in the second list.
    pub fn faults<M: Memory + ?Sized>(&self, memory: &mut M) -> (Vec<FaultReport>, Vec<RootError>) {
        let mut faults = Vec::new();
        let mut gaps = Vec::new();
        for at in (0..self.cpu_count).filter_map(|cpu| self.fault_record(cpu)) {
            match FaultReport::read(memory, at) {
                Ok(report) => faults.extend(report),
                Err(gap) => gaps.push(gap),
            }
        }
        (faults, gaps)
    }

    /// The stack table, when the guest has one.
    pub fn stacks<M: Memory + ?Sized>(&self, memory: &mut M) -> Result<Option<Stacks>, RootError> {
        self.stack_table
            .map(|at| Stacks::read(memory, at))
            .transpose()
    }

    /// The heap ledger, when the guest keeps one.
    pub fn heap<M: Memory + ?Sized>(
        &self,
        memory: &mut M,
    ) -> Result<Option<HeapBlocks>, RootError> {
        self.heap_ledger
            .map(|at| HeapBlocks::read(memory, at))
            .transpose()
    }
}
