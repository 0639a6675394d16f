//! The headers of a core: segments and notes. Reads headers only, and checks
//! every number in them once.

use std::fs::File;
use std::path::Path;

use object::elf::{EM_X86_64, ET_CORE, FileHeader64, PT_LOAD, PT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadCache};

use super::CoreError;
use super::notes::{Cpu, Found};

/// A piece of memory in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) physical: u64,
    pub(super) virt: u64,
    pub(super) offset: u64,
    /// What is in the file; memory beyond it was not written down.
    pub(super) size: u64,
}

#[derive(Debug)]
pub(super) struct Contents {
    pub(super) segments: Vec<Segment>,
    pub(super) cpus: Vec<Cpu>,
    pub(super) whole_machine: bool,
    pub(super) evidence: Vec<u8>,
}

/// More notes than a machine of 4,096 CPUs has, in bytes.
const LONGEST_NOTES: u64 = 0x100_0000;

pub(super) fn parse(file: &File, path: &Path) -> Result<Contents, CoreError> {
    let malformed = |what: String| CoreError::Malformed {
        path: path.to_owned(),
        what,
    };
    let bad = |error: object::read::Error| malformed(error.to_string());
    let data = &ReadCache::new(file);
    let header = FileHeader64::<Endianness>::parse(data).map_err(bad)?;
    let endian = header.endian().map_err(bad)?;
    if header.e_type(endian) != ET_CORE {
        return Err(malformed("it is an ELF file of another kind".to_owned()));
    }
    let machine = header.e_machine(endian);
    if machine != EM_X86_64 || endian != Endianness::Little {
        return Err(CoreError::Foreign {
            path: path.to_owned(),
            machine: machine.0,
        });
    }
    let mut segments = Vec::new();
    let mut found = Found::default();
    for segment in header.program_headers(endian, data).map_err(bad)? {
        match segment.p_type(endian) {
            PT_LOAD => segments.push(Segment {
                physical: segment.p_paddr(endian),
                virt: segment.p_vaddr(endian),
                offset: segment.p_offset(endian),
                size: segment.p_filesz(endian).min(segment.p_memsz(endian)),
            }),
            PT_NOTE if segment.p_filesz(endian) <= LONGEST_NOTES => {
                let Some(mut notes) = segment.notes(endian, data).map_err(bad)? else {
                    continue;
                };
                while let Some(note) = notes.next().map_err(bad)? {
                    found.take(note.name(), note.n_type(endian).0, note.desc());
                }
            }
            _ => {}
        }
    }
    let whole_machine = found.is_whole_machine();
    let (evidence, cpus) = found.into_parts();
    if cpus.is_empty() {
        return Err(CoreError::NoCpu {
            path: path.to_owned(),
        });
    }
    Ok(Contents {
        segments,
        cpus,
        whole_machine,
        evidence,
    })
}
