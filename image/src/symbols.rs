//! The ELF symbol table: what it names, by address and by name. Functions
//! found here are guesses of extent where the assembler gave no size.

use std::cmp::Reverse;
use std::ops::Range;

use object::read::StringTable;
use object::read::elf::Sym;
use object::{Endianness, elf, pod};

use crate::demangle::function_name;
use crate::elf::{Elf, ElfSection};
use crate::{ElfClass, Function, FunctionOrigin, LinkAddr, Symbol};

/// What a symbol names, best first where several share an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Rank {
    Function,
    Object,
    /// A label with a size: it says how far it reaches.
    SizedLabel,
    GlobalLabel,
    LocalLabel,
}

/// A symbol that is defined, with its name unread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawSymbol<'data> {
    pub(crate) name: &'data [u8],
    pub(crate) address: u64,
    pub(crate) size: u64,
    rank: Rank,
    /// Index of its section; none for an absolute value.
    section: Option<usize>,
    in_code: bool,
    is_local: bool,
}

impl RawSymbol<'_> {
    fn to_symbol(self) -> Symbol {
        Symbol {
            name: function_name(self.name),
            address: LinkAddr(self.address),
            size: self.size,
            is_function: self.names_code(),
        }
    }

    fn names_code(&self) -> bool {
        self.rank == Rank::Function || (self.in_code && self.rank != Rank::Object)
    }
}

/// The symbols of one file, sorted by address, best first where they share
/// one.
pub(crate) struct Symbols<'data> {
    all: Vec<RawSymbol<'data>>,
    /// Addresses of each section that is loaded; empty for others.
    sections: Vec<Range<u64>>,
}

impl<'data> Symbols<'data> {
    /// Reads the first full symbol table, or else the first dynamic one.
    pub(crate) fn of_files<'a>(files: impl Iterator<Item = &'a Elf<'data>> + Clone) -> Option<Self>
    where
        'data: 'a,
    {
        let kinds = [elf::SHT_SYMTAB, elf::SHT_DYNSYM].into_iter();
        let mut tables = kinds.flat_map(|kind| {
            files.clone().filter_map(move |file| {
                let mut sections = file.sections.iter();
                let table = sections.find(|section| section.kind == kind && section.has_bytes());
                Some((file, table?))
            })
        });
        tables.find_map(|(file, table)| Self::read_table(file, table))
    }

    fn read_table(elf: &Elf<'data>, table: &ElfSection<'data>) -> Option<Self> {
        let strings = elf.bytes_of(elf.sections.get(table.link)?)?;
        let strings = StringTable::new(strings, 0, strings.len() as u64);
        let bytes = elf.bytes_of(table)?;
        let mut all = match elf.class {
            ElfClass::Elf32 => read::<elf::Sym32<Endianness>>(bytes, strings, &elf.sections),
            ElfClass::Elf64 => read::<elf::Sym64<Endianness>>(bytes, strings, &elf.sections),
        };
        all.sort_by_key(|symbol| (symbol.address, symbol.rank, Reverse(symbol.size)));
        if all.is_empty() {
            return None;
        }
        let sections = elf.sections.iter().map(|section| {
            let loaded = section.is_allocated() && !section.overlays_others();
            if loaded {
                section.addresses.clone()
            } else {
                0..0
            }
        });
        Some(Self {
            all,
            sections: sections.collect(),
        })
    }

    /// The nearest symbol at or before an address, in the same section.
    pub(crate) fn at(&self, address: u64) -> Option<Symbol> {
        let section = self
            .sections
            .iter()
            .position(|range| range.contains(&address))?;
        let before = &self.all[..self.all.partition_point(|symbol| symbol.address <= address)];
        let nearest = before
            .iter()
            .rfind(|symbol| symbol.section == Some(section))?;
        // The best of those that share the nearest address.
        let first = before.partition_point(|symbol| symbol.address < nearest.address);
        let best = before[first..]
            .iter()
            .find(|symbol| symbol.section == Some(section))?;
        Some(best.to_symbol())
    }

    /// The linkage name of the code that begins at an address.
    pub(crate) fn function_at_entry(&self, entry: u64) -> Option<&'data [u8]> {
        let first = self.all.partition_point(|symbol| symbol.address < entry);
        let there = self.all[first..]
            .iter()
            .take_while(|symbol| symbol.address == entry);
        let mut code = there.filter(|symbol| symbol.names_code());
        code.next().map(|symbol| symbol.name)
    }

    pub(crate) fn named(&self, name: &[u8]) -> Option<Symbol> {
        let mut named = self.all.iter().filter(|symbol| symbol.name == name);
        named.next().map(|symbol| symbol.to_symbol())
    }

    /// Addresses of all symbols of a name.
    pub(crate) fn addresses_of(&self, name: &[u8]) -> Vec<u64> {
        let named = self.all.iter().filter(|symbol| symbol.name == name);
        named.map(|symbol| symbol.address).collect()
    }

    /// Every symbol, ascending by address.
    pub(crate) fn all(&self) -> Vec<Symbol> {
        self.all.iter().map(|symbol| symbol.to_symbol()).collect()
    }

    /// Whether it names functions that no other file sees: what a stripped
    /// table has lost first.
    pub(crate) fn has_local_functions(&self) -> bool {
        let mut symbols = self.all.iter();
        symbols.any(|symbol| symbol.is_local && symbol.rank == Rank::Function)
    }

    /// Every symbol that names code, ascending.
    pub(crate) fn code(&self) -> impl Iterator<Item = &RawSymbol<'data>> {
        let symbols = self.all.iter();
        symbols.filter(|symbol| symbol.names_code() && symbol.in_code)
    }

    /// Every symbol that names code, with its range and origin, one for an
    /// address. Labels within a function that has a size are not functions.
    pub(crate) fn functions(&self) -> Vec<SymbolFunction<'data>> {
        let mut functions: Vec<SymbolFunction<'data>> = Vec::new();
        let mut sized_until = 0;
        let code = self
            .all
            .iter()
            .filter(|symbol| symbol.names_code() && symbol.in_code);
        for symbol in code {
            let known = functions.last();
            if known.is_some_and(|known| known.symbol.address == symbol.address) {
                continue;
            }
            let (end, origin) = if symbol.size > 0 {
                let end = symbol.address.saturating_add(symbol.size);
                sized_until = sized_until.max(end);
                (end, FunctionOrigin::Symbol)
            } else if symbol.address >= sized_until {
                (symbol.address, FunctionOrigin::UnsizedSymbol)
            } else {
                continue;
            };
            functions.push(SymbolFunction {
                symbol: *symbol,
                range: symbol.address..end,
                origin,
            });
        }
        self.close_unsized(&mut functions);
        functions
    }

    /// Lets a function without a size end at the next one in its section, or
    /// with the section.
    fn close_unsized(&self, functions: &mut [SymbolFunction<'data>]) {
        let mut ends: Vec<u64> = self.sections.iter().map(|range| range.end).collect();
        for function in functions.iter_mut().rev() {
            let Some(end) = function
                .symbol
                .section
                .and_then(|index| ends.get_mut(index))
            else {
                continue;
            };
            if function.origin == FunctionOrigin::UnsizedSymbol {
                function.range.end = (*end).max(function.range.start);
            }
            *end = function.range.start;
        }
    }
}

/// A function that the symbol table knows.
#[derive(Clone, Debug)]
pub(crate) struct SymbolFunction<'data> {
    pub(crate) symbol: RawSymbol<'data>,
    pub(crate) range: Range<u64>,
    pub(crate) origin: FunctionOrigin,
}

impl SymbolFunction<'_> {
    pub(crate) fn to_function(&self) -> Function {
        Function {
            name: function_name(self.symbol.name),
            entry: LinkAddr(self.symbol.address),
            ranges: vec![LinkAddr(self.range.start)..LinkAddr(self.range.end)],
            origin: self.origin,
            noreturn: false,
            declaration: None,
        }
    }
}

fn read<'data, S: Sym<Endian = Endianness> + pod::Pod>(
    bytes: &'data [u8],
    strings: StringTable<'data>,
    sections: &[ElfSection<'data>],
) -> Vec<RawSymbol<'data>> {
    let endian = Endianness::Little;
    let count = bytes.len() / size_of::<S>();
    let Ok((symbols, _)) = pod::slice_from_bytes::<S>(bytes, count) else {
        return Vec::new();
    };
    let raw = symbols.iter().filter_map(|symbol| {
        let section = section_index(symbol, endian)?;
        let in_code =
            section.is_some_and(|index| sections.get(index).is_some_and(ElfSection::is_code));
        let rank = match symbol.st_type() {
            elf::STT_FUNC | elf::STT_GNU_IFUNC => Rank::Function,
            elf::STT_OBJECT | elf::STT_COMMON => Rank::Object,
            elf::STT_NOTYPE if symbol.st_size(endian).into() > 0 => Rank::SizedLabel,
            elf::STT_NOTYPE if symbol.st_bind() == elf::STB_LOCAL => Rank::LocalLabel,
            elf::STT_NOTYPE => Rank::GlobalLabel,
            _ => return None,
        };
        let name = symbol
            .name(endian, strings)
            .ok()
            .filter(|name| !name.is_empty())?;
        Some(RawSymbol {
            name,
            address: symbol.st_value(endian).into(),
            size: symbol.st_size(endian).into(),
            rank,
            section,
            in_code,
            is_local: symbol.st_bind() == elf::STB_LOCAL,
        })
    });
    raw.collect()
}

/// The section of a defined symbol (none for an absolute one); `None` for
/// others.
fn section_index<S: Sym<Endian = Endianness>>(
    symbol: &S,
    endian: Endianness,
) -> Option<Option<usize>> {
    match symbol.st_shndx(endian) {
        elf::SHN_ABS => Some(None),
        section if section.is_special() => None,
        section => Some(Some(usize::from(section.0))),
    }
}
