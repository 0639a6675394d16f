//! A function's graph in short, for a stream of all functions of an image: one
//! JSON document a line.

use serde::Serialize;
use ukdbg_image::{LinkAddr, Untrusted};

use crate::{Block, BlockEnd, Cfg, EdgeKind, EdgeTarget, Evidence, Unresolved};

/// A function's graph in short.
#[derive(Debug, Serialize)]
pub struct FunctionLine<'a> {
    schema: &'static str,
    name: &'a Untrusted,
    address: LinkAddr,
    ranges: Vec<[LinkAddr; 2]>,
    blocks: Vec<BlockLine>,
}

#[derive(Debug, Serialize)]
struct BlockLine {
    start: LinkAddr,
    size: u64,
    kind: BlockEnd,
    /// Blocks of the function that it goes to, exceptions left out.
    successors: Vec<LinkAddr>,
    /// Blocks of the function where what its last call throws lands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    landing_pads: Vec<LinkAddr>,
    /// Functions that it jumps to, or calls and never returns from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    leaves_to: Vec<LinkAddr>,
    /// Why it is not known where its jump goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    unresolved: Option<Unresolved>,
    evidence: Evidence,
}

impl FunctionLine<'_> {
    /// Name and version of the document.
    pub const SCHEMA: &'static str = "ukdbg.cfg-function/1";
}

impl Cfg {
    /// The graph in short.
    pub fn line(&self) -> FunctionLine<'_> {
        let ranges = self.function.ranges.iter();
        let mut edges = self.edges.iter().peekable();
        let blocks = self.numbered().map(|(id, block)| {
            let mut line = BlockLine::new(block);
            while let Some(edge) = edges.next_if(|edge| edge.from == id) {
                match edge.to {
                    EdgeTarget::Block(to) if edge.kind == EdgeKind::LandingPad => {
                        line.landing_pads.push(self.block(to).start);
                    }
                    EdgeTarget::Block(to) => line.successors.push(self.block(to).start),
                    EdgeTarget::Outside(to) => line.leaves_to.push(to),
                    EdgeTarget::Unresolved(why) => line.unresolved = Some(why),
                }
            }
            line.successors.sort_unstable();
            line.successors.dedup();
            line
        });
        FunctionLine {
            schema: FunctionLine::SCHEMA,
            name: &self.function.name.demangled,
            address: self.function.entry,
            ranges: ranges.map(|range| [range.start, range.end]).collect(),
            blocks: blocks.collect(),
        }
    }
}

impl BlockLine {
    fn new(block: &Block) -> Self {
        Self {
            start: block.start,
            size: block.size,
            kind: block.end,
            successors: Vec::new(),
            landing_pads: Vec::new(),
            leaves_to: Vec::new(),
            unresolved: None,
            evidence: block.evidence,
        }
    }
}
