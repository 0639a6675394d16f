//! An image as a whole: all of its functions, which of them never return, and
//! their graphs. What is asked of many functions is prepared here once.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::OnceLock;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Mnemonic, OpKind};
use rayon::prelude::*;
use ukdbg_image::{Function, Image, LandingPad, LinkAddr, MappedFunction, Outline, Untrusted};

use crate::code::Code;
use crate::known::never_returns;
use crate::recover::recover;
use crate::returns::{Callee, Callees, Returns, Walk};
use crate::{Cfg, Evidence};

/// What LLVM's `-emit-jump-table-sizes-section` makes: for each table its
/// address and its number of entries, 8 bytes each.
const TABLE_SIZES: &str = ".llvm_jump_table_sizes";

/// Graphs that are held at a time while all are made.
const AT_A_TIME: usize = 1024;

/// Whether what the compiler left of its own blocks and tables is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompilerMap {
    /// Where there is any.
    Used,
    /// As if there were none: what recovery finds by itself.
    Ignored,
}

/// An image prepared for the graphs of its functions.
pub struct Program<'i, 'd> {
    image: &'i Image<'d>,
    map: CompilerMap,
    /// Every function, where all were asked for.
    outlines: Vec<Outline<'d>>,
    table_sizes: HashMap<LinkAddr, u64>,
    /// Sections with constants, ascending.
    constants: Vec<(LinkAddr, &'d [u8])>,
    imports: OnceLock<Vec<(LinkAddr, Untrusted)>>,
    /// Slots that hold addresses of the image itself.
    slots: OnceLock<Vec<(LinkAddr, LinkAddr)>>,
    returns: OnceLock<Returns>,
}

impl<'i, 'd> Program<'i, 'd> {
    /// Every function of an image.
    pub fn new(image: &'i Image<'d>, map: CompilerMap) -> Self {
        let mut program = Self::for_one(image, map);
        program.outlines = image.outlines();
        program
    }

    /// For a few functions: nothing is read ahead.
    pub(crate) fn for_one(image: &'i Image<'d>, map: CompilerMap) -> Self {
        Self {
            image,
            map,
            outlines: Vec::new(),
            table_sizes: match map {
                CompilerMap::Used => table_sizes(image),
                CompilerMap::Ignored => HashMap::new(),
            },
            constants: constants(image),
            imports: OnceLock::new(),
            slots: OnceLock::new(),
            returns: OnceLock::new(),
        }
    }

    /// How many functions there are.
    pub fn function_count(&self) -> usize {
        self.outlines.len()
    }

    /// Every function's graph, handed to `show` on many threads, and what that
    /// makes of them handed to `take`, in the order of the functions' entries.
    ///
    /// # Errors
    /// The first that `take` returns; nothing is looked at beyond it.
    pub fn for_all<T: Send, Failure>(
        &self,
        show: impl Fn(Cfg) -> T + Sync,
        mut take: impl FnMut(Vec<T>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.returns.get_or_init(|| self.propagate());
        for some in self.outlines.chunks(AT_A_TIME) {
            let shown = some
                .par_iter()
                .with_min_len(8)
                .map(|outline| show(recover(self, &outline.to_function())));
            take(shown.collect())?;
        }
        Ok(())
    }

    /// The graph of one function.
    pub(crate) fn graph(&self, function: &Function) -> Cfg {
        recover(self, function)
    }

    /// Which functions never return, over the calls of the whole image.
    fn propagate(&self) -> Returns {
        let mut walk = Walk::new(self, usize::MAX);
        for outline in &self.outlines {
            walk.ask(outline.entry);
        }
        walk.finish()
    }

    fn outline(&self, entry: LinkAddr) -> Option<&Outline<'d>> {
        let place = self
            .outlines
            .binary_search_by_key(&entry, |outline| outline.entry);
        self.outlines.get(place.ok()?)
    }

    /// A function's ranges, and whether something says that it never returns.
    fn described(&self, entry: LinkAddr) -> Option<(Vec<Range<LinkAddr>>, Option<Evidence>)> {
        let declared = |noreturn: bool, name: &Untrusted| match noreturn {
            true => Some(Evidence::Dwarf),
            false => never_returns(name.raw()).then_some(Evidence::KnownName),
        };
        if let Some(outline) = self.outline(entry) {
            let noreturn = declared(outline.noreturn, &outline.name().demangled);
            return Some((outline.ranges.clone(), noreturn));
        }
        if !self.outlines.is_empty() {
            return None;
        }
        let function = self.image.function_at(entry)?;
        let noreturn = declared(function.noreturn, &function.name.demangled);
        (function.entry == entry).then_some((function.ranges, noreturn))
    }

    /// The slot of a stub of the linkage table, which jumps through it.
    fn stub_slot(&self, entry: LinkAddr) -> Option<LinkAddr> {
        if self.imports().is_empty() {
            return None;
        }
        let bytes = self.image.bytes_at(entry)?;
        let bytes = &bytes[..bytes.len().min(16)];
        let mut decoder = Decoder::with_ip(64, bytes, entry.0, DecoderOptions::NONE);
        let mut jump = decoder.decode();
        if jump.mnemonic() == Mnemonic::Endbr64 {
            jump = decoder.decode();
        }
        let through_memory = jump.flow_control() == FlowControl::IndirectBranch
            && jump.op0_kind() == OpKind::Memory
            && jump.is_ip_rel_memory_operand();
        through_memory.then(|| LinkAddr(jump.memory_displacement64()))
    }

    fn imports(&self) -> &[(LinkAddr, Untrusted)] {
        self.imports.get_or_init(|| self.image.imports())
    }
}

impl Code for Program<'_, '_> {
    fn bytes(&self, at: LinkAddr) -> Option<&[u8]> {
        self.image.bytes_at(at)
    }

    fn constant(&self, at: LinkAddr) -> Option<&[u8]> {
        let after = self.constants.partition_point(|&(start, _)| start <= at);
        let (start, bytes) = self.constants.get(after.checked_sub(1)?)?;
        bytes.get(usize::try_from(at.offset_from(*start)?).ok()?..)
    }

    fn table_size(&self, table: LinkAddr) -> Option<u64> {
        self.table_sizes.get(&table).copied()
    }

    fn noreturn(&self, entry: LinkAddr) -> Option<Evidence> {
        match self.returns.get() {
            Some(returns) => returns.noreturn(entry),
            None => {
                let mut walk = Walk::new(self, MOST_FUNCTIONS);
                walk.ask(entry);
                walk.finish().noreturn(entry)
            }
        }
    }

    fn imported_noreturn(&self, slot: LinkAddr) -> Option<Evidence> {
        let imports = self.imports();
        let place = imports.binary_search_by_key(&slot, |&(slot, _)| slot);
        match place.ok().and_then(|place| imports.get(place)) {
            Some((_, name)) => never_returns(name.raw()).then_some(Evidence::KnownName),
            None => self.noreturn(self.slot_target(slot)?),
        }
    }

    fn landing_pads(&self, start: LinkAddr) -> Vec<LandingPad> {
        self.image.landing_pads(start)
    }

    fn mapped(&self, entry: LinkAddr) -> Option<&MappedFunction> {
        match self.map {
            CompilerMap::Used => self.image.block_map().function(entry),
            CompilerMap::Ignored => None,
        }
    }
}

/// Functions walked for one callee when not all of the image is.
const MOST_FUNCTIONS: usize = 16;

impl Callees for Program<'_, '_> {
    fn callee(&self, entry: LinkAddr) -> Callee<'_> {
        let Some((ranges, declared)) = self.described(entry) else {
            let slot = self.stub_slot(entry);
            return match slot.and_then(|slot| Code::imported_noreturn(self, slot)) {
                Some(evidence) => Callee::Declared(evidence),
                None => Callee::Unknown,
            };
        };
        if let Some(evidence) = declared {
            return Callee::Declared(evidence);
        }
        let pieces = ranges.into_iter().filter_map(|range| {
            let bytes = self.image.bytes_at(range.start)?;
            let size = usize::try_from(range.end.offset_from(range.start)?).ok()?;
            Some((range.start, bytes.get(..size)?))
        });
        let pieces: Vec<_> = pieces.collect();
        let pads = pieces
            .iter()
            .flat_map(|&(start, _)| self.image.landing_pads(start));
        let pads: BTreeSet<LinkAddr> = pads.map(|pad| pad.pad).collect();
        Callee::Code {
            pads: pads.into_iter().collect(),
            pieces,
        }
    }

    fn imported_noreturn(&self, slot: LinkAddr) -> bool {
        let imports = self.imports();
        let place = imports.binary_search_by_key(&slot, |&(slot, _)| slot);
        let import = place.ok().and_then(|place| imports.get(place));
        import.is_some_and(|(_, name)| never_returns(name.raw()))
    }

    fn slot_target(&self, slot: LinkAddr) -> Option<LinkAddr> {
        let slots = self.slots.get_or_init(|| self.image.filled_slots());
        let place = slots.binary_search_by_key(&slot, |&(slot, _)| slot);
        slots.get(place.ok()?).map(|&(_, target)| target)
    }
}

fn table_sizes(image: &Image<'_>) -> HashMap<LinkAddr, u64> {
    let section = image.section(TABLE_SIZES);
    let list = section.map_or(&[][..], |section| section.bytes);
    let pairs = list.chunks_exact(16).filter_map(|pair| {
        let (&address, &size) = (pair.first_chunk()?, pair.last_chunk()?);
        Some((
            LinkAddr(u64::from_le_bytes(address)),
            u64::from_le_bytes(size),
        ))
    });
    pairs.collect()
}

/// What a program reads and does not change: sections that cannot be written,
/// or code; in a file without sections, segments that cannot be written.
fn constants<'d>(image: &Image<'d>) -> Vec<(LinkAddr, &'d [u8])> {
    let constant_segment = |at: LinkAddr| {
        let mut segments = image.segments().iter();
        let segment = segments.find(|segment| segment.addresses.contains(&at));
        segment.is_some_and(|segment| !segment.writable)
    };
    let sections = image.sections().into_iter().filter(|section| {
        // A linker that makes one segment of everything leaves the sections.
        section.allocated
            && !section.bytes.is_empty()
            && (section.executable
                || constant_segment(section.address)
                || section.name.starts_with(b".data.rel.ro")
                || section.name.starts_with(b".rodata"))
    });
    let mut constants: Vec<_> = sections
        .map(|section| (section.address, section.bytes))
        .collect();
    if constants.is_empty() {
        let segments = image.segments().iter().filter(|segment| !segment.writable);
        constants.extend(segments.map(|segment| (segment.addresses.start, segment.bytes)));
    }
    constants.sort_by_key(|&(start, _)| start);
    constants
}

impl std::fmt::Debug for Program<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("map", &self.map)
            .field("functions", &self.outlines.len())
            .finish_non_exhaustive()
    }
}
