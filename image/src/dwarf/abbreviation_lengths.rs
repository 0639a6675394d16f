//! How many bytes the attributes of an entry take (DWARF 5 §7.5.6), by its
//! abbreviation. Not the attributes.

use gimli::{Abbreviation, DwAt, DwForm, DwTag};

use super::Slice;

/// Abbreviations beyond which the lengths of none are known. Compilers number
/// them from one on, a few hundred in a unit.
const MOST: u64 = 1 << 16;

/// What is known of each abbreviation of a unit.
#[derive(Default)]
pub(super) struct AbbreviationLengths {
    /// By code, from one on.
    known: Vec<Known>,
    parts: Vec<Part>,
}

/// What is known of one abbreviation.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) tag: DwTag,
    pub(super) has_children: bool,
    /// Where among the attributes four bytes say where the next sibling is.
    pub(super) sibling: Option<u16>,
    pub(super) length: Length,
    /// Whether the entry may have code.
    pub(super) has_code: bool,
    /// Where among the attributes stand the eight bytes of the code's first
    /// address and the four of its size, where it has no other form.
    pub(super) code: Option<(u16, u16)>,
}

/// How long the attributes are together.
#[derive(Clone, Copy)]
pub(super) enum Length {
    /// So many bytes.
    Fixed(u32),
    /// These parts one after another.
    Parts { first: u32, count: u32 },
    /// As reading them says.
    Unknown,
}

/// Some attributes.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Bytes of attributes whose size is known.
    pub(super) bytes: u16,
    /// What follows them.
    pub(super) then: Then,
}

/// An attribute whose size is in its first bytes, or none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// A number in LEB128.
    Number,
    /// A block, led by its length in LEB128.
    Block,
}

/// Where among the attributes some stand.
#[derive(Clone, Copy, Default)]
struct Places {
    sibling: Option<u16>,
    low: Option<u16>,
    size: Option<u16>,
}

impl Places {
    fn note(&mut self, name: DwAt, form: DwForm, size: usize, place: u16) {
        match (name, form) {
            (gimli::DW_AT_sibling, gimli::DW_FORM_ref4) => self.sibling = Some(place),
            (gimli::DW_AT_low_pc, gimli::DW_FORM_addr) if size == 8 => self.low = Some(place),
            (gimli::DW_AT_high_pc, gimli::DW_FORM_data4) => self.size = Some(place),
            _ => {}
        }
    }
}

impl Known {
    pub(super) fn of_unknown_length(abbreviation: &Abbreviation) -> Self {
        let mut names = abbreviation.attributes().iter().map(|it| it.name());
        Self {
            tag: abbreviation.tag(),
            has_children: abbreviation.has_children(),
            sibling: None,
            length: Length::Unknown,
            has_code: names.any(|it| it == gimli::DW_AT_low_pc || it == gimli::DW_AT_ranges),
            code: None,
        }
    }
}

impl AbbreviationLengths {
    pub(super) fn of(unit: &gimli::Unit<Slice<'_>>) -> Self {
        let mut lengths = Self::default();
        let codes = (1..MOST).map_while(|code| unit.abbreviations.get(code));
        for abbreviation in codes {
            let known = lengths.known(unit, abbreviation);
            lengths.known.push(known);
        }
        lengths
    }

    #[inline]
    pub(super) fn get(&self, code: u64) -> Option<Known> {
        let place = usize::try_from(code.checked_sub(1)?).ok()?;
        self.known.get(place).copied()
    }

    pub(super) fn parts(&self, first: u32, count: u32) -> &[Part] {
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let parts = self.parts.get(number(first)..).unwrap_or_default();
        parts.get(..number(count)).unwrap_or_default()
    }

    fn known(&mut self, unit: &gimli::Unit<Slice<'_>>, abbreviation: &Abbreviation) -> Known {
        let first = self.parts.len();
        let measured = self.measure(unit, abbreviation);
        let length = measured.map(|(bytes, _)| bytes).and_then(|bytes| {
            let count = self.parts.len() - first;
            if count == 0 {
                return Some(Length::Fixed(bytes.into()));
            }
            let then = Then::Nothing;
            self.parts.push(Part { bytes, then });
            Some(Length::Parts {
                first: u32::try_from(first).ok()?,
                count: u32::try_from(count + 1).ok()?,
            })
        });
        Known {
            sibling: measured.and_then(|(_, places)| places.sibling),
            code: measured.and_then(|(_, places)| places.low.zip(places.size)),
            length: length.unwrap_or(Length::Unknown),
            ..Known::of_unknown_length(abbreviation)
        }
    }

    /// Adds the parts, but for the last; gives its bytes, and places in the
    /// first. None where a size is not known.
    fn measure(
        &mut self,
        unit: &gimli::Unit<Slice<'_>>,
        abbreviation: &Abbreviation,
    ) -> Option<(u16, Places)> {
        let mut bytes = 0_u16;
        let mut places = Places::default();
        let mut is_fixed = true;
        for specification in abbreviation.attributes() {
            let form = specification.form();
            if let Some(size) = specification.size(&unit.header) {
                if is_fixed {
                    places.note(specification.name(), form, size, bytes);
                }
                bytes = bytes.checked_add(u16::try_from(size).ok()?)?;
                continue;
            }
            let then = match form {
                gimli::DW_FORM_block | gimli::DW_FORM_exprloc => Then::Block,
                gimli::DW_FORM_udata
                | gimli::DW_FORM_sdata
                | gimli::DW_FORM_ref_udata
                | gimli::DW_FORM_strx
                | gimli::DW_FORM_addrx
                | gimli::DW_FORM_loclistx
                | gimli::DW_FORM_rnglistx => Then::Number,
                _ => return None,
            };
            self.parts.push(Part { bytes, then });
            bytes = 0;
            is_fixed = false;
        }
        Some((bytes, places))
    }
}
