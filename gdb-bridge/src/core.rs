//! A machine that was written down: an ELF core as [`dump`](crate::dump()) or
//! QEMU's `dump-guest-memory` makes it, with physical memory in its segments
//! and every CPU in its notes. Nothing in it can be resumed or written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ukdbg_inspect::{
    Memory, MemoryError, Paged, PhysAddr, PhysicalMemory, Registers, SystemRegisters, Target,
    TargetError, VcpuId, VirtAddr,
};

pub(crate) mod notes;
mod parse;

use notes::Cpu;
use parse::Segment;

/// A core that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoreError {
    /// The file cannot be read.
    #[error("cannot read the core {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no ELF core, or its headers make no sense.
    #[error("{} is no usable core: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It is of another processor.
    #[error("{} is a core of machine type {machine}, not of x86-64", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its `e_machine`.
        machine: u16,
    },
    /// It holds memory but no CPU.
    #[error("{} holds no CPU's registers", path.display())]
    NoCpu {
        /// The file.
        path: PathBuf,
    },
}

/// A core, read on demand.
#[derive(Debug)]
pub struct Core {
    file: File,
    segments: Vec<Segment>,
    cpus: Vec<Cpu>,
    /// Its CPUs' control registers are known, so segments are physical memory
    /// and virtual addresses go through the page tables.
    whole_machine: bool,
    selected: usize,
    evidence: Vec<u8>,
}

impl Core {
    /// Opens a core and checks all of its headers.
    pub fn open(path: &Path) -> Result<Self, CoreError> {
        let read = |source| CoreError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(read)?;
        if !file.metadata().map_err(read)?.is_file() {
            return Err(read(io::ErrorKind::InvalidInput.into()));
        }
        let contents = parse::parse(&file, path)?;
        Ok(Self {
            file,
            segments: contents.segments,
            cpus: contents.cpus,
            whole_machine: contents.whole_machine,
            selected: 0,
            evidence: contents.evidence,
        })
    }

    /// What was kept beside memory and CPUs when the core was written; empty
    /// where nothing was.
    pub fn evidence(&self) -> &[u8] {
        &self.evidence
    }

    /// Reads where `place` puts a segment; 0 if it is in none.
    fn read_segments(&self, place: impl Fn(&Segment) -> u64, at: u64, buf: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buf.len() {
            let Some(here) = at.checked_add(done as u64) else {
                break;
            };
            let found = self.segments.iter().find_map(|segment| {
                let inside = here.checked_sub(place(segment))?;
                let left = segment.size.checked_sub(inside).filter(|left| *left > 0)?;
                Some((segment.offset.checked_add(inside)?, left))
            });
            let Some((offset, left)) = found else { break };
            let left = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(buf.len() - done);
            match self.file.read_at(&mut buf[done..done + left], offset) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        done
    }
}

impl Memory for Core {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        if let Some(paging) = self.cpus[self.selected]
            .paging()
            .filter(|_| self.whole_machine)
        {
            return Paged::new(self, paging).read(at, buf);
        }
        let count = self.read_segments(|segment| segment.virt, at.0, buf);
        match count {
            0 if !buf.is_empty() => Err(MemoryError::Unmapped { at }),
            count => Ok(count),
        }
    }
}

impl PhysicalMemory for Core {
    fn read_physical(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        match self.read_segments(|segment| segment.physical, at.0, buf) {
            0 if !buf.is_empty() => Err(MemoryError::NoPhysical { at }),
            count => Ok(count),
        }
    }
}

impl Target for Core {
    fn vcpus(&mut self) -> Result<Vec<VcpuId>, TargetError> {
        let cpus = (0..).zip(&self.cpus);
        Ok(cpus
            .map(|(place, cpu)| VcpuId(cpu.id.unwrap_or(place)))
            .collect())
    }

    fn registers(&mut self, vcpu: VcpuId) -> Result<Registers, TargetError> {
        let known = self.vcpus()?;
        let index = known.iter().position(|known| *known == vcpu);
        let index = index.ok_or(TargetError::NoVcpu(vcpu))?;
        self.selected = index;
        Ok(self.cpus[index].registers)
    }

    fn system_registers(&mut self, vcpu: VcpuId) -> Result<SystemRegisters, TargetError> {
        let index = usize::try_from(vcpu.0).map_err(|_| TargetError::NoVcpu(vcpu))?;
        let cpu = self.cpus.get(index).ok_or(TargetError::NoVcpu(vcpu))?;
        Ok(cpu.system)
    }

    fn physical(&mut self) -> Option<&mut dyn PhysicalMemory> {
        self.whole_machine.then_some(self)
    }
}

#[cfg(test)]
mod tests;
