//! The image itself: the one type through which everything else is asked.
//! It answers by asking the modules that know; nothing is read here.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::cfi::CallFrames;
use crate::companions::Companions;
use crate::demangle::function_name;
use crate::dwarf::globals::GlobalIndex;
use crate::dwarf::{Debug, Scope, call_sites, evaluate, lines, type_names, types, variables};
use crate::elf::{Elf, ElfSection};
use crate::frames;
use crate::index::FunctionIndex;
use crate::kept_index::KeptIndexes;
use crate::layout::{DebugLevel, DebugLink, ElfClass, Section, Segment, Symbol};
use crate::symbols::{SymbolFunction, Symbols};
use crate::{
    BlockMap, CallSite, CodeAddr, CompanionFiles, Decompressed, Expression, ExpressionContext,
    ExpressionError, Function, FunctionName, ImageError, IndexStore, LinkAddr, MissingFile,
    PlainRow, SourceFrame, SourcePath, Type, TypeId, UnwindRow, ValueLocation, Variable, notes,
};

mod by_name;
mod code_facts;

/// A parsed ELF image, with the debugging information that belongs to it.
///
/// Parsing reads headers only; every index is built when a question first
/// needs it, once, and kept. It is `Send + Sync`.
pub struct Image<'data> {
    file: Elf<'data>,
    /// Its debugging information, when that is in a file of its own.
    companion: Option<Elf<'data>>,
    /// Further files that it wants.
    companions: Arc<Companions<'data>>,
    symbols: OnceLock<Option<Symbols<'data>>>,
    symbol_functions: OnceLock<Vec<SymbolFunction<'data>>>,
    debug: OnceLock<Option<Debug<'data>>>,
    call_frames: OnceLock<CallFrames<'data>>,
    functions: OnceLock<FunctionIndex<'data>>,
    globals: OnceLock<GlobalIndex<'data>>,
    block_map: OnceLock<BlockMap>,
    kept: KeptIndexes<'data>,
}

impl<'data> Image<'data> {
    /// Parses an ELF file. Headers only. `room` takes the sections that are
    /// stored compressed, once a question needs them.
    pub fn parse(data: &'data [u8], room: &'data Decompressed) -> Result<Self, ImageError> {
        let file = Elf::parse(data, room)?;
        Ok(Self::of_files(file, None, Companions::new(room)))
    }

    /// Parses an ELF file whose debugging information is in another file
    /// (what `objcopy --only-keep-debug` or `strip` left apart). A section is
    /// taken from the first of the two files that has its bytes.
    pub fn parse_with_companion(
        data: &'data [u8],
        companion: &'data [u8],
        room: &'data Decompressed,
    ) -> Result<Self, ImageError> {
        let companion = Elf::parse(companion, room)?;
        let file = Elf::parse(data, room)?;
        Ok(Self::of_files(file, Some(companion), Companions::new(room)))
    }

    /// The same image, which asks `files` for what it wants beside itself.
    #[must_use]
    pub fn with_companion_files(self, files: impl CompanionFiles<'data> + 'data) -> Self {
        // What was read without them is forgotten.
        let companions = self.companions.found_by(Arc::new(files));
        Self {
            kept: self.kept,
            ..Self::of_files(self.file, self.companion, companions)
        }
    }

    /// The same image, which keeps indexes in `store` that take long to build.
    /// One without a build-id keeps none.
    #[must_use]
    pub fn with_index_store(mut self, store: impl IndexStore<'data> + 'data) -> Self {
        self.kept = KeptIndexes::new(store);
        self
    }

    /// Files that questions so far wanted and that were not found. What they
    /// describe is left out of the answers.
    pub fn missing_files(&self) -> Vec<MissingFile> {
        self.companions.missing()
    }

    /// Whether it is no image itself, but what images refer to: it holds split
    /// units, or entries and not even the place of any code.
    pub fn is_supplement(&self) -> bool {
        let has = |name: &[u8]| self.file.section_named(name).is_some();
        let without_code = self.file.code_ranges().is_empty();
        has(b".debug_info.dwo") || (has(b".debug_info") && without_code)
    }

    fn of_files(
        file: Elf<'data>,
        companion: Option<Elf<'data>>,
        companions: Companions<'data>,
    ) -> Self {
        Self {
            file,
            companion,
            companions: Arc::new(companions),
            symbols: OnceLock::new(),
            symbol_functions: OnceLock::new(),
            debug: OnceLock::new(),
            call_frames: OnceLock::new(),
            functions: OnceLock::new(),
            globals: OnceLock::new(),
            block_map: OnceLock::new(),
            kept: KeptIndexes::default(),
        }
    }

    /// Whether `debug` is the debugging information of this image: the same
    /// build-id; without build-ids, code sections of the same names, addresses
    /// and sizes.
    pub fn is_companion(&self, debug: &Image<'_>) -> bool {
        match (self.build_id(), debug.build_id()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => self.file.has_same_code(&debug.file),
        }
    }

    /// 32 or 64 bits.
    pub fn class(&self) -> ElfClass {
        self.file.class
    }

    /// The entry address of the ELF header.
    pub fn entry(&self) -> LinkAddr {
        self.file.entry
    }

    /// Loadable segments.
    pub fn segments(&self) -> &[Segment<'data>] {
        &self.file.segments
    }

    /// A section by name, decompressed when need be.
    pub fn section(&self, name: &str) -> Option<Section<'data>> {
        let sections = self
            .files()
            .filter_map(|file| Some((file, file.section_named(name.as_bytes())?)));
        let with_bytes = sections.clone().find(|(_, section)| section.has_bytes());
        let (file, section) = with_bytes.or_else(|| sections.into_iter().next())?;
        Some(to_section(file, section))
    }

    /// Every section of the image's own file, in the order of its headers.
    /// Compressed ones are decompressed.
    pub fn sections(&self) -> Vec<Section<'data>> {
        let sections = self.file.sections.iter();
        sections
            .map(|section| to_section(&self.file, section))
            .collect()
    }

    fn files(&self) -> impl Iterator<Item = &Elf<'data>> + Clone {
        std::iter::once(&self.file).chain(&self.companion)
    }

    /// The section that holds a loaded address.
    pub fn section_at(&self, address: LinkAddr) -> Option<Section<'data>> {
        let holds = |section: &&ElfSection<'_>| section.holds(address.0);
        let section = self.file.sections.iter().find(holds)?;
        Some(to_section(&self.file, section))
    }

    /// Whether an address can be executed: by its section, and where no
    /// section holds it, by its segment. With the addresses around it, in the
    /// same section and segment, of which the same is true.
    pub fn executable_around(&self, address: LinkAddr) -> (bool, Range<LinkAddr>) {
        self.file.executable_around(address)
    }

    /// Initialised bytes at an address, to the end of its segment's file
    /// bytes.
    pub fn bytes_at(&self, address: LinkAddr) -> Option<&'data [u8]> {
        self.file.segments.iter().find_map(|segment| {
            let offset = address.offset_from(segment.addresses.start)?;
            let bytes = segment.bytes.get(usize::try_from(offset).ok()?..)?;
            (!bytes.is_empty()).then_some(bytes)
        })
    }

    /// The GNU build-id.
    pub fn build_id(&self) -> Option<&'data [u8]> {
        notes::build_id(&self.file.notes)
    }

    /// Descriptors of the notes of that owner (with its zero) and type, from
    /// segments and sections.
    pub fn notes(&self, owner: &[u8], kind: u32) -> Vec<&'data [u8]> {
        notes::descriptors(&self.file.notes, owner, kind)
    }

    /// What the image offers.
    pub fn debug_level(&self) -> DebugLevel {
        if self.debug().is_some() {
            DebugLevel::Dwarf
        } else if self.symbols().is_some() {
            DebugLevel::Symbols
        } else {
            DebugLevel::None
        }
    }

    pub(crate) fn debug(&self) -> Option<&Debug<'data>> {
        let debug = self.debug.get_or_init(|| {
            let section = |name: &str| {
                self.files()
                    .find_map(|file| file.bytes_of(file.section_named(name.as_bytes())?))
            };
            let described = self
                .files()
                .find(|file| file.named_bytes(b".debug_info").is_some())?;
            let supplementary = self.companions.supplementary(described);
            let companions = Arc::clone(&self.companions);
            Debug::new(self.file.code_ranges(), section, supplementary, companions)
        });
        debug.as_ref()
    }

    fn symbols(&self) -> Option<&Symbols<'data>> {
        let symbols = self.symbols.get_or_init(|| Symbols::of_files(self.files()));
        symbols.as_ref()
    }

    /// The symbol table's function at an address.
    fn symbol_function_at(&self, address: u64) -> Option<Function> {
        let functions = self
            .symbol_functions
            .get_or_init(|| self.symbols().map_or_else(Vec::new, Symbols::functions));
        let after = functions.partition_point(|function| function.range.start <= address);
        let function = functions.get(after.checked_sub(1)?)?;
        function
            .range
            .contains(&address)
            .then(|| function.to_function())
    }

    /// The symbol table's name for the code that begins at an address.
    fn symbol_name(&self, entry: u64) -> Option<FunctionName> {
        self.symbols()?.function_at_entry(entry).map(function_name)
    }

    /// The function whose code holds an address: from DWARF, else from the
    /// symbol table.
    pub fn function_at(&self, address: LinkAddr) -> Option<Function> {
        let described = self.debug().and_then(|debug| {
            let unit = debug.unit_at(address.0)?;
            let scope = Scope { debug, unit: &unit };
            let symbol = |entry| self.symbol_name(entry);
            scope.function_at(address.0)?.to_function(scope, &symbol)
        });
        described.or_else(|| self.symbol_function_at(address.0))
    }

    /// The symbol at or before an address within its section, with the
    /// distance: functions and data objects alike.
    pub fn symbol_at(&self, address: LinkAddr) -> Option<Symbol> {
        self.symbols()?.at(address.0)
    }

    /// A symbol's value by its exact linkage name.
    pub fn symbol_named(&self, name: &str) -> Option<Symbol> {
        self.symbols()?.named(name.as_bytes())
    }

    /// Every defined symbol of the symbol table, ascending by address.
    pub fn symbol_table(&self) -> Vec<Symbol> {
        self.symbols().map_or_else(Vec::new, Symbols::all)
    }

    /// The inline chain at a code address, innermost first; the last is the
    /// function itself. Empty when nothing is known, not even a symbol.
    pub fn source_frames(&self, address: CodeAddr<LinkAddr>) -> Vec<SourceFrame> {
        let address = address.lookup();
        let symbol = || Some(self.symbol_function_at(address.0)?.name);
        frames::source_frames(self.debug(), address.0, symbol, &|entry| {
            self.symbol_name(entry)
        })
    }

    /// [`Image::source_frames`] of many addresses, in their order. Addresses of
    /// one unit are looked up together, units side by side, and what was read
    /// of them is given up again: ten thousand addresses of a kernel need no
    /// more memory than their answers and a few units.
    pub fn source_frames_of_all(&self, addresses: &[CodeAddr<LinkAddr>]) -> Vec<Vec<SourceFrame>> {
        let addresses: Vec<u64> = addresses.iter().map(|at| at.lookup().0).collect();
        let symbol = |at| Some(self.symbol_function_at(at)?.name);
        frames::source_frames_of_all(self.debug(), &addresses, &symbol, &|entry| {
            self.symbol_name(entry)
        })
    }

    /// First instruction addresses of the statements at a line. `file` matches
    /// a path's last components.
    pub fn addresses_of_line(&self, file: &str, line: u32) -> Vec<LinkAddr> {
        let Some(debug) = self.debug() else {
            return Vec::new();
        };
        let addresses =
            debug.for_line_tables_naming(file, |scope| lines::addresses_of_line(scope, file, line));
        let addresses: BTreeSet<u64> = addresses.into_iter().collect();
        addresses.into_iter().map(LinkAddr).collect()
    }

    /// The first line of a file, from `line` on, where a statement begins: what
    /// a breakpoint on a line without code means. `file` as in
    /// [`Image::addresses_of_line`].
    pub fn line_with_code(&self, file: &str, line: u32) -> Option<u32> {
        let lines = self.debug()?.for_line_tables_naming(file, |scope| {
            lines::line_with_code(scope, file, line)
                .into_iter()
                .collect()
        });
        lines.into_iter().min()
    }

    /// Where the body of a function begins, behind the code that sets up its
    /// frame; its entry where the line table does not say.
    pub fn after_prologue(&self, function: &Function) -> LinkAddr {
        let body = self.debug().and_then(|debug| {
            let unit = debug.unit_at(function.entry.0)?;
            let lines = Scope { debug, unit: &unit }.lines();
            let holds = |range: &&Range<LinkAddr>| range.contains(&function.entry);
            let range = function.ranges.iter().find(holds)?;
            lines.after_prologue(&(function.entry.0..range.end.0))
        });
        body.map_or(function.entry, LinkAddr)
    }

    fn call_frames(&self) -> &CallFrames<'data> {
        self.call_frames.get_or_init(|| {
            CallFrames::new(self.file.code_ranges(), |name| {
                let section = self.section(name)?;
                (!section.bytes.is_empty()).then_some((section.address.0, section.bytes))
            })
        })
    }

    /// The unwind rules at an address: `.eh_frame`, else `.debug_frame`.
    pub fn unwind_row(&self, address: LinkAddr) -> Option<UnwindRow<'data>> {
        self.call_frames().row_at(address.0)
    }

    /// What [`Image::unwind_row`] says where that is of the form that nearly all
    /// compiled code has: a hundred times faster where code is asked about
    /// again. None for trap stubs, expressions and outermost frames.
    pub fn plain_row(&self, address: LinkAddr) -> Option<PlainRow> {
        self.call_frames().plain_row_at(address.0)
    }

    /// Arguments and locals visible at a code address, for one level of its
    /// inline chain (0 the innermost).
    pub fn variables(
        &self,
        address: CodeAddr<LinkAddr>,
        inline_level: usize,
    ) -> Vec<Variable<'data>> {
        let address = address.lookup().0;
        let found = self.debug().and_then(|debug| {
            let unit = debug.unit_at(address)?;
            let scope = Scope { debug, unit: &unit };
            let function = scope.function_at(address)?;
            Some(variables::variables(scope, function, address, inline_level))
        });
        found.unwrap_or_default()
    }

    /// Evaluates an expression against a machine. `frame_base` answers
    /// `DW_OP_fbreg`.
    pub fn evaluate(
        &self,
        expression: &Expression<'_>,
        frame_base: Option<&Expression<'_>>,
        context: &mut dyn ExpressionContext,
    ) -> Result<ValueLocation, ExpressionError> {
        evaluate::evaluate(self.debug(), expression, frame_base, context)
    }

    /// What the compiler says of the call that returns to an address.
    pub fn call_site(&self, returns_to: LinkAddr) -> Option<CallSite<'data>> {
        call_sites::call_site(self.debug()?, returns_to.0)
    }

    /// Whether a function may be entered again without a call, by jumps of its
    /// own or of those it jumps to, so that its caller did not pass what it
    /// was entered with. True unless the compiler describes every such jump.
    pub fn may_jump_back(&self, entry: LinkAddr) -> bool {
        self.debug().is_none_or(|debug| {
            let symbols = |name: &[u8]| {
                self.symbols()
                    .map_or_else(Vec::new, |symbols| symbols.addresses_of(name))
            };
            call_sites::may_jump_back(debug, entry.0, symbols)
        })
    }

    /// Name and checksum of the file that holds the debugging information
    /// (`.gnu_debuglink`).
    pub fn debug_link(&self) -> Option<DebugLink<'data>> {
        let section = self.file.section_named(b".gnu_debuglink")?;
        DebugLink::parse(self.file.bytes_of(section)?)
    }

    /// Types of that name, a C or Rust path's last components, generic
    /// arguments left out or not. Reads every unit.
    pub fn types_named(&self, name: &str) -> Vec<TypeId> {
        self.debug()
            .map_or_else(Vec::new, |debug| type_names::types_named(debug, name))
    }

    /// A type.
    pub fn type_of(&self, id: TypeId) -> Option<Type> {
        types::type_of(self.debug()?, id)
    }

    /// Directory of the compilation unit at an address and its primary file.
    pub fn compilation_unit(&self, address: LinkAddr) -> Option<SourcePath> {
        let debug = self.debug()?;
        let unit = debug.unit_at(address.0)?;
        Scope { debug, unit: &unit }.primary_file()
    }
}

fn to_section<'data>(file: &Elf<'data>, section: &ElfSection<'data>) -> Section<'data> {
    Section {
        name: section.name,
        address: LinkAddr(section.addresses.start),
        size: section.size(),
        bytes: file.bytes_of(section).unwrap_or_default(),
        allocated: section.is_allocated(),
        executable: section.is_code(),
    }
}
