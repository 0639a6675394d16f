//! A machine written down as an ELF core: all of its memory and CPUs, and
//! whatever its user wants to keep beside them. GDB opens it, other readers of
//! QEMU's cores do, and [`Core`](crate::Core) does.
//!
//! The file is sparse: memory that is zero takes no room in it. Memory is in it
//! once, and is named once for each address it has: by the page tables of the
//! CPU that stopped, and by its physical address.
//!
//! Not here: where the file is and how it comes into place.

mod copy;
mod elf;
mod layout;
mod notes;

use std::fs::File;
use std::io;
use std::ops::Range;

use ukdbg_inspect::{Mappings, PagingState, Target, TargetError, VirtAddr};

use crate::Machine;
use copy::Copied;
pub(crate) use notes::MachineNote;
use notes::WrittenCpu;

/// Memory that is read at once.
const PIECE: usize = 1 << 18;

/// A machine that could not be written down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// It did not answer.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It has no CPU whose registers can be read.
    #[error("no CPU of the machine tells its registers")]
    NoCpu,
    /// The file could not be written.
    #[error("cannot write the core: {0}")]
    Write(#[from] io::Error),
}

/// What is kept beside CPUs and memory.
#[derive(Debug, Clone, Default)]
pub struct Keepsake {
    /// Whatever the one who asks for the core wants to find in it again:
    /// [`Core::evidence`](crate::Core::evidence) gives it back.
    pub evidence: Vec<u8>,
    /// Which memory to keep of a machine that does not tell where it has any,
    /// which a stub in a guest cannot.
    pub otherwise: Vec<Range<VirtAddr>>,
}

/// How far a core got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of memory looked at.
    pub done: u64,
    /// Bytes of memory there are.
    pub total: u64,
}

/// What was written down, and what was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dumped {
    /// Bytes of memory in the core.
    pub memory: u64,
    /// Bytes that could not be read, and are not in it.
    pub unreadable: u64,
    /// Page tables that were not followed: what they map is in the core by its
    /// physical addresses only.
    pub tables_left_out: u64,
    /// Only the memory that was asked for is in it: the machine does not tell
    /// where it has more.
    pub partial: bool,
}

/// Writes a stopped machine into an empty file.
pub fn dump(
    machine: &mut Machine,
    file: &File,
    keepsake: &Keepsake,
    progress: &mut dyn FnMut(Progress),
) -> Result<Dumped, DumpError> {
    let cpus = cpus(machine)?;
    let first = cpus.first().ok_or(DumpError::NoCpu)?;
    let paging = PagingState::from_registers(&first.registers);
    let ram = machine.memory_map()?.filter(|ram| !ram.is_empty());
    let whole = ram.is_some() && paging.is_some();
    let (copied, mappings) = match (ram, paging) {
        (Some(ram), Some(paging)) => {
            let copied = copy::memory(file, &ram, progress, |at, buf| {
                machine.read_physical_directly(at, buf)
            })?;
            let mappings = machine
                .physical()
                .map(|memory| Mappings::read(memory, paging));
            (copied, mappings.unwrap_or_default())
        }
        _ => (
            virtual_memory(machine, file, keepsake, progress)?,
            Mappings::default(),
        ),
    };
    let loads = match whole {
        true => layout::physical(&copied.extents, &mappings.runs),
        false => layout::virtual_only(&copied.extents),
    };
    let notes = notes::encode(&cpus, whole, &keepsake.evidence);
    elf::finish(file, copied.end, &notes, &loads)?;
    Ok(Dumped {
        memory: copied.extents.iter().map(|extent| extent.size).sum(),
        unreadable: copied.unreadable,
        tables_left_out: mappings.tables_left_out,
        partial: !whole,
    })
}

/// Every CPU that tells its registers, first the one that stopped, which is
/// left selected.
fn cpus(machine: &mut Machine) -> Result<Vec<WrittenCpu>, DumpError> {
    let vcpus = machine.vcpus()?;
    let mut cpus = Vec::new();
    for vcpu in vcpus.iter().rev() {
        cpus.push(WrittenCpu {
            // They are an extra, and no reason to write nothing at all.
            system: machine.system_registers(*vcpu).unwrap_or_default(),
            id: *vcpu,
            registers: machine.registers(*vcpu)?,
        });
    }
    cpus.reverse();
    Ok(cpus)
}

fn virtual_memory(
    machine: &mut Machine,
    file: &File,
    keepsake: &Keepsake,
    progress: &mut dyn FnMut(Progress),
) -> Result<Copied, DumpError> {
    let ranges = layout::pages(&keepsake.otherwise);
    copy::memory(file, &ranges, progress, |at, buf| {
        use ukdbg_inspect::{Memory as _, MemoryError};
        match machine.read(VirtAddr(at), buf) {
            Ok(count) => Ok(count),
            Err(MemoryError::Link { source, .. }) => Err(source),
            Err(_) => Ok(0),
        }
    })
}
