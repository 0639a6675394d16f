//! A few bytes of code that pass for an image.

use std::num::NonZeroU32;
use std::ops::Range;

use iced_x86::code_asm::CodeAssembler;
use ukdbg_image::{
    Function, FunctionName, FunctionOrigin, LandingPad, LinkAddr, MappedFunction, SourceFrame,
    SourceLocation, SourcePath,
};

use crate::code::{Code, Names};
use crate::{Cfg, Drawing, EdgeTarget, Evidence, Listing, Marks, Structure, listing, recover};

pub(super) const BASE: u64 = 0x10_0000;
/// A function that returns, and one that does not.
pub(super) const HELPER: u64 = 0x20_0000;
pub(super) const PANIC: u64 = 0x20_1000;
pub(super) const TABLE: u64 = 0x30_0000;
/// A slot for an imported function that does not return.
pub(super) const SLOT: u64 = 0x40_0000;

/// Code at [`BASE`], a table at [`TABLE`].
pub(super) struct Fixture {
    pub(super) code: Vec<u8>,
    pub(super) table: Vec<u8>,
    pub(super) table_size: Option<u64>,
    pub(super) landing_pads: Vec<LandingPad>,
    pub(super) map: Option<MappedFunction>,
    pub(super) name: &'static str,
    pub(super) ranges: Vec<Range<LinkAddr>>,
}

impl Fixture {
    pub(super) fn new(code: Vec<u8>) -> Self {
        let end = LinkAddr(BASE + code.len() as u64);
        Self {
            code,
            table: Vec::new(),
            table_size: None,
            landing_pads: Vec::new(),
            map: None,
            name: "engine::run",
            ranges: vec![LinkAddr(BASE)..end],
        }
    }

    pub(super) fn assemble(write: impl FnOnce(&mut CodeAssembler)) -> Self {
        let mut assembler = CodeAssembler::new(64).unwrap();
        write(&mut assembler);
        Self::new(assembler.assemble(BASE).unwrap())
    }

    pub(super) fn function(&self) -> Function {
        Function {
            name: name(self.name),
            entry: self.ranges.last().unwrap().start.min(LinkAddr(BASE)),
            ranges: self.ranges.clone(),
            origin: FunctionOrigin::Symbol,
            noreturn: false,
            declaration: None,
        }
    }

    pub(super) fn cfg(&self) -> Cfg {
        recover::recover(self, &self.function())
    }

    /// Calls `show` with a drawing of the graph.
    pub(super) fn draw<T>(&self, marks: Marks, show: impl FnOnce(&Drawing<'_>) -> T) -> T {
        let cfg = self.cfg();
        let listing: Listing = listing::collect(self, &cfg);
        let structure = Structure::of(&cfg);
        show(&Drawing {
            cfg: &cfg,
            listing: &listing,
            structure: structure.as_ref(),
            marks,
        })
    }
}

fn name(text: &str) -> FunctionName {
    FunctionName {
        linkage: text.into(),
        demangled: text.into(),
    }
}

fn from(bytes: &[u8], base: u64, at: LinkAddr) -> Option<&[u8]> {
    let offset = at.0.checked_sub(base)?;
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    (!rest.is_empty()).then_some(rest)
}

impl Code for Fixture {
    fn bytes(&self, at: LinkAddr) -> Option<&[u8]> {
        match at.0 {
            HELPER | PANIC => Some(&[0xc3]),
            _ => from(&self.code, BASE, at),
        }
    }

    fn constant(&self, at: LinkAddr) -> Option<&[u8]> {
        from(&self.table, TABLE, at)
    }

    fn table_size(&self, table: LinkAddr) -> Option<u64> {
        self.table_size.filter(|_| table == LinkAddr(TABLE))
    }

    fn noreturn(&self, entry: LinkAddr) -> Option<Evidence> {
        (entry == LinkAddr(PANIC)).then_some(Evidence::Dwarf)
    }

    fn imported_noreturn(&self, slot: LinkAddr) -> Option<Evidence> {
        (slot == LinkAddr(SLOT)).then_some(Evidence::KnownName)
    }

    fn landing_pads(&self, start: LinkAddr) -> Vec<LandingPad> {
        let pads = self.landing_pads.iter().filter(|_| start == LinkAddr(BASE));
        pads.cloned().collect()
    }

    fn mapped(&self, _: LinkAddr) -> Option<&MappedFunction> {
        self.map.as_ref()
    }
}

impl Names for Fixture {
    fn bytes(&self, at: LinkAddr) -> Option<&[u8]> {
        Code::bytes(self, at)
    }

    fn name(&self, entry: LinkAddr) -> Option<FunctionName> {
        match entry.0 {
            HELPER => Some(name("engine::helper")),
            PANIC => Some(name("core::panicking::panic")),
            _ => None,
        }
    }

    fn sources(&self, at: &[LinkAddr]) -> Vec<Vec<SourceFrame>> {
        at.iter().map(|at| vec![self.source(*at)]).collect()
    }
}

impl Fixture {
    fn source(&self, at: LinkAddr) -> SourceFrame {
        let line = (at.0 - BASE) / 8 + 10;
        SourceFrame {
            function: Some(name(self.name)),
            location: Some(SourceLocation {
                file: SourcePath {
                    compilation_directory: None,
                    path: "engine/src/book.rs".into(),
                },
                line: NonZeroU32::new(line as u32),
                column: None,
            }),
            inlined: false,
        }
    }
}

/// A graph in a few words: its edges, blocks by number.
pub(super) fn told(cfg: &Cfg) -> Vec<String> {
    let edges = cfg.edges.iter().map(|edge| {
        let to = match edge.to {
            EdgeTarget::Block(to) => format!("{}", to.0),
            EdgeTarget::Outside(LinkAddr(HELPER)) => "helper".into(),
            EdgeTarget::Outside(LinkAddr(PANIC)) => "panic".into(),
            EdgeTarget::Outside(address) => address.to_string(),
            EdgeTarget::Unresolved(why) => format!("? {why:?}"),
        };
        format!("{} {:?} {to}", edge.from.0, edge.kind)
    });
    edges.collect()
}
