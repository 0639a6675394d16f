//! The frame of an ELF core around memory that is in the file already: notes
//! and program headers behind it, the header before it, and last, so that a
//! file that was not finished is no core.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use object::elf::{EM_X86_64, ET_CORE, PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE};

use super::layout::Load;

/// Sizes of the structures (System V gABI, chapters 4 and 5).
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const SECTION_HEADER: usize = 64;
/// `PN_XNUM`: the number of program headers stands in a section header.
const MANY_HEADERS: u16 = 0xffff;

/// Writes the frame. `end` is where memory ends in the file.
pub(super) fn finish(file: &File, end: u64, notes: &[u8], loads: &[Load]) -> io::Result<()> {
    let notes_at = end.next_multiple_of(8);
    let table_at = (notes_at + notes.len() as u64).next_multiple_of(8);
    let mut table = program_header(PT_NOTE.0, 0, notes_at, 0, 0, notes.len() as u64);
    for load in loads {
        let flags = PF_R.0 | PF_W.0 | PF_X.0;
        let (offset, virt, physical) = (load.offset, load.virt, load.physical);
        table.extend(program_header(
            PT_LOAD.0, flags, offset, virt, physical, load.size,
        ));
    }
    let count = loads.len() + 1;
    let section_at = table_at + table.len() as u64;
    let many = count >= usize::from(MANY_HEADERS);
    if many {
        table.extend(counting_section(count));
    }
    file.write_all_at(notes, notes_at)?;
    file.write_all_at(&table, table_at)?;
    let count = u16::try_from(count).unwrap_or(MANY_HEADERS);
    let header = header(table_at, count, many.then_some(section_at));
    file.write_all_at(&header, 0)
}

fn header(table_at: u64, count: u16, section_at: Option<u64>) -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(16, 0);
    header.extend(ET_CORE.0.to_le_bytes());
    header.extend(EM_X86_64.0.to_le_bytes());
    header.extend(1_u32.to_le_bytes());
    for word in [0, table_at, section_at.unwrap_or(0)] {
        header.extend(word.to_le_bytes());
    }
    header.extend(0_u32.to_le_bytes());
    let sections = u16::from(section_at.is_some());
    for half in [
        HEADER as u16,
        PROGRAM_HEADER as u16,
        count,
        SECTION_HEADER as u16 * sections,
        sections,
        0,
    ] {
        header.extend(half.to_le_bytes());
    }
    header
}

fn program_header(
    kind: u32,
    flags: u32,
    offset: u64,
    virt: u64,
    physical: u64,
    size: u64,
) -> Vec<u8> {
    let mut entry = Vec::with_capacity(PROGRAM_HEADER);
    entry.extend(kind.to_le_bytes());
    entry.extend(flags.to_le_bytes());
    for word in [offset, virt, physical, size, size, 0] {
        entry.extend(word.to_le_bytes());
    }
    entry
}

/// The first section header, whose `sh_info` is the number of program headers.
fn counting_section(count: usize) -> Vec<u8> {
    let mut section = vec![0; SECTION_HEADER];
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    section[44..48].copy_from_slice(&count.to_le_bytes());
    section
}
