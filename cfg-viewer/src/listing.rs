//! What a reader wants to see of each block: instructions as text, and the
//! source lines they come from. Owned, so that it can outlive the image.

use std::collections::BTreeMap;

use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};
use serde::Serialize;
use ukdbg_image::{Image, LinkAddr, SourceFrame, Untrusted};

use crate::code::Names;
use crate::{Block, BlockId, Cfg, EdgeTarget};

/// The contents of a graph's blocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    blocks: Vec<BlockListing>,
    /// Functions that the graph's edges and calls lead to.
    names: BTreeMap<LinkAddr, Untrusted>,
}

/// The contents of a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockListing {
    /// Its instructions.
    pub instructions: Vec<InstructionLine>,
    /// The source lines they come from, in the order of their first
    /// instructions, each once.
    pub source: Vec<SourceLine>,
}

/// An instruction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct InstructionLine {
    /// Its address.
    pub address: LinkAddr,
    /// Intel syntax, with the names of functions it calls.
    pub text: Untrusted,
    /// Its source line: a position in [`BlockListing::source`].
    #[serde(skip)]
    pub source: Option<usize>,
}

/// A line of source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SourceLine {
    /// The file's path, as the compiler recorded it.
    pub file: Untrusted,
    /// The line.
    pub line: u32,
    /// The inlined function it belongs to; none for the function itself.
    pub inlined: Option<Untrusted>,
}

impl Listing {
    /// The contents of a graph recovered from that image.
    pub fn of(image: &Image<'_>, cfg: &Cfg) -> Self {
        collect(image, cfg)
    }

    /// A block's contents.
    ///
    /// # Panics
    /// With an id of another graph.
    pub fn block(&self, id: BlockId) -> &BlockListing {
        &self.blocks[id.index()]
    }

    /// The name of the function entered at an address that the graph leads to.
    pub fn name(&self, entry: LinkAddr) -> Option<&Untrusted> {
        self.names.get(&entry)
    }
}

impl BlockListing {
    /// Takes the place of each of its instructions.
    fn place(&mut self, places: &mut impl Iterator<Item = Vec<SourceFrame>>) {
        for (instruction, frames) in self.instructions.iter_mut().zip(places) {
            let innermost = frames.into_iter().next();
            let Some(line) = innermost.and_then(source_line) else {
                continue;
            };
            let known = self.source.iter().position(|known| *known == line);
            instruction.source = Some(known.unwrap_or_else(|| {
                self.source.push(line);
                self.source.len() - 1
            }));
        }
    }
}

fn source_line(frame: SourceFrame) -> Option<SourceLine> {
    let location = frame.location?;
    Some(SourceLine {
        file: location.file.path,
        line: location.line?.get(),
        inlined: frame
            .function
            .filter(|_| frame.inlined)
            .map(|name| name.demangled),
    })
}

pub(crate) fn collect(code: &dyn Names, cfg: &Cfg) -> Listing {
    let calls = cfg.blocks.iter().flat_map(|block| &block.calls);
    let called = calls.filter_map(|call| call.target);
    let left_to = cfg.edges.iter().filter_map(|edge| match edge.to {
        EdgeTarget::Outside(address) => Some(address),
        _ => None,
    });
    let names = called
        .chain(left_to)
        .filter_map(|address| Some((address, code.name(address)?.demangled)))
        .collect();
    let mut lister = Lister {
        code,
        names,
        formatter: formatter(),
    };
    // The places of all instructions are asked for at once: each question
    // finds the unit and its lines anew.
    let mut blocks: Vec<BlockListing> = cfg
        .blocks
        .iter()
        .map(|block| lister.instructions(block))
        .collect();
    let lines = blocks.iter().flat_map(|block| &block.instructions);
    let addresses: Vec<LinkAddr> = lines.map(|line| line.address).collect();
    let mut places = code.sources(&addresses).into_iter();
    for block in &mut blocks {
        block.place(&mut places);
    }
    Listing {
        blocks,
        names: lister.names,
    }
}

struct Lister<'c> {
    code: &'c dyn Names,
    names: BTreeMap<LinkAddr, Untrusted>,
    formatter: IntelFormatter,
}

impl Lister<'_> {
    fn instructions(&mut self, block: &Block) -> BlockListing {
        let bytes = self.code.bytes(block.start).unwrap_or_default();
        let size = usize::try_from(block.size).unwrap_or(usize::MAX);
        let bytes = &bytes[..size.min(bytes.len())];
        let decoder = Decoder::with_ip(64, bytes, block.start.0, DecoderOptions::NONE);
        let instructions = decoder.into_iter().map(|instruction| InstructionLine {
            address: LinkAddr(instruction.ip()),
            text: self.text(&instruction),
            source: None,
        });
        BlockListing {
            instructions: instructions.collect(),
            source: Vec::new(),
        }
    }

    fn text(&mut self, instruction: &Instruction) -> Untrusted {
        let mut text = String::new();
        let target = LinkAddr(instruction.near_branch_target());
        match self.names.get(&target).filter(|_| target != LinkAddr(0)) {
            Some(name) => {
                self.formatter.format_mnemonic(instruction, &mut text);
                text.push(' ');
                text.push_str(name.raw());
            }
            None => self.formatter.format(instruction, &mut text),
        }
        text.into()
    }
}

fn formatter() -> IntelFormatter {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_space_after_operand_separator(true);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    formatter
}
