//! GDB's format letters: how numbers are written and how large they are.

use std::str::FromStr;

use serde::Serialize;

/// Units that are read at once at most.
const MOST_UNITS: u32 = 1 << 16;

/// `16gx`: how many, how large, how written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Format {
    /// How many units; one unless said.
    pub count: Option<u32>,
    /// The size of one; none unless said.
    pub size: Option<UnitSize>,
    /// How one is written; none unless said.
    pub letter: Option<Letter>,
}

/// The size of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitSize {
    /// `b`: 1 byte.
    Byte,
    /// `h`: 2 bytes.
    Half,
    /// `w`: 4 bytes.
    Word,
    /// `g`: 8 bytes.
    Giant,
}

/// How a unit is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Letter {
    /// `x`: hexadecimal.
    Hexadecimal,
    /// `d`: decimal, signed.
    Decimal,
    /// `u`: decimal, unsigned.
    Unsigned,
    /// `o`: octal.
    Octal,
    /// `t`: binary.
    Binary,
    /// `a`: an address with its name.
    Address,
    /// `c`: a character with its number.
    Character,
    /// `f`: a floating-point number.
    Float,
    /// `s`: text up to a zero.
    Text,
    /// `i`: an instruction.
    Instruction,
}

/// A format that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A letter that means nothing.
    #[error(
        "`{letter}` is no format letter: x d u o t a c f s i say how a unit is written, b h w g \
         how large it is"
    )]
    Letter {
        /// The letter.
        letter: char,
    },
    /// Two letters that say the same thing.
    #[error("`{text}` says twice how a unit is written, or how large it is")]
    Twice {
        /// The format.
        text: String,
    },
    /// More than can be shown.
    #[error("at most {most} units are shown at once")]
    Count {
        /// The limit.
        most: u32,
    },
}

impl UnitSize {
    /// In bytes.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
            Self::Giant => 8,
        }
    }
}

impl FromStr for Format {
    type Err = FormatError;

    /// A count, then letters in any order; a slash before it is allowed.
    fn from_str(text: &str) -> Result<Self, FormatError> {
        let text = text.strip_prefix('/').unwrap_or(text);
        let letters = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let digits = &text[..text.len() - letters.len()];
        let mut format = Self {
            count: None,
            size: None,
            letter: None,
        };
        if !digits.is_empty() {
            let count = digits.parse().ok().filter(|&count| count <= MOST_UNITS);
            format.count = Some(count.ok_or(FormatError::Count { most: MOST_UNITS })?);
        }
        let twice = || FormatError::Twice {
            text: text.to_owned(),
        };
        for character in letters.chars() {
            if let Some(size) = size_of(character) {
                if format.size.replace(size).is_some() {
                    return Err(twice());
                }
            } else if let Some(letter) = letter_of(character) {
                if format.letter.replace(letter).is_some() {
                    return Err(twice());
                }
            } else {
                return Err(FormatError::Letter { letter: character });
            }
        }
        Ok(format)
    }
}

fn size_of(character: char) -> Option<UnitSize> {
    Some(match character {
        'b' => UnitSize::Byte,
        'h' => UnitSize::Half,
        'w' => UnitSize::Word,
        'g' => UnitSize::Giant,
        _ => return None,
    })
}

fn letter_of(character: char) -> Option<Letter> {
    Some(match character {
        'x' => Letter::Hexadecimal,
        'd' => Letter::Decimal,
        'u' => Letter::Unsigned,
        'o' => Letter::Octal,
        't' => Letter::Binary,
        'a' => Letter::Address,
        'c' => Letter::Character,
        'f' => Letter::Float,
        's' => Letter::Text,
        'i' => Letter::Instruction,
        _ => return None,
    })
}

impl Letter {
    /// A number of so many bytes as text; none for a letter that writes no
    /// numbers. In memory all digits are shown, in a value only those that
    /// count.
    pub(crate) fn write(self, bits: u128, bytes: u64, digits: Digits) -> Option<String> {
        let width = |per_byte: f64| match digits {
            Digits::All => (bytes as f64 * per_byte).ceil() as usize,
            Digits::Needed => 1,
        };
        Some(match self {
            Self::Hexadecimal => format!("0x{bits:0width$x}", width = width(2.0)),
            Self::Decimal => signed(bits, bytes).to_string(),
            Self::Unsigned => bits.to_string(),
            Self::Octal => match bits {
                0 => "0".to_owned(),
                _ => format!("0{bits:o}"),
            },
            Self::Binary => format!("{bits:0width$b}", width = width(8.0)),
            Self::Address => format!("{bits:#x}"),
            Self::Character => character(bits),
            Self::Float => match bytes {
                4 => format!("{:?}", f32::from_bits(bits as u32)),
                8 => format!("{:?}", f64::from_bits(bits as u64)),
                _ => signed(bits, bytes).to_string(),
            },
            Self::Text | Self::Instruction => return None,
        })
    }
}

/// Which digits of a number are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digits {
    All,
    Needed,
}

fn signed(bits: u128, bytes: u64) -> i128 {
    let unused = 128_u32.saturating_sub(u32::try_from(bytes * 8).unwrap_or(128));
    (bits << unused).cast_signed() >> unused
}

/// `97 'a'`, as GDB writes it: of a larger unit the lowest byte counts.
fn character(bits: u128) -> String {
    let byte = bits as u8;
    let shown = match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        _ => format!("\\{byte:03o}"),
    };
    format!("{} '{shown}'", byte.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::{Digits, Format, Letter, UnitSize};

    #[test]
    fn formats() {
        type Parts = (Option<u32>, Option<UnitSize>, Option<Letter>);
        let check = |text: &str, expected: Result<Parts, &str>| {
            let got = text.parse::<Format>();
            match (got, expected) {
                (Ok(got), Ok(expected)) => {
                    assert_eq!((got.count, got.size, got.letter), expected, "{text}");
                }
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().starts_with(expected), "{text}: {error}");
                }
                (got, _) => panic!("{text} gave {got:?}"),
            }
        };
        let hexadecimal = Some(Letter::Hexadecimal);
        check("16gx", Ok((Some(16), Some(UnitSize::Giant), hexadecimal)));
        check("/16xg", Ok((Some(16), Some(UnitSize::Giant), hexadecimal)));
        check("x", Ok((None, None, hexadecimal)));
        check("8b", Ok((Some(8), Some(UnitSize::Byte), None)));
        check("", Ok((None, None, None)));
        check("5i", Ok((Some(5), None, Some(Letter::Instruction))));
        check("16gg", Err("`16gg` says twice"));
        check("xd", Err("`xd` says twice"));
        check("4q", Err("`q` is no format letter"));
        check("999999999999", Err("at most"));
        check("70000x", Err("at most"));
        check("é", Err("`é` is no"));
    }

    #[test]
    fn numbers_are_written_as_gdb_writes_them() {
        let check = |letter: Letter, bits: u128, bytes: u64, all: &str, needed: &str| {
            let write = |digits| letter.write(bits, bytes, digits);
            assert_eq!(write(Digits::All).as_deref(), Some(all));
            assert_eq!(write(Digits::Needed).as_deref(), Some(needed));
        };
        check(Letter::Hexadecimal, 0x2a, 4, "0x0000002a", "0x2a");
        check(Letter::Hexadecimal, 0, 8, "0x0000000000000000", "0x0");
        check(Letter::Decimal, 0xff, 1, "-1", "-1");
        check(Letter::Decimal, 0xff, 2, "255", "255");
        check(
            Letter::Unsigned,
            u64::MAX.into(),
            8,
            "18446744073709551615",
            "18446744073709551615",
        );
        check(Letter::Octal, 8, 2, "010", "010");
        check(Letter::Octal, 0, 2, "0", "0");
        check(Letter::Binary, 5, 1, "00000101", "101");
        check(Letter::Character, 97, 1, "97 'a'", "97 'a'");
        check(Letter::Character, 0, 1, "0 '\\000'", "0 '\\000'");
        check(Letter::Character, 0x80, 1, "-128 '\\200'", "-128 '\\200'");
        check(Letter::Float, f64::to_bits(1.5).into(), 8, "1.5", "1.5");
        check(Letter::Address, 0x1000, 8, "0x1000", "0x1000");
        assert_eq!(Letter::Text.write(1, 1, Digits::All), None);
    }
}
