//! Going over the entries of a unit of which few matter: how many bytes an
//! entry takes is worked out once for each abbreviation, not once for each
//! entry. Attributes that matter are gimli's to read.

use std::ops::Range;

use gimli::{Attribute, UnitOffset};

use super::abbreviation_lengths::{AbbreviationLengths, Kinds, Known, Length, Then};
use super::entries::next_abbreviation;
use super::{Scope, Slice};
use crate::leb128;

/// A place between two entries of a unit. What is malformed ends it.
pub(super) struct Skim<'a, 'data> {
    scope: Scope<'a, 'data>,
    lengths: &'a AbbreviationLengths,
    /// The unit's entries.
    bytes: &'data [u8],
    /// The place in them.
    at: usize,
    /// Offset in the unit of the first of the bytes.
    first: usize,
    /// Of the next entry, relative to the first.
    depth: isize,
    /// The depth at which it ends.
    floor: isize,
    /// The entry whose attributes come next, and how long they are.
    current: Option<(UnitOffset, Length)>,
}

/// An entry.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) offset: UnitOffset,
    /// Relative to the first entry.
    pub(super) depth: isize,
    /// The least depth on the way to it from the entry that was given before:
    /// what is not less deep is not around it.
    pub(super) least_depth: isize,
    pub(super) kinds: Kinds,
    pub(super) has_children: bool,
    /// Whether it may have code.
    pub(super) has_code: bool,
    /// Where among the attributes stands where the next sibling is.
    sibling: Option<u16>,
    code: Option<(u16, u16)>,
}

impl<'a, 'data> Skim<'a, 'data> {
    /// Over all entries of a unit.
    pub(super) fn whole(scope: Scope<'a, 'data>) -> gimli::Result<Self> {
        Self::new(scope, scope.unit.dwarf.header.root_offset())
    }

    /// Over the entries below one.
    pub(super) fn below(scope: Scope<'a, 'data>, entry: UnitOffset) -> gimli::Result<Self> {
        let mut skim = Self::new(scope, entry)?;
        skim.entry(0);
        skim.floor = 0;
        Ok(skim)
    }

    fn new(scope: Scope<'a, 'data>, from: UnitOffset) -> gimli::Result<Self> {
        Ok(Self {
            scope,
            lengths: scope.abbreviation_lengths(),
            bytes: scope.unit.dwarf.header.range_from(from..)?.slice(),
            at: 0,
            first: from.0,
            depth: 0,
            floor: isize::MIN,
            current: None,
        })
    }

    /// The next entry of some kinds; none at the end.
    pub(super) fn next_of(&mut self, kinds: Kinds) -> Option<Entry> {
        self.pass_attributes()?;
        let mut least_depth = self.depth;
        loop {
            self.step_to(kinds, &mut least_depth)?;
            if self.depth <= self.floor {
                return None;
            }
            if let Some(entry) = self.entry(least_depth)?
                && entry.kinds.meets(kinds)
            {
                return Some(entry);
            }
            self.pass_attributes()?;
            least_depth = least_depth.min(self.depth);
        }
    }

    /// Goes on to an entry of some kinds, or one that takes more than a step.
    /// Millions of entries pass here.
    fn step_to(&mut self, kinds: Kinds, least_depth: &mut isize) -> Option<()> {
        let stop = kinds.or(Kinds::UNMEASURED);
        let (bytes, steps) = (self.bytes, self.lengths.steps());
        let (mut at, mut depth) = (self.at, self.depth);
        while depth > self.floor {
            let (code, size) = match *bytes.get(at)? {
                short @ 0..0x80 => (usize::from(short), 1),
                low => match *bytes.get(at + 1)? {
                    high @ 0..0x80 => (usize::from(low & 0x7f) | usize::from(high) << 7, 2),
                    _ => break,
                },
            };
            let Some(step) = steps.get(code).filter(|step| !step.kinds.meets(stop)) else {
                break;
            };
            at += size + usize::from(step.length);
            if step.then != Then::Nothing {
                let (number, size) = leb128::unsigned(bytes.get(at..)?)?;
                at += size + usize::from(step.after);
                if step.then == Then::Block {
                    at = at.checked_add(usize::try_from(number).ok()?)?;
                }
            }
            depth += isize::from(step.deeper);
            *least_depth = (*least_depth).min(depth);
        }
        (self.at, self.depth) = (at, depth);
        Some(())
    }

    /// The next entry, or the end of a list of children.
    fn entry(&mut self, least_depth: isize) -> Option<Option<Entry>> {
        let offset = UnitOffset(self.first.checked_add(self.at)?);
        let code = self.leb128()?;
        if code == 0 {
            self.depth = self.depth.saturating_sub(1);
            return Some(None);
        }
        let known = self.lengths.get(code).or_else(|| self.unlisted(code))?;
        let entry = Entry {
            offset,
            depth: self.depth,
            least_depth,
            kinds: known.kinds,
            has_children: known.has_children,
            has_code: known.has_code,
            sibling: known.sibling,
            code: known.code,
        };
        self.depth = self.depth.saturating_add(entry.has_children.into());
        self.current = Some((offset, known.length));
        Some(Some(entry))
    }

    /// What is known of an abbreviation outside of the row of codes.
    #[cold]
    fn unlisted(&self, code: u64) -> Option<Known> {
        let abbreviation = self.scope.unit.dwarf.abbreviations.get(code)?;
        Some(Known::of_unknown_length(abbreviation))
    }

    /// Reads the attributes of the entry that was last given.
    pub(super) fn attributes(
        &mut self,
        mut each: impl FnMut(&Attribute<Slice<'data>>),
    ) -> gimli::Result<()> {
        let Some((offset, _)) = self.current.take() else {
            return Ok(());
        };
        let mut entries = self.scope.unit.dwarf.entries_raw(Some(offset))?;
        if let Some(abbreviation) = next_abbreviation(&mut entries)? {
            for &specification in abbreviation.attributes() {
                each(&entries.read_attribute(specification)?);
            }
        }
        self.at = self.place_of(entries.next_offset()).unwrap_or(usize::MAX);
        Ok(())
    }

    /// The code of the entry that was last given, where it is one range that
    /// can be had without reading the attributes.
    pub(super) fn plain_code(&self, entry: Entry) -> Option<Range<u64>> {
        let (low, size) = entry.code?;
        let low = u64::from_le_bytes(self.attribute_bytes(low)?);
        let size = u32::from_le_bytes(self.attribute_bytes(size)?);
        Some(low..low.checked_add(size.into())?)
    }

    fn attribute_bytes<const N: usize>(&self, place: u16) -> Option<[u8; N]> {
        let at = self.at.checked_add(place.into())?;
        self.bytes.get(at..)?.first_chunk().copied()
    }

    /// Passes over the entries below the one that was last given, where the
    /// compiler says how (`DW_AT_sibling`).
    pub(super) fn pass_children(&mut self, entry: Entry) {
        let (Some(place), true) = (entry.sibling, entry.has_children) else {
            return;
        };
        let sibling = self
            .attribute_bytes::<4>(place)
            .and_then(|bytes| usize::try_from(u32::from_le_bytes(bytes)).ok());
        if self.pass_attributes().is_some() {
            self.go_to_sibling(sibling.map(UnitOffset));
        }
    }

    /// As [`Skim::pass_children`], where the attributes were read.
    pub(super) fn go_to_sibling(&mut self, sibling: Option<UnitOffset>) {
        let sibling = sibling.and_then(|sibling| self.place_of(sibling));
        if let Some(sibling) = sibling.filter(|&next| next > self.at) {
            self.depth = self.depth.saturating_sub(1);
            self.at = sibling;
        }
    }

    fn place_of(&self, entry: UnitOffset) -> Option<usize> {
        entry.0.checked_sub(self.first)
    }

    #[inline]
    fn pass_attributes(&mut self) -> Option<()> {
        match self.current {
            None => {}
            Some((_, Length::Fixed(bytes))) => self.at += usize::from(bytes),
            Some((_, Length::Parts { first, count })) => self.pass_parts(first, count)?,
            Some((_, Length::Unknown)) => self.attributes(|_| ()).ok()?,
        }
        self.current = None;
        Some(())
    }

    fn pass_parts(&mut self, first: u32, count: u32) -> Option<()> {
        let lengths = self.lengths;
        for part in lengths.parts(first, count) {
            self.at = self.at.checked_add(usize::from(part.bytes))?;
            if part.then == Then::Nothing {
                continue;
            }
            let number = self.leb128()?;
            if part.then == Then::Block {
                self.at = self.at.checked_add(usize::try_from(number).ok()?)?;
            }
        }
        Some(())
    }

    #[inline]
    fn leb128(&mut self) -> Option<u64> {
        let (number, size) = leb128::unsigned(self.bytes.get(self.at..)?)?;
        self.at += size;
        Some(number)
    }
}
