//! One ELF file: headers, segments, sections and their bytes. It knows
//! nothing of what the sections mean, and nothing of a second file.

use std::ops::Range;
use std::sync::OnceLock;

use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader as _};
use object::{Endianness, FileKind};

use crate::section_bytes;
use crate::{Decompressed, ElfClass, ImageError, LinkAddr, Segment};

/// A parsed file.
pub(crate) struct Elf<'data> {
    pub(crate) class: ElfClass,
    pub(crate) entry: LinkAddr,
    pub(crate) segments: Vec<Segment<'data>>,
    pub(crate) sections: Vec<ElfSection<'data>>,
    /// Bytes and alignment of every `PT_NOTE` and `SHT_NOTE`.
    pub(crate) notes: Vec<(&'data [u8], u64)>,
    room: &'data Decompressed,
}

/// A section header, with the bytes it speaks of.
pub(crate) struct ElfSection<'data> {
    pub(crate) name: &'data [u8],
    pub(crate) addresses: Range<u64>,
    pub(crate) kind: elf::SectionType,
    pub(crate) flags: elf::SectionFlags,
    /// `sh_link`: for a symbol table, its strings.
    pub(crate) link: usize,
    /// As in the file, perhaps compressed; none for a section without bytes.
    raw: Option<&'data [u8]>,
    contents: OnceLock<Option<&'data [u8]>>,
}

impl ElfSection<'_> {
    /// In memory, or in the file when it is not loaded.
    pub(crate) fn size(&self) -> u64 {
        self.addresses.end - self.addresses.start
    }

    pub(crate) fn is_allocated(&self) -> bool {
        self.flags.contains(elf::SHF_ALLOC)
    }

    pub(crate) fn is_code(&self) -> bool {
        self.is_allocated() && self.flags.contains(elf::SHF_EXECINSTR)
    }

    /// Thread-local zeroes lie over the addresses of what follows them.
    pub(crate) fn overlays_others(&self) -> bool {
        self.flags.contains(elf::SHF_TLS) && self.kind == elf::SHT_NOBITS
    }

    pub(crate) fn has_bytes(&self) -> bool {
        self.raw.is_some()
    }

    pub(crate) fn holds(&self, address: u64) -> bool {
        self.is_allocated() && !self.overlays_others() && self.addresses.contains(&address)
    }
}

impl<'data> Elf<'data> {
    pub(crate) fn parse(data: &'data [u8], room: &'data Decompressed) -> Result<Self, ImageError> {
        match FileKind::parse(data) {
            Ok(FileKind::Elf32) => {
                Self::of_class::<elf::FileHeader32<Endianness>>(data, room, ElfClass::Elf32)
            }
            Ok(FileKind::Elf64) => {
                Self::of_class::<elf::FileHeader64<Endianness>>(data, room, ElfClass::Elf64)
            }
            _ => Err(ImageError::NotElf {
                first_bytes: data.iter().copied().take(4).collect(),
            }),
        }
    }

    fn of_class<Header: FileHeader<Endian = Endianness>>(
        data: &'data [u8],
        room: &'data Decompressed,
        class: ElfClass,
    ) -> Result<Self, ImageError> {
        let header = Header::parse(data).map_err(malformed("file header"))?;
        if header.is_big_endian() {
            return Err(ImageError::BigEndian);
        }
        let endian = header.endian().map_err(malformed("file header"))?;
        let machine = header.e_machine(endian);
        // A 32-bit wrapper around 64-bit code says it is for the 386.
        let ours =
            machine == elf::EM_X86_64 || (class == ElfClass::Elf32 && machine == elf::EM_386);
        if !ours {
            return Err(ImageError::ForeignMachine { machine: machine.0 });
        }
        let mut notes = Vec::new();
        let sections = sections(header, endian, data, &mut notes)?;
        let segments = segments(header, endian, data, &sections, &mut notes)?;
        Ok(Self {
            class,
            entry: LinkAddr(header.e_entry(endian).into()),
            segments,
            sections,
            notes,
            room,
        })
    }

    /// The first section of that name; `.zdebug_x` answers for
    /// `.debug_x`.
    pub(crate) fn section_named(&self, name: &[u8]) -> Option<&ElfSection<'data>> {
        self.sections.iter().find(|section| {
            section.name == name || section_bytes::is_gnu_compressed_form(section.name, name)
        })
    }

    /// Where code is: the executable sections, or in a file without section
    /// headers the executable segments.
    pub(crate) fn code_ranges(&self) -> Vec<Range<u64>> {
        let sections = self.sections.iter().filter(|section| section.is_code());
        let ranges: Vec<Range<u64>> = sections.map(|section| section.addresses.clone()).collect();
        if !ranges.is_empty() {
            return ranges;
        }
        let segments = self.segments.iter().filter(|segment| segment.executable);
        segments
            .map(|segment| segment.addresses.start.0..segment.addresses.end.0)
            .collect()
    }

    /// Whether an address can be executed, and the addresses around it for
    /// which the same section or segment says so.
    pub(crate) fn executable_around(&self, at: LinkAddr) -> (bool, Range<LinkAddr>) {
        let position = self.sections.iter().position(|it| it.holds(at.0));
        if let Some((position, section)) =
            position.and_then(|it| Some((it, self.sections.get(it)?)))
        {
            let addresses = &section.addresses;
            // Where sections overlap, the first counts: no more than this
            // address is certain then.
            let overlaps = |(other, it): (usize, &ElfSection<'_>)| {
                other != position
                    && it.is_allocated()
                    && !it.overlays_others()
                    && it.addresses.start < addresses.end
                    && addresses.start < it.addresses.end
            };
            let certain = if self.sections.iter().enumerate().any(overlaps) {
                one_address(at)
            } else {
                LinkAddr(addresses.start)..LinkAddr(addresses.end)
            };
            return (section.is_code(), certain);
        }
        let mut segments = self.segments.iter();
        let executable =
            segments.any(|segment| segment.executable && segment.addresses.contains(&at));
        (executable, one_address(at))
    }

    /// Whether both have code sections, of the same names and at the same
    /// addresses.
    pub(crate) fn has_same_code(&self, other: &Elf<'_>) -> bool {
        let code = |section: &ElfSection<'_>| {
            let size = section.size();
            (section.is_code() && size > 0).then(|| section.addresses.clone())
        };
        let ours = self
            .sections
            .iter()
            .filter_map(|section| Some((section.name, code(section)?)));
        let theirs = other
            .sections
            .iter()
            .filter_map(|section| Some((section.name, code(section)?)));
        ours.clone().next().is_some() && ours.eq(theirs)
    }

    /// The bytes of the first section of that name.
    pub(crate) fn named_bytes(&self, name: &[u8]) -> Option<&'data [u8]> {
        self.bytes_of(self.section_named(name)?)
    }

    /// The bytes of all sections of that name, one after another; those first
    /// that `comes_first` accepts.
    pub(crate) fn joined_bytes(
        &self,
        name: &[u8],
        comes_first: impl Fn(&[u8]) -> bool,
    ) -> Option<&'data [u8]> {
        let named = self.sections.iter().filter(|it| it.name == name);
        let mut parts: Vec<&[u8]> = named.filter_map(|it| self.bytes_of(it)).collect();
        if parts.len() < 2 {
            return self.named_bytes(name);
        }
        parts.sort_by_key(|bytes| !comes_first(bytes));
        // Sections may overlap, so that their sum is more than the file.
        let size = parts.iter().map(|bytes| bytes.len() as u64);
        let size = size.fold(0, u64::saturating_add);
        self.room
            .reserve(size)
            .then(|| self.room.keep(parts.concat()))?
    }

    /// A checksum of what its sections are: their names, kinds, addresses and
    /// sizes, not their bytes.
    pub(crate) fn section_checksum(&self, hasher: &mut crc32fast::Hasher) {
        for section in &self.sections {
            hasher.update(section.name);
            let size = section.raw.map_or(0, <[u8]>::len) as u64;
            let addresses = &section.addresses;
            for number in [addresses.start, addresses.end, size, section.kind.0.into()] {
                hasher.update(&number.to_le_bytes());
            }
        }
    }

    /// A section's bytes, decompressed once; none when it has none, or they
    /// cannot be decompressed.
    pub(crate) fn bytes_of(&self, section: &ElfSection<'data>) -> Option<&'data [u8]> {
        *section.contents.get_or_init(|| {
            let raw = section.raw?;
            section_bytes::decompressed(section.name, section.flags, self.class, raw, self.room)
        })
    }
}

fn one_address(at: LinkAddr) -> Range<LinkAddr> {
    at..LinkAddr(at.0.saturating_add(1))
}

/// A reader's complaint about one part of the file.
pub(crate) fn malformed(part: &'static str) -> impl Fn(object::Error) -> ImageError {
    move |error| ImageError::Malformed {
        what: format!("{part}: {error}"),
    }
}

fn sections<'data, Header: FileHeader<Endian = Endianness>>(
    header: &Header,
    endian: Endianness,
    data: &'data [u8],
    notes: &mut Vec<(&'data [u8], u64)>,
) -> Result<Vec<ElfSection<'data>>, ImageError> {
    let table = header
        .sections(endian, data)
        .map_err(malformed("section headers"))?;
    let sections = table.iter().map(|section| {
        let address: u64 = section.sh_addr(endian).into();
        let size: u64 = section.sh_size(endian).into();
        let kind = section.sh_type(endian);
        let raw = match kind {
            elf::SHT_NOBITS | elf::SHT_NULL => None,
            _ => section.data(endian, data).ok(),
        };
        if kind == elf::SHT_NOTE {
            notes.extend(raw.map(|bytes| (bytes, section.sh_addralign(endian).into())));
        }
        ElfSection {
            // A name outside the string table is no reason to give up the rest.
            name: table.section_name(endian, section).unwrap_or_default(),
            addresses: address..address.saturating_add(size),
            kind,
            flags: section.sh_flags(endian),
            link: section.link(endian).0,
            raw,
            contents: OnceLock::new(),
        }
    });
    Ok(sections.collect())
}

fn segments<'data, Header: FileHeader<Endian = Endianness>>(
    header: &Header,
    endian: Endianness,
    data: &'data [u8],
    sections: &[ElfSection<'_>],
    notes: &mut Vec<(&'data [u8], u64)>,
) -> Result<Vec<Segment<'data>>, ImageError> {
    // A file of debugging information keeps the program headers of the image
    // it came from, whose offsets then point at unrelated bytes.
    let mut code = sections
        .iter()
        .filter(|section| section.is_code())
        .peekable();
    let debug_only = code.peek().is_some() && code.all(|section| !section.has_bytes());
    let headers = header
        .program_headers(endian, data)
        .map_err(malformed("program headers"))?;
    let mut segments = Vec::new();
    for segment in headers {
        let bytes = match segment.data(endian, data) {
            Ok(bytes) if !debug_only => bytes,
            _ => &[],
        };
        match segment.p_type(endian) {
            elf::PT_LOAD => segments.push(loaded(segment, endian, bytes)),
            elf::PT_NOTE => notes.push((bytes, segment.p_align(endian).into())),
            _ => {}
        }
    }
    Ok(segments)
}

fn loaded<'data, Header: ProgramHeader<Endian = Endianness>>(
    segment: &Header,
    endian: Endianness,
    bytes: &'data [u8],
) -> Segment<'data> {
    let start: u64 = segment.p_vaddr(endian).into();
    let size: u64 = segment.p_memsz(endian).into();
    let flags = segment.p_flags(endian);
    Segment {
        addresses: LinkAddr(start)..LinkAddr(start.saturating_add(size)),
        physical: segment.p_paddr(endian).into(),
        bytes,
        executable: flags.contains(elf::PF_X),
        writable: flags.contains(elf::PF_W),
    }
}
