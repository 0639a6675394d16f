//! What an ELF image alone says.
//!
//! Bytes go in; functions, source places, unwind rules, types, variables,
//! notes and decoded instructions come out. See [`Image`].
//!
//! Not here: opening files, anything about a running machine, and where an
//! image was loaded.
#![forbid(unsafe_code)]

mod address;
mod cfi;
mod decompressed;
mod demangle;
mod dwarf;
mod elf;
mod error;
mod expression;
mod frames;
mod image;
mod index;
mod instruction;
mod intervals;
mod layout;
mod name_match;
mod notes;
mod section_bytes;
mod source;
mod symbols;
mod types;
mod untrusted;
mod unwind;

pub use address::{Address, CodeAddr, LinkAddr};
pub use decompressed::Decompressed;
pub use error::ImageError;
pub use expression::{Expression, ExpressionContext, ExpressionError, ValueLocation};
/// The decoder's instruction type is part of this crate's interface.
pub use iced_x86;
pub use image::Image;
pub use instruction::{
    Access, DisassembledLine, MemoryOperand, RegisterOperand, Syntax, decode, disassemble,
    instruction_text, memory_operands, register_operands,
};
pub use layout::{DebugLevel, DebugLink, ElfClass, Section, Segment, Symbol};
pub use source::{Function, FunctionName, FunctionOrigin, SourceFrame, SourceLocation, SourcePath};
pub use types::{
    BaseEncoding, Member, Type, TypeId, TypeKind, Variable, VariableKind, VariableLocation,
    Variant, VariantPart,
};
pub use untrusted::Untrusted;
pub use unwind::{
    CfaRule, DwarfRegister, RegisterRule, UNWIND_REGISTERS, UnwindRow, UnwindSection,
};
