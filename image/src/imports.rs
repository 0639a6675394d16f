//! Functions that another file provides: the slots that a loader fills with
//! their addresses (System V psABI AMD64, 4.4.1), by the relocations that ask
//! for it.

use object::elf::{self, Rela64, Sym64};
use object::read::StringTable;
use object::read::elf::Sym as _;
use object::{Endianness, pod};

use crate::LinkAddr;
use crate::elf::{Elf, ElfSection};

/// Slots and the names of what they will hold, ascending.
pub(crate) fn imports<'data>(file: &Elf<'data>) -> Vec<(LinkAddr, &'data [u8])> {
    let endian = Endianness::Little;
    let mut imports = Vec::new();
    for table in tables(file) {
        let read = || {
            let symbols = file.sections.get(table.link)?;
            let strings = file.bytes_of(file.sections.get(symbols.link)?)?;
            Some((file.bytes_of(symbols)?, strings, file.bytes_of(table)?))
        };
        let Some((symbols, strings, relocations)) = read() else {
            continue;
        };
        let symbols = all::<Sym64<Endianness>>(symbols);
        let strings = StringTable::new(strings, 0, strings.len() as u64);
        for relocation in all::<Rela64<Endianness>>(relocations) {
            let kind = relocation.r_type(endian, false);
            if !matches!(kind, elf::R_X86_64_GLOB_DAT | elf::R_X86_64_JUMP_SLOT) {
                continue;
            }
            let symbol = symbols.get(relocation.r_sym(endian, false) as usize);
            if let Some(name) = symbol.and_then(|symbol| symbol.name(endian, strings).ok()) {
                imports.push((LinkAddr(relocation.r_offset.get(endian)), name));
            }
        }
    }
    imports.sort_unstable();
    imports
}

/// Slots that hold addresses of the image itself, ascending, with these
/// addresses: the loader only adds how far it moved the image.
pub(crate) fn filled_slots(file: &Elf<'_>) -> Vec<(LinkAddr, LinkAddr)> {
    let endian = Endianness::Little;
    let relocations = tables(file).filter_map(|table| file.bytes_of(table));
    let relative = relocations
        .flat_map(all::<Rela64<Endianness>>)
        .filter(|relocation| relocation.r_type(endian, false) == elf::R_X86_64_RELATIVE);
    let mut slots: Vec<_> = relative
        .map(|relocation| {
            let target = relocation.r_addend.get(endian).cast_unsigned();
            (LinkAddr(relocation.r_offset.get(endian)), LinkAddr(target))
        })
        .collect();
    slots.sort_unstable();
    slots
}

fn tables<'a, 'data>(file: &'a Elf<'data>) -> impl Iterator<Item = &'a ElfSection<'data>> {
    let sections = file.sections.iter();
    sections.filter(|section| section.is_allocated() && section.kind == elf::SHT_RELA)
}

fn all<T: pod::Pod>(bytes: &[u8]) -> &[T] {
    let count = bytes.len() / size_of::<T>();
    pod::slice_from_bytes(bytes, count).map_or(&[], |(all, _)| all)
}
