//! How many bytes the attributes of an entry take (DWARF 5 §7.5.6), by its
//! abbreviation. Not the attributes.

use gimli::{Abbreviation, DwAt, DwForm, DwTag};

use super::Slice;

/// Abbreviations beyond which the lengths of none are known. Compilers number
/// them from one on, a few hundred in a unit.
const MOST: u64 = 1 << 16;

/// What is known of each abbreviation of a unit.
pub(super) struct AbbreviationLengths {
    /// By code, from one on.
    known: Vec<Known>,
    /// By code, from zero on: what ends a list of children.
    steps: Vec<Step>,
    parts: Vec<Part>,
}

/// What it takes to go past an entry: eight bytes of each abbreviation, since
/// nearly all entries are gone past.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Bytes of its attributes.
    pub(super) length: u16,
    /// What comes then.
    pub(super) then: Then,
    /// Bytes of the attributes after that.
    pub(super) after: u16,
    /// How much deeper the next entry is.
    pub(super) deeper: i8,
    pub(super) kinds: Kinds,
}

/// What questions go over entries for.
#[derive(Clone, Copy)]
pub(super) struct Kinds(u8);

impl Kinds {
    const NONE: Self = Self(0);
    pub(super) const FUNCTION: Self = Self(1);
    pub(super) const INLINED_CALL: Self = Self(2);
    /// A variable at one place wherever the program stands.
    pub(super) const PLACED_VARIABLE: Self = Self(4);
    /// Has children that are functions within functions, or declarations, and
    /// says where its sibling is.
    pub(super) const PASSABLE: Self = Self(8);
    /// Takes more to go past than a step.
    pub(super) const UNMEASURED: Self = Self(16);
    /// A type that has a name and is not only declared.
    pub(super) const NAMED_TYPE: Self = Self(32);
    pub(super) const NAMESPACE: Self = Self(64);

    fn of(abbreviation: &Abbreviation) -> Self {
        match abbreviation.tag() {
            gimli::DW_TAG_subprogram => Self::FUNCTION,
            gimli::DW_TAG_inlined_subroutine => Self::INLINED_CALL,
            gimli::DW_TAG_variable if has_one_location(abbreviation) => Self::PLACED_VARIABLE,
            gimli::DW_TAG_namespace => Self::NAMESPACE,
            gimli::DW_TAG_base_type
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_typedef
                if has(abbreviation, gimli::DW_AT_name)
                    && !has(abbreviation, gimli::DW_AT_declaration) =>
            {
                Self::NAMED_TYPE
            }
            _ => Self::NONE,
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

fn has(abbreviation: &Abbreviation, name: DwAt) -> bool {
    let mut names = abbreviation.attributes().iter().map(|it| it.name());
    names.any(|it| it == name)
}

/// Most locals have a list of locations.
fn has_one_location(abbreviation: &Abbreviation) -> bool {
    let mut attributes = abbreviation.attributes().iter();
    let location = attributes.find(|it| it.name() == gimli::DW_AT_location);
    location.is_some_and(|it| {
        !matches!(
            it.form(),
            gimli::DW_FORM_sec_offset
                | gimli::DW_FORM_loclistx
                | gimli::DW_FORM_data4
                | gimli::DW_FORM_data8
        )
    })
}

/// Whether functions below such an entry, if any, are within functions or
/// only declared.
fn holds_no_outer_function(tag: DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_subprogram
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_array_type
            | gimli::DW_TAG_subroutine_type
    )
}

/// What is known of one abbreviation.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) kinds: Kinds,
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
    Fixed(u16),
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
        Self {
            kinds: Kinds::of(abbreviation),
            has_children: abbreviation.has_children(),
            sibling: None,
            length: Length::Unknown,
            has_code: has(abbreviation, gimli::DW_AT_low_pc)
                || has(abbreviation, gimli::DW_AT_ranges),
            code: None,
        }
    }

    fn step(self, parts: &[Part]) -> Step {
        let step = Step {
            length: 0,
            then: Then::Nothing,
            after: 0,
            deeper: self.has_children.into(),
            kinds: self.kinds,
        };
        match (self.length, parts) {
            (Length::Fixed(length), _) => Step { length, ..step },
            (Length::Parts { .. }, [first, last]) => Step {
                length: first.bytes,
                then: first.then,
                after: last.bytes,
                ..step
            },
            (Length::Parts { .. } | Length::Unknown, _) => Step {
                kinds: self.kinds.or(Kinds::UNMEASURED),
                ..step
            },
        }
    }
}

impl AbbreviationLengths {
    pub(super) fn of(unit: &gimli::Unit<Slice<'_>>) -> Self {
        let end_of_children = Step {
            length: 0,
            then: Then::Nothing,
            after: 0,
            deeper: -1,
            kinds: Kinds::NONE,
        };
        let mut lengths = Self {
            known: Vec::new(),
            steps: vec![end_of_children],
            parts: Vec::new(),
        };
        let codes = (1..MOST).map_while(|code| unit.abbreviations.get(code));
        for abbreviation in codes {
            let first = lengths.parts.len();
            let known = lengths.known(unit, abbreviation);
            lengths.known.push(known);
            lengths.steps.push(known.step(&lengths.parts[first..]));
        }
        lengths
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
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
                return Some(Length::Fixed(bytes));
            }
            let then = Then::Nothing;
            self.parts.push(Part { bytes, then });
            Some(Length::Parts {
                first: u32::try_from(first).ok()?,
                count: u32::try_from(count + 1).ok()?,
            })
        });
        let sibling = measured.and_then(|(_, places)| places.sibling);
        let passable = sibling.is_some()
            && abbreviation.has_children()
            && holds_no_outer_function(abbreviation.tag());
        let other = Known::of_unknown_length(abbreviation);
        Known {
            kinds: if passable {
                other.kinds.or(Kinds::PASSABLE)
            } else {
                other.kinds
            },
            sibling,
            code: measured.and_then(|(_, places)| places.low.zip(places.size)),
            length: length.unwrap_or(Length::Unknown),
            ..other
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
