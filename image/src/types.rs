//! Types and variables as DWARF describes them.

use serde::Serialize;

use crate::expression::Expression;
use crate::{SourceLocation, Untrusted};

/// A type's identity within one image: for a type in its own `.debug_info`, its
/// entry's offset there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct TypeId(pub usize);

/// What a variable is to its function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    /// A formal parameter.
    Argument,
    /// A local variable.
    Local,
    /// A global or static.
    Global,
}

/// A variable visible at an address.
#[derive(Clone, Debug)]
pub struct Variable<'data> {
    /// Its name.
    pub name: Untrusted,
    /// What it is.
    pub kind: VariableKind,
    /// Its type, when DWARF names one.
    pub ty: Option<TypeId>,
    /// Where its value is at that address; none when the compiler gives no
    /// location there.
    pub location: Option<VariableLocation<'data>>,
    /// Where it is declared.
    pub declaration: Option<SourceLocation>,
}

/// How to find a variable's value.
#[derive(Clone, Debug)]
pub enum VariableLocation<'data> {
    /// An expression, with the frame base of its function for
    /// `DW_OP_fbreg`.
    Expression {
        /// The location.
        location: Expression<'data>,
        /// The function's frame base.
        frame_base: Option<Expression<'data>>,
    },
    /// A constant, in target byte order.
    Constant(Vec<u8>),
}

/// A type, one level deep: what it refers to is named by [`TypeId`].
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// Name as DWARF gives it: a Rust type's own name, its generic arguments
    /// with their full paths.
    pub name: Option<Untrusted>,
    /// Size in bytes, when stated; a pointer always has one.
    pub size: Option<u64>,
    /// What it is.
    pub kind: TypeKind,
    /// The types it is made with: `T` of a `Vec<T>`.
    pub parameters: Vec<TypeParameter>,
}

/// A generic type's parameter (DWARF 5 §2.23).
#[derive(Clone, Debug, PartialEq)]
pub struct TypeParameter {
    /// What the generic type calls it.
    pub name: Option<Untrusted>,
    /// What stands for it here.
    pub ty: Option<TypeId>,
}

/// A table of a trait's functions for one type.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualTable {
    /// Its name, which names the type and the trait.
    pub name: Untrusted,
    /// The type; none when tables of several types were merged into one.
    pub concrete: Option<TypeId>,
}

/// How the bytes of a base type are read (DWARF 5 table 7.11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseEncoding {
    /// Unsigned integer.
    Unsigned,
    /// Signed integer.
    Signed,
    /// IEEE floating point.
    Float,
    /// Two of those, the real and the imaginary part.
    ComplexFloat,
    /// 0 or 1.
    Boolean,
    /// A Unicode scalar (`DW_ATE_UTF`).
    Unicode,
    /// A C character, signed.
    SignedCharacter,
    /// A C character, unsigned.
    UnsignedCharacter,
    /// An address.
    Address,
}

/// What a type is.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// An integer, float, boolean or character.
    Base(BaseEncoding),
    /// A pointer or reference; none for `void *`.
    Pointer(Option<TypeId>),
    /// A struct, class or tuple. An enum with data has `variants`.
    Struct {
        /// The members.
        members: Vec<Member>,
        /// The variant part, when there is one.
        variants: Option<VariantPart>,
    },
    /// A union.
    Union {
        /// The members, overlaid.
        members: Vec<Member>,
    },
    /// A C-like enumeration.
    Enumeration {
        /// Names and values.
        enumerators: Vec<(Untrusted, i128)>,
        /// Whether values are signed.
        signed: bool,
    },
    /// An array.
    Array {
        /// Element type.
        element: Option<TypeId>,
        /// Elements per dimension, outermost first; none where unknown.
        counts: Vec<Option<u64>>,
    },
    /// Another name for, or a qualified form of, a type; none for `const
    /// void` and the like.
    Alias(Option<TypeId>),
    /// A function, behind a pointer.
    Function,
    /// Declared but not described here.
    Incomplete,
}

/// A member of a struct or union.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: Option<Untrusted>,
    /// Its type.
    pub ty: Option<TypeId>,
    /// Offset in bytes from the start of the struct.
    pub offset: u64,
    /// For a bit-field: offset in bits from the start of the struct, and size
    /// in bits.
    pub bits: Option<(u64, u64)>,
}

/// The variants of an enum with data (DWARF 5 §5.7.10).
#[derive(Clone, Debug, PartialEq)]
pub struct VariantPart {
    /// The discriminant, when it is stored.
    pub discriminant: Option<Member>,
    /// The variants.
    pub variants: Vec<Variant>,
}

/// One variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Discriminant values that select it; none for the default variant.
    pub discriminant: Option<Vec<std::ops::RangeInclusive<i128>>>,
    /// Its members: usually one, named like the variant, whose type holds the
    /// data.
    pub members: Vec<Member>,
}
