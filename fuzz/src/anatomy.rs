//! Where the parts of an undamaged file lie in which damage hurts. Found by
//! the `object` crate and not by ours, which is what is being tested.

use std::ops::Range;

use object::read::{Object, ObjectSection};

/// The parts of a file.
pub(crate) struct Anatomy {
    /// ELF header, section headers, program headers.
    pub(crate) headers: Vec<Range<usize>>,
    /// Sections that are parsed: names and symbols, notes, unwind tables,
    /// DWARF, event descriptors.
    pub(crate) parsed: Vec<Range<usize>>,
    /// Everything else with bytes: code and data.
    pub(crate) loaded: Vec<Range<usize>>,
}

impl Anatomy {
    /// Of an ELF; anything else is one part.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut anatomy = Self {
            headers: Vec::new(),
            parsed: Vec::new(),
            loaded: Vec::new(),
        };
        let Ok(file) = object::File::parse(bytes) else {
            anatomy.loaded.push(0..bytes.len());
            return anatomy;
        };
        anatomy.headers = headers(bytes, file.is_64());
        for section in file.sections() {
            let range = section.file_range().and_then(|(start, size)| {
                let start = usize::try_from(start).ok()?;
                let end = start.checked_add(usize::try_from(size).ok()?)?;
                (start < end && end <= bytes.len()).then_some(start..end)
            });
            let name = section.name_bytes().unwrap_or_default();
            match range {
                Some(range) if is_parsed(name) => anatomy.parsed.push(range),
                Some(range) => anatomy.loaded.push(range),
                None => {}
            }
        }
        if anatomy.loaded.is_empty() {
            anatomy.loaded.push(0..bytes.len());
        }
        anatomy
    }
}

fn is_parsed(name: &[u8]) -> bool {
    let prefixes: [&[u8]; 10] = [
        b".debug",
        b".zdebug",
        b".eh_frame",
        b".note",
        b".symtab",
        b".strtab",
        b".shstrtab",
        b".gnu_debug",
        b"ukdbg",
        b".dyn",
    ];
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// The header, and the tables it names (ELF specification, chapter 1).
fn headers(bytes: &[u8], wide: bool) -> Vec<Range<usize>> {
    let half = |at: usize| {
        let bytes = bytes.get(at..at + 2)?;
        Some(usize::from(u16::from_le_bytes(bytes.try_into().ok()?)))
    };
    let word = |at: usize| {
        let size = if wide { 8 } else { 4 };
        let mut word = [0; 8];
        word[..size].copy_from_slice(bytes.get(at..at + size)?);
        usize::try_from(u64::from_le_bytes(word)).ok()
    };
    // Offset of the table, size and number of its entries.
    let places = if wide {
        [(0x20, 0x36, 0x38), (0x28, 0x3a, 0x3c)]
    } else {
        [(0x1c, 0x2a, 0x2c), (0x20, 0x2e, 0x30)]
    };
    let tables = places.into_iter().filter_map(|(offset, size, count)| {
        let start = word(offset)?;
        let end = start.checked_add(half(size)?.checked_mul(half(count)?)?)?;
        (start < end && end <= bytes.len()).then_some(start..end)
    });
    std::iter::once(0..bytes.len().min(64))
        .chain(tables)
        .collect()
}
