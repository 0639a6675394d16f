//! What an ELF image alone says.
//!
//! Bytes go in; functions, source places, unwind rules, types, variables,
//! notes and decoded instructions come out. Everything is asked of an
//! [`Image`]:
//!
//! ```
//! use ukdbg_image::{CodeAddr, Decompressed, Image};
//!
//! let bytes = std::fs::read(std::env::current_exe()?)?;
//! let room = Decompressed::default();
//! let image = Image::parse(&bytes, &room)?;
//! for frame in image.source_frames(CodeAddr::Exact(image.entry())) {
//!     println!("{:?} at {:?}", frame.function, frame.location);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | question | asked with |
//! |---|---|
//! | which function is this, what is it called | [`Image::function_at`], [`Image::functions_named`], [`Image::near_names`] |
//! | where in the source, inlined calls included | [`Image::source_frames`] |
//! | where is this line, where does a step along lines end | [`Image::addresses_of_line`], [`Image::line_with_code`], [`Image::line_row`] |
//! | where was this function inlined, does a copy begin here | [`Image::inlined_copies`], [`Image::inlined_calls_entered`] |
//! | how is the caller found | [`Image::unwind_row`], [`Image::plain_row`] |
//! | what are the variables here, and of what type | [`Image::variables`], [`Image::globals_named`], [`Image::type_of`], [`Image::virtual_table_at`] |
//! | where is a variable's value | [`Image::evaluate`], [`Image::call_site`] |
//! | which functions are there, where does their control go | [`Image::outlines`], [`Image::block_map`], [`Image::landing_pads`], [`Image::imports`] |
//! | what does this instruction do | [`disassemble`], [`memory_operands`], [`register_operands`] |
//!
//! # What a caller must know
//!
//! - Parsing reads headers only. The first question of a kind may build an
//!   index; it is kept, and shared by all threads. One address of a large
//!   kernel needs one unit of it.
//! - ELF64, and ELF32 as a wrapper around 64-bit code; DWARF 4 and 5 from GCC,
//!   Clang and rustc, with type units; sections compressed by zlib or zstd.
//!   Split DWARF (`.dwo`, `.dwp`) and what dwz made common to several images
//!   are read from files that [`CompanionFiles`] finds, each when a question
//!   first touches it; those that are missing are listed
//!   ([`Image::missing_files`]), and what the image itself says still counts. Relocations of
//!   debugging sections that a linker left in an executable (`--emit-relocs`)
//!   are ignored: they are applied already.
//! - The file is not trusted. What is malformed gives fewer answers, never a
//!   panic; what is read before a malformed place is kept.
//! - Names and paths are [`Untrusted`]: whoever prints them escapes them.
//! - An answer that is not there means "not known". A function whose extent is
//!   a guess says so ([`FunctionOrigin::UnsizedSymbol`]).
//!
//! # Not here
//!
//! Opening files (a companion's bytes are handed in: [`Image::debug_link`],
//! [`Image::build_id`], [`Image::is_companion`] and [`WantedFile`] say which),
//! anything about a running machine, and where an image was loaded: every
//! address here is a [`LinkAddr`].
#![forbid(unsafe_code)]

mod address;
mod block_map;
mod cfi;
mod companions;
mod decompressed;
mod demangle;
mod dwarf;
mod elf;
mod error;
mod expression;
mod frames;
mod image;
mod imports;
mod index;
mod instruction;
mod intervals;
mod kept_index;
mod landing_pads;
mod layout;
mod leb128;
mod name_match;
mod notes;
mod outline;
mod section_bytes;
mod source;
mod stepping;
mod symbols;
mod types;
mod untrusted;
mod unwind;

pub use address::{Address, CodeAddr, LinkAddr};
pub use block_map::{BlockMap, MappedBlock, MappedFunction};
pub use companions::{CompanionFiles, MissingFile, TriedPlace, WantedFile};
pub use decompressed::Decompressed;
pub use error::ImageError;
pub use expression::{CallSite, Expression, ExpressionContext, ExpressionError, ValueLocation};
/// The decoder's instruction type is part of this crate's interface.
pub use iced_x86;
pub use image::Image;
pub use instruction::{
    Access, DisassembledLine, MemoryOperand, RegisterOperand, Syntax, decode, disassemble,
    instruction_text, memory_operands, register_operands,
};
pub use kept_index::{IndexKind, IndexStore};
pub use landing_pads::LandingPad;
pub use layout::{DebugLevel, DebugLink, ElfClass, Section, Segment, Symbol};
pub use outline::Outline;
pub use source::{
    Function, FunctionName, FunctionOrigin, LineRow, ReturnType, SourceFrame, SourceLocation,
    SourcePath,
};
pub use types::{
    BaseEncoding, Member, Type, TypeId, TypeKind, TypeParameter, Variable, VariableKind,
    VariableLocation, Variant, VariantPart, VirtualTable,
};
pub use untrusted::Untrusted;
pub use unwind::{
    CfaRule, DwarfRegister, PlainRow, RegisterRule, UNWIND_REGISTERS, UnwindRow, UnwindSection,
};
