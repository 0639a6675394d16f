//! The compiler's own map of a function's blocks: `.llvm_bb_addr_map`, of the
//! forms that LLVM 12 to 22 write. It is internal to LLVM and has no promise of
//! stability: what is of an unknown version is left alone.
//!
//! Not here: what the blocks do, which only their code tells.

use std::ops::Range;

use crate::{LinkAddr, leb128};

/// The section's type from LLVM 12 to 14, without a version (ELF.h of LLVM).
const UNVERSIONED: u32 = 0x6fff_4c08;

/// Features that change how an entry is written (`BBAddrMap::Features`).
mod feature {
    pub(super) const ENTRY_COUNT: u16 = 1;
    pub(super) const FREQUENCY: u16 = 1 << 1;
    pub(super) const PROBABILITY: u16 = 1 << 2;
    pub(super) const RANGES: u16 = 1 << 3;
    pub(super) const NO_BLOCKS: u16 = 1 << 4;
    pub(super) const CALL_ENDS: u16 = 1 << 5;
    pub(super) const HASH: u16 = 1 << 6;
    pub(super) const KNOWN: u16 = (1 << 7) - 1;
}

/// The newest version that is understood.
const NEWEST: u8 = 5;

/// The blocks of all functions that the compiler described.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct BlockMap {
    /// Ascending by entry.
    functions: Vec<MappedFunction>,
}

/// A function's blocks, as the compiler laid them out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MappedFunction {
    /// Where its first range begins.
    pub entry: LinkAddr,
    /// In the order of their addresses within each range.
    pub blocks: Vec<MappedBlock>,
    /// Whether the map says where each block goes.
    pub has_successors: bool,
}

/// A block of the compiler's: it does not end at calls, and may end in more
/// than one jump.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MappedBlock {
    /// Its code; empty for a block without instructions.
    pub code: Range<LinkAddr>,
    /// The blocks that it goes to, exceptions included: positions in
    /// [`MappedFunction::blocks`].
    pub successors: Vec<usize>,
    /// It returns.
    pub returns: bool,
    /// It ends in a tail call.
    pub tail_call: bool,
    /// Exceptions land here.
    pub landing_pad: bool,
    /// It may go on into the next block.
    pub falls_through: bool,
    /// It ends in a jump through a register or memory.
    pub indirect: bool,
}

impl BlockMap {
    /// Reads a section of that type. What follows something malformed or
    /// unknown is left out.
    pub(crate) fn parse(kind: u32, section: &[u8]) -> Self {
        let mut reader = Reader { rest: section };
        let mut functions = Vec::new();
        while !reader.rest.is_empty() {
            match reader.function(kind == UNVERSIONED) {
                Some(Some(function)) => functions.push(function),
                Some(None) => {}
                None => break,
            }
        }
        functions.sort_by_key(|function: &MappedFunction| function.entry);
        Self { functions }
    }

    /// The function that is entered at an address.
    pub fn function(&self, entry: LinkAddr) -> Option<&MappedFunction> {
        let place = self
            .functions
            .binary_search_by_key(&entry, |function| function.entry);
        self.functions.get(place.ok()?)
    }

    /// Every function, ascending by entry.
    pub fn functions(&self) -> &[MappedFunction] {
        &self.functions
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// How an entry is written.
#[derive(Clone, Copy)]
struct Form {
    version: u8,
    features: u16,
}

impl Form {
    fn has(self, feature: u16) -> bool {
        self.features & feature != 0
    }
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn address(&mut self) -> Option<u64> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    /// ULEB128 (DWARF 5, 7.6).
    fn number(&mut self) -> Option<u64> {
        let (number, size) = leb128::unsigned(self.rest)?;
        self.rest = &self.rest[size..];
        Some(number)
    }

    fn form(&mut self, unversioned: bool) -> Option<Form> {
        if unversioned {
            return Some(Form {
                version: 0,
                features: 0,
            });
        }
        let version = self.byte().filter(|&version| version <= NEWEST)?;
        let low = u16::from(self.byte()?);
        let high = if version >= 5 { self.byte()?.into() } else { 0 };
        let features = low | high << 8;
        (features & !feature::KNOWN == 0).then_some(Form { version, features })
    }

    /// A function; `Some(None)` for one whose blocks are left out.
    fn function(&mut self, unversioned: bool) -> Option<Option<MappedFunction>> {
        let form = self.form(unversioned)?;
        let ranges = match form.has(feature::RANGES) {
            true => self.number()?,
            false => 1,
        };
        let mut blocks = Vec::new();
        let mut identities = Vec::new();
        let mut entry = None;
        for _ in 0..ranges {
            let base = self.address()?;
            entry.get_or_insert(base);
            let count = self.number()?;
            if form.has(feature::NO_BLOCKS) {
                continue;
            }
            let mut previous_end = base;
            for position in 0..count {
                let (identity, block) = self.block(form, base, previous_end, position)?;
                previous_end = block.code.end.0;
                identities.push(identity);
                blocks.push(block);
            }
        }
        self.analysis(form, &identities, &mut blocks)?;
        Some(
            entry
                .filter(|_| !blocks.is_empty())
                .map(|entry| MappedFunction {
                    entry: LinkAddr(entry),
                    blocks,
                    has_successors: form.has(feature::PROBABILITY),
                }),
        )
    }

    fn block(
        &mut self,
        form: Form,
        base: u64,
        previous_end: u64,
        position: u64,
    ) -> Option<(u64, MappedBlock)> {
        let identity = match form.version {
            0 | 1 => position,
            _ => self.number()?,
        };
        let from = match form.version {
            0 => base,
            _ => previous_end,
        };
        let start = from.checked_add(self.number()?)?;
        let mut behind_calls = 0_u64;
        if form.has(feature::CALL_ENDS) {
            for _ in 0..self.number()? {
                behind_calls = behind_calls.checked_add(self.number()?)?;
            }
        }
        let size = self.number()?.checked_add(behind_calls)?;
        let metadata = self.number()?;
        if form.has(feature::HASH) {
            self.address()?;
        }
        let is = |bit: u32| metadata >> bit & 1 != 0;
        let block = MappedBlock {
            code: LinkAddr(start)..LinkAddr(start.checked_add(size)?),
            successors: Vec::new(),
            returns: is(0),
            tail_call: is(1),
            landing_pad: is(2),
            falls_through: is(3),
            indirect: is(4),
        };
        Some((identity, block))
    }

    /// What a profile would say. The compiler writes it without one too, and
    /// with it each block's successors.
    fn analysis(
        &mut self,
        form: Form,
        identities: &[u64],
        blocks: &mut [MappedBlock],
    ) -> Option<()> {
        if form.has(feature::ENTRY_COUNT) {
            self.number()?;
        }
        if !form.has(feature::FREQUENCY | feature::PROBABILITY) {
            return Some(());
        }
        let mut places: Vec<(u64, usize)> = identities.iter().copied().zip(0..).collect();
        places.sort_unstable();
        for block in blocks {
            if form.has(feature::FREQUENCY) {
                self.number()?;
            }
            if !form.has(feature::PROBABILITY) {
                continue;
            }
            for _ in 0..self.number()? {
                let identity = self.number()?;
                self.number()?;
                let place = places.binary_search_by_key(&identity, |&(known, _)| known);
                block.successors.push(places.get(place.ok()?)?.1);
            }
            block.successors.sort_unstable();
            block.successors.dedup();
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: u64) -> LinkAddr {
        LinkAddr(address)
    }

    #[track_caller]
    fn check(kind: u32, section: &[u8], expected: &[(u64, u64, &[usize])]) {
        let map = BlockMap::parse(kind, section);
        let found: Vec<_> = map
            .function(at(0x1000))
            .map_or(&[][..], |function| &function.blocks)
            .iter()
            .map(|block| (block.code.start.0, block.code.end.0, &block.successors[..]))
            .collect();
        assert_eq!(found, expected);
    }

    const VERSIONED: u32 = 0x6fff_4c0a;
    const ENTRY: [u8; 8] = [0, 0x10, 0, 0, 0, 0, 0, 0];

    #[test]
    fn offsets_from_the_function_without_a_version() {
        let section = [&ENTRY[..], &[2, 0, 4, 8, 6, 2, 1]].concat();
        check(
            UNVERSIONED,
            &section,
            &[(0x1000, 0x1004, &[]), (0x1006, 0x1008, &[])],
        );
    }

    #[test]
    fn offsets_from_the_block_before_and_identities() {
        let section = [&[2, 0], &ENTRY[..], &[2, 0, 0, 4, 8, 1, 2, 2, 1]].concat();
        check(
            VERSIONED,
            &section,
            &[(0x1000, 0x1004, &[]), (0x1006, 0x1008, &[])],
        );
    }

    #[test]
    fn successors_and_the_ends_of_calls() {
        // Version 5, entry count, frequencies, probabilities, call ends.
        let section = [
            &[5, 0x27, 0],
            &ENTRY[..],
            &[2, 7, 0, 1, 3, 1, 8, 3, 0, 0, 2, 1],
            &[0, 9, 2, 3, 1, 7, 1, 9, 0],
        ]
        .concat();
        check(
            VERSIONED,
            &section,
            &[(0x1000, 0x1004, &[0, 1]), (0x1004, 0x1006, &[])],
        );
    }

    #[test]
    fn what_is_unknown_or_cut_is_left_out() {
        check(VERSIONED, &[6, 0, 0], &[]);
        check(VERSIONED, &[5, 0, 1], &[]);
        let whole = [&[2, 0], &ENTRY[..], &[1, 0, 0, 4, 8]].concat();
        let two = [&whole[..], &whole[..12]].concat();
        check(VERSIONED, &two, &[(0x1000, 0x1004, &[])]);
        // A count that the section cannot hold.
        let huge = [&[2, 0], &ENTRY[..], &[0xff, 0xff, 0xff, 0xff, 0x7f, 0]].concat();
        check(VERSIONED, &huge, &[]);
    }

    proptest::proptest! {
        #[test]
        fn random_sections(section in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            BlockMap::parse(VERSIONED, &section);
            BlockMap::parse(UNVERSIONED, &section);
        }
    }
}
