//! What is wrong with an expression, and where in it.

use ukdbg_inspect::{PlaceError, VirtAddr};

/// An expression that has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ExpressionError {
    /// The expression as it was typed.
    pub text: String,
    /// The first character that is meant, from 0.
    pub column: usize,
    /// How many characters are meant, at least 1.
    pub length: usize,
    /// What is wrong.
    pub kind: ExpressionErrorKind,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionErrorKind {
    /// It is longer than anybody types.
    #[error("the expression is longer than {limit} characters")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// It is nested deeper than anybody types.
    #[error("the expression is nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A character that belongs to nothing.
    #[error("`{character}` does not belong in an expression")]
    Character {
        /// The character.
        character: char,
    },
    /// Digits that are no number.
    #[error("`{digits}` is not a number of at most 128 bits")]
    BadNumber {
        /// The digits.
        digits: String,
    },
    /// A quote without its other half.
    #[error("the quote is not closed")]
    OpenQuote,
    /// Something else belongs here.
    #[error("expected {expected}, not {found}")]
    Expected {
        /// What belongs here.
        expected: &'static str,
        /// What is here.
        found: String,
    },
    /// No value of that number has been asked for, or it is forgotten.
    #[error("there is no value `${name}`")]
    NoSuchValue {
        /// Its number, as typed behind the `$`.
        name: String,
    },
    /// Nothing has that name.
    #[error("no variable, static, register or function `{name}` here")]
    UnknownName {
        /// The name.
        name: String,
        /// Names close to it.
        near: Vec<String>,
    },
    /// Several things have that name.
    #[error("`{name}` names {} places", .candidates.len())]
    Ambiguous {
        /// The name.
        name: String,
        /// All of them, with their addresses.
        candidates: Vec<(String, VirtAddr)>,
    },
    /// No type has that name.
    #[error("the images describe no type `{name}`")]
    UnknownType {
        /// The name.
        name: String,
    },
    /// There is no such register.
    #[error("there is no register `{name}`")]
    UnknownRegister {
        /// The name.
        name: String,
    },
    /// The register is not known in this frame.
    #[error("the value of `{name}` is not known in this frame")]
    RegisterUnavailable {
        /// The name.
        name: String,
    },
    /// The machine has no CPU.
    #[error("there are no registers: the machine has no CPU, as an image that does not run")]
    NoRegisters,
    /// A step that cannot be taken.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The result has no room in 128 bits.
    #[error("the result does not fit in 128 bits")]
    Overflow,
    /// By zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A shift by more bits than there are.
    #[error("a shift by {bits} bits")]
    Shift {
        /// The bits.
        bits: i128,
    },
    /// Fractions have no bits to compute with.
    #[error("a floating-point number has no bits to shift or combine: cast it first")]
    Float,
    /// Text is no value of the machine.
    #[error("text can be compared with `==` and `!=`, and be a map's key")]
    Text,
    /// An index below zero, or beyond 64 bits.
    #[error("{index} cannot be an index")]
    BadIndex {
        /// The number.
        index: i128,
    },
}
