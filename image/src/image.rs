//! The image itself: the one type through which everything else is asked.

use std::ops::Range;

use crate::{
    CodeAddr, Decompressed, Expression, ExpressionContext, ExpressionError, Function, ImageError,
    LinkAddr, SourceFrame, SourcePath, Type, TypeId, UnwindRow, ValueLocation, Variable,
};

/// A parsed ELF image, with the debugging information that belongs to it.
///
/// Parsing reads headers only; every index is built when a question first
/// needs it, once, and kept. It is `Send + Sync`.
pub struct Image<'data> {
    data: &'data [u8],
}

/// ELF class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ElfClass {
    /// 32-bit: for us a boot wrapper around 64-bit code.
    Elf32,
    /// 64-bit.
    Elf64,
}

/// A loadable segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment<'data> {
    /// Where it is linked, memory size.
    pub addresses: Range<LinkAddr>,
    /// Physical load address (`p_paddr`).
    pub physical: u64,
    /// Initialised bytes, from the start of the segment; empty in a file that
    /// holds debugging information only.
    pub bytes: &'data [u8],
    /// It can be executed.
    pub executable: bool,
    /// It can be written.
    pub writable: bool,
}

/// A section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section<'data> {
    /// Its name.
    pub name: &'data [u8],
    /// Where it is linked; 0-based for a section that is not loaded.
    pub address: LinkAddr,
    /// Its size in memory.
    pub size: u64,
    /// Its bytes; empty when it has none in the file.
    pub bytes: &'data [u8],
    /// It is loaded.
    pub allocated: bool,
    /// It holds code.
    pub executable: bool,
}

/// A file that holds debugging information, as its image names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DebugLink<'data> {
    /// File name, without a folder.
    pub file_name: &'data [u8],
    /// CRC-32 of that file.
    pub checksum: u32,
}

/// What debugging information an image offers, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DebugLevel {
    /// DWARF `.debug_info`.
    Dwarf,
    /// A symbol table only.
    Symbols,
    /// Nothing.
    None,
}

impl<'data> Image<'data> {
    /// Parses an ELF file. Headers only. `room` takes the sections that are
    /// stored compressed, once a question needs them.
    pub fn parse(data: &'data [u8], room: &'data Decompressed) -> Result<Self, ImageError> {
        let _ = room;
        Ok(Self { data })
    }

    /// Parses an ELF file whose debugging information is in another file
    /// (what `objcopy --only-keep-debug` or `strip` left apart). A section is
    /// taken from the first of the two files that has its bytes.
    pub fn parse_with_companion(
        data: &'data [u8],
        companion: &'data [u8],
        room: &'data Decompressed,
    ) -> Result<Self, ImageError> {
        let _ = (companion, room);
        Ok(Self { data })
    }

    /// Whether `debug` is the debugging information of this image: the same
    /// build-id; without build-ids, code sections of the same names, addresses
    /// and sizes.
    pub fn is_companion(&self, debug: &Image<'_>) -> bool {
        let _ = debug;
        false
    }

    /// 32 or 64 bits.
    pub fn class(&self) -> ElfClass {
        ElfClass::Elf64
    }

    /// The entry address of the ELF header.
    pub fn entry(&self) -> LinkAddr {
        LinkAddr(0)
    }

    /// Loadable segments.
    pub fn segments(&self) -> &[Segment<'data>] {
        &[]
    }

    /// A section by name, decompressed when need be.
    pub fn section(&self, name: &str) -> Option<Section<'data>> {
        let _ = name;
        None
    }

    /// The section that holds a loaded address.
    pub fn section_at(&self, address: LinkAddr) -> Option<Section<'data>> {
        let _ = address;
        None
    }

    /// Initialised bytes at an address, to the end of its segment's file
    /// bytes.
    pub fn bytes_at(&self, address: LinkAddr) -> Option<&'data [u8]> {
        let _ = (address, self.data);
        None
    }

    /// The GNU build-id.
    pub fn build_id(&self) -> Option<&'data [u8]> {
        None
    }

    /// Descriptors of the notes of that owner (with its zero) and type, from
    /// segments and sections.
    pub fn notes(&self, owner: &[u8], kind: u32) -> Vec<&'data [u8]> {
        let _ = (owner, kind);
        Vec::new()
    }

    /// What the image offers.
    pub fn debug_level(&self) -> DebugLevel {
        DebugLevel::None
    }

    /// The function whose code holds an address: from DWARF, else from the
    /// symbol table.
    pub fn function_at(&self, address: LinkAddr) -> Option<Function> {
        let _ = address;
        None
    }

    /// Functions of that name: the linkage name, the demangled name, or its
    /// last path components (`insert`, `Book::insert`).
    pub fn functions_named(&self, name: &str) -> Vec<Function> {
        let _ = name;
        Vec::new()
    }

    /// Demangled names close to one that was not found, best first.
    pub fn near_names(&self, name: &str, most: usize) -> Vec<String> {
        let _ = (name, most);
        Vec::new()
    }

    /// Every function with code, ascending by entry.
    pub fn functions(&self) -> Vec<Function> {
        Vec::new()
    }

    /// The symbol at or before an address within its section, with the
    /// distance: functions and data objects alike.
    pub fn symbol_at(&self, address: LinkAddr) -> Option<Symbol> {
        let _ = address;
        None
    }

    /// A symbol's value by its exact linkage name.
    pub fn symbol_named(&self, name: &str) -> Option<Symbol> {
        let _ = name;
        None
    }

    /// The inline chain at a code address, innermost first; the last is the
    /// function itself. Empty when nothing is known, not even a symbol.
    pub fn source_frames(&self, address: CodeAddr<LinkAddr>) -> Vec<SourceFrame> {
        let _ = address;
        Vec::new()
    }

    /// First instruction addresses of the statements at a line. `file` matches
    /// a path's last components.
    pub fn addresses_of_line(&self, file: &str, line: u32) -> Vec<LinkAddr> {
        let _ = (file, line);
        Vec::new()
    }

    /// The unwind rules at an address: `.eh_frame`, else `.debug_frame`.
    pub fn unwind_row(&self, address: LinkAddr) -> Option<UnwindRow<'data>> {
        let _ = address;
        None
    }

    /// Arguments and locals visible at a code address, for one level of its
    /// inline chain (0 the innermost).
    pub fn variables(
        &self,
        address: CodeAddr<LinkAddr>,
        inline_level: usize,
    ) -> Vec<Variable<'data>> {
        let _ = (address, inline_level);
        Vec::new()
    }

    /// Evaluates an expression against a machine. `frame_base` answers
    /// `DW_OP_fbreg`.
    pub fn evaluate(
        &self,
        expression: &Expression<'data>,
        frame_base: Option<&Expression<'data>>,
        context: &mut dyn ExpressionContext,
    ) -> Result<ValueLocation, ExpressionError> {
        let _ = (expression, frame_base, context);
        Err(ExpressionError::Unusable {
            what: String::new(),
        })
    }

    /// Name and checksum of the file that holds the debugging information
    /// (`.gnu_debuglink`).
    pub fn debug_link(&self) -> Option<DebugLink<'data>> {
        None
    }

    /// Globals and statics of that name, by the rules of
    /// [`Image::functions_named`].
    pub fn globals_named(&self, name: &str) -> Vec<Variable<'data>> {
        let _ = name;
        Vec::new()
    }

    /// A type.
    pub fn type_of(&self, id: TypeId) -> Option<Type> {
        let _ = id;
        None
    }

    /// Directory of the compilation unit at an address and its primary file.
    pub fn compilation_unit(&self, address: LinkAddr) -> Option<SourcePath> {
        let _ = address;
        None
    }
}

/// A symbol.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Symbol {
    /// Its name.
    pub name: crate::FunctionName,
    /// Its value.
    pub address: LinkAddr,
    /// Its size, 0 when the assembler gave none.
    pub size: u64,
    /// Whether it names code.
    pub is_function: bool,
}
