//! What an ELF file's headers describe, as values: classes, segments,
//! sections, symbols. Reading them is `elf`'s and `symbols`' part.

use std::ops::Range;

use crate::LinkAddr;

/// ELF class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ElfClass {
    /// 32-bit: for us a boot wrapper around 64-bit code.
    Elf32,
    /// 64-bit.
    Elf64,
}

/// A loadable segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment<'data> {
    /// Where it is linked, memory size.
    pub addresses: Range<LinkAddr>,
    /// Physical load address (`p_paddr`).
    pub physical: u64,
    /// Initialised bytes, from the start of the segment; empty in a file that
    /// holds debugging information only.
    pub bytes: &'data [u8],
    /// It can be executed.
    pub executable: bool,
    /// It can be written.
    pub writable: bool,
}

/// A section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section<'data> {
    /// Its name.
    pub name: &'data [u8],
    /// Where it is linked; 0-based for a section that is not loaded.
    pub address: LinkAddr,
    /// Its size in memory.
    pub size: u64,
    /// Its bytes; empty when it has none in the file.
    pub bytes: &'data [u8],
    /// It is loaded.
    pub allocated: bool,
    /// It holds code.
    pub executable: bool,
}

/// A file that holds debugging information, as its image names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DebugLink<'data> {
    /// File name, without a folder.
    pub file_name: &'data [u8],
    /// CRC-32 of that file.
    pub checksum: u32,
}

/// What debugging information an image offers, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DebugLevel {
    /// DWARF `.debug_info`.
    Dwarf,
    /// A symbol table only.
    Symbols,
    /// Nothing.
    None,
}

/// A symbol.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Symbol {
    /// Its name.
    pub name: crate::FunctionName,
    /// Its value.
    pub address: LinkAddr,
    /// Its size, 0 when the assembler gave none.
    pub size: u64,
    /// Whether it names code.
    pub is_function: bool,
}

impl<'data> DebugLink<'data> {
    /// `.gnu_debuglink`: a name with its zero, padding to four bytes, the
    /// checksum (GDB manual, "Separate Debug Files").
    pub(crate) fn parse(section: &'data [u8]) -> Option<Self> {
        let end = section.iter().position(|&byte| byte == 0)?;
        let (file_name, rest) = section.split_at(end);
        let padded = (end + 1).next_multiple_of(4);
        let checksum = rest.get(padded - end..)?.first_chunk::<4>()?;
        Some(Self {
            file_name,
            checksum: u32::from_le_bytes(*checksum),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(section: &[u8], expected: Option<(&[u8], u32)>) {
        let link = DebugLink::parse(section).map(|link| (link.file_name, link.checksum));
        assert_eq!(link, expected);
    }

    #[test]
    fn debug_links() {
        check(
            b"a.debug\0\x04\x03\x02\x01",
            Some((b"a.debug", 0x0102_0304)),
        );
        check(
            b"ab.debug\0\0\0\0\x04\x03\x02\x01",
            Some((b"ab.debug", 0x0102_0304)),
        );
        check(b"a.debug\0\x04\x03\x02", None);
        check(b"a.debug", None);
        check(b"", None);
    }
}
