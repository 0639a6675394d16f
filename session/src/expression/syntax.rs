//! What an expression is made of.

use ukdbg_image::BaseEncoding;

/// A range of characters of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    /// From the start of one to the end of another.
    pub(super) fn to(self, other: Self) -> Self {
        Self {
            start: self.start,
            end: other.end,
        }
    }
}

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) kind: NodeKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum NodeKind {
    Number(u128),
    Fraction(f64),
    Character(char),
    Boolean(bool),
    Text(String),
    /// A variable, static, register or function.
    Name(String),
    Register(String),
    Field(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    Slice(Box<Node>, Option<Box<Node>>, Option<Box<Node>>),
    Unary(Unary, Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    Cast(Box<Node>, TypeName),
    SizeOf(Box<Node>),
    SizeOfType(TypeName),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    Dereference,
    AddressOf,
    Negate,
    Not,
    Complement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    ShiftLeft,
    ShiftRight,
    And,
    Xor,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    BothTrue,
    EitherTrue,
    /// GDB's `first@count`.
    Repeat,
}

/// A type as it is typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TypeName {
    Base(BaseEncoding, u64),
    Named(String, Span),
    Void,
    Pointer(Box<TypeName>),
    Array(Box<TypeName>, u64),
}

impl TypeName {
    /// A type that every program has, by its Rust or C name.
    pub(super) fn primitive(name: &str) -> Option<Self> {
        use BaseEncoding::{Boolean, Float, Signed, SignedCharacter, Unicode, Unsigned};
        let (encoding, size) = match name {
            "u8" | "uint8_t" => (Unsigned, 1),
            "u16" | "uint16_t" => (Unsigned, 2),
            "u32" | "uint32_t" | "unsigned" => (Unsigned, 4),
            "u64" | "usize" | "uint64_t" | "size_t" | "uintptr_t" => (Unsigned, 8),
            "u128" => (Unsigned, 16),
            "i8" | "int8_t" => (Signed, 1),
            "i16" | "int16_t" | "short" => (Signed, 2),
            "i32" | "int32_t" | "int" => (Signed, 4),
            "i64" | "isize" | "int64_t" | "ssize_t" | "intptr_t" | "long" => (Signed, 8),
            "i128" => (Signed, 16),
            "f32" | "float" => (Float, 4),
            "f64" | "double" => (Float, 8),
            "bool" | "_Bool" => (Boolean, 1),
            "char" => (Unicode, 4),
            "c_char" => (SignedCharacter, 1),
            "void" => return Some(Self::Void),
            _ => return None,
        };
        Some(Self::Base(encoding, size))
    }
}
