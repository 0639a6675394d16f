//! What a code address is called in the source: function, inlined functions,
//! file and line.

use std::num::NonZeroU32;
use std::ops::Range;

use serde::Serialize;

use crate::{LinkAddr, TypeId, Untrusted};

/// A function's name, as the linker knows it and as a reader writes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FunctionName {
    /// The linkage name, or the only name there is.
    pub linkage: Untrusted,
    /// Demangled, without the hash of the legacy Rust scheme; equal to
    /// `linkage` when there is nothing to demangle.
    pub demangled: Untrusted,
}

/// A source file, as the compiler recorded it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct SourcePath {
    /// Where the compiler ran, when it says so.
    pub compilation_directory: Option<Untrusted>,
    /// The file's path: absolute, or relative to the compilation directory
    /// when that is unknown.
    pub path: Untrusted,
}

/// A place in the source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SourceLocation {
    /// The file.
    pub file: SourcePath,
    /// The line; none where the compiler says "no line" (0).
    pub line: Option<NonZeroU32>,
    /// The column; none for the left edge or unknown.
    pub column: Option<NonZeroU32>,
}

/// One level of the inline chain at a code address.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SourceFrame {
    /// The function, when it has a name.
    pub function: Option<FunctionName>,
    /// Where in that function: the line table's row for the innermost level,
    /// the call's place for those around it.
    pub location: Option<SourceLocation>,
    /// The function was inlined into the next frame of the chain.
    pub inlined: bool,
}

/// Where a function is known from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionOrigin {
    /// A `DW_TAG_subprogram`.
    Dwarf,
    /// A symbol with a size.
    Symbol,
    /// A symbol without a size: the end is the next symbol or the section's
    /// end.
    UnsizedSymbol,
    /// Unwind rules alone: it has no name.
    UnwindRules,
}

/// A function with code.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Function {
    /// Its name.
    pub name: FunctionName,
    /// Where it is entered.
    pub entry: LinkAddr,
    /// Every range of its code, ascending, hot and cold parts alike.
    #[serde(skip)]
    pub ranges: Vec<Range<LinkAddr>>,
    /// Where it is known from.
    pub origin: FunctionOrigin,
    /// The compiler says it never returns.
    pub noreturn: bool,
    /// Where it is declared.
    pub declaration: Option<SourceLocation>,
}

impl Function {
    /// Whether the address is inside one of the ranges.
    pub fn contains(&self, address: LinkAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(&address))
    }
}

/// A row of the line table, with the code it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineRow {
    /// From its first address to the next row's.
    pub code: Range<LinkAddr>,
    /// The place in the source; of the innermost inlined function.
    pub location: SourceLocation,
    /// A statement begins at its first address: a good place to stop.
    pub is_statement: bool,
}

/// What the compiler says that a function returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReturnType {
    /// It says nothing about the function.
    Unknown,
    /// No value.
    Nothing,
    /// A value of this type.
    Type(TypeId),
}
