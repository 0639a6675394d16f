//! Positions: one number for every unit and entry, whichever section and file
//! holds it. An entry of the image's own `.debug_info` has its offset there,
//! so that an ordinary image's numbers are what other tools print.

/// Positions and offsets are 64 bits wide.
const _: () = assert!(usize::BITS == 64);

const KIND: u32 = 60;
const NUMBER: u32 = 32;
const MOST_NUMBERS: usize = 1 << (KIND - NUMBER);
const MOST_OFFSET: usize = u32::MAX as usize;

/// A section that holds units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum UnitSection {
    /// `.debug_info` of the image.
    Info,
    /// `.debug_types` of the image (DWARF 4).
    Types,
    /// `.debug_info` of the supplementary file.
    Supplementary,
    /// `.debug_info.dwo` that belongs to the image's unit of this number.
    Split(usize),
    /// `.debug_types.dwo` that belongs to it.
    SplitTypes(usize),
    /// `.debug_info.dwo` of a type unit of a package, by its row in the index.
    PackagedType(usize),
    /// `.debug_types.dwo` of one.
    PackagedOldType(usize),
}

impl UnitSection {
    /// The position of an offset in the section; none beyond what positions
    /// can express, which is four gigabytes of entries.
    pub(crate) fn position(self, offset: usize) -> Option<usize> {
        let (kind, number) = match self {
            Self::Info => (0, 0),
            Self::Types => (1, 0),
            Self::Supplementary => (2, 0),
            Self::Split(number) => (3, number),
            Self::SplitTypes(number) => (4, number),
            Self::PackagedType(number) => (5, number),
            Self::PackagedOldType(number) => (6, number),
        };
        let fits = offset <= MOST_OFFSET && number < MOST_NUMBERS;
        fits.then_some(kind << KIND | number << NUMBER | offset)
    }

    /// The section and the offset in it.
    pub(crate) fn of(position: usize) -> Option<(Self, usize)> {
        let number = position >> NUMBER & (MOST_NUMBERS - 1);
        let section = match position >> KIND {
            0 if number == 0 => Self::Info,
            1 => Self::Types,
            2 => Self::Supplementary,
            3 => Self::Split(number),
            4 => Self::SplitTypes(number),
            5 => Self::PackagedType(number),
            6 => Self::PackagedOldType(number),
            _ => return None,
        };
        Some((section, position & MOST_OFFSET))
    }

    /// What a reference by offset in `.debug_info` means in this section.
    pub(crate) fn info(self) -> Option<Self> {
        match self {
            Self::Info | Self::Types => Some(Self::Info),
            Self::Supplementary => Some(Self::Supplementary),
            Self::Split(number) | Self::SplitTypes(number) => Some(Self::Split(number)),
            // A package's type unit has no other unit beside it.
            Self::PackagedType(_) | Self::PackagedOldType(_) => None,
        }
    }

    /// Whether it is a section of type units only.
    pub(crate) fn is_types(self) -> bool {
        matches!(
            self,
            Self::Types | Self::SplitTypes(_) | Self::PackagedOldType(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_lead_back() {
        for section in [
            UnitSection::Info,
            UnitSection::Types,
            UnitSection::Supplementary,
            UnitSection::Split(0),
            UnitSection::SplitTypes(MOST_NUMBERS - 1),
            UnitSection::PackagedType(7),
        ] {
            for offset in [0, 11, MOST_OFFSET] {
                let position = section.position(offset).expect("it fits");
                assert_eq!(UnitSection::of(position), Some((section, offset)));
            }
        }
        assert_eq!(UnitSection::Info.position(11), Some(11));
    }

    #[test]
    fn what_does_not_fit_has_no_position() {
        assert_eq!(UnitSection::Info.position(MOST_OFFSET + 1), None);
        assert_eq!(UnitSection::Split(MOST_NUMBERS).position(0), None);
        assert_eq!(UnitSection::of(1 << NUMBER), None);
        assert_eq!(UnitSection::of(usize::MAX), None);
    }
}
