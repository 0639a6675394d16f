//! A graph as a document to serialize: what `--json` prints, below a schema
//! name that its front end adds.

use serde::Serialize;
use ukdbg_image::{LinkAddr, Untrusted};

use crate::{
    BlockEnd, BlockId, Call, CfgGap, Drawing, EdgeKind, EdgeTarget, Evidence, InstructionLine,
    SourceLine, Structure, Unresolved,
};

/// A graph as a document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    function: FunctionPart<'a>,
    entry_block: Option<BlockId>,
    blocks: Vec<BlockPart<'a>>,
    edges: Vec<EdgePart<'a>>,
    loops: Vec<LoopPart<'a>>,
    gaps: &'a [CfgGap],
}

#[derive(Debug, Serialize)]
struct FunctionPart<'a> {
    name: &'a Untrusted,
    linkage: &'a Untrusted,
    address: LinkAddr,
    ranges: Vec<RangePart>,
}

#[derive(Debug, Serialize)]
struct RangePart {
    start: LinkAddr,
    end: LinkAddr,
}

#[derive(Debug, Serialize)]
struct BlockPart<'a> {
    id: BlockId,
    start: LinkAddr,
    size: u64,
    end: BlockEnd,
    evidence: Evidence,
    immediate_dominator: Option<BlockId>,
    loop_depth: u32,
    #[serde(skip_serializing_if = "is_false")]
    current: bool,
    #[serde(skip_serializing_if = "is_false")]
    faulting: bool,
    calls: &'a [Call],
    source: &'a [SourceLine],
    instructions: &'a [InstructionLine],
}

#[derive(Debug, Serialize)]
struct EdgePart<'a> {
    from: BlockId,
    to: TargetPart<'a>,
    #[serde(flatten)]
    kind: &'a EdgeKind,
    evidence: Evidence,
    back: bool,
}

/// Exactly one of these is there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum TargetPart<'a> {
    Block(BlockId),
    Outside {
        address: LinkAddr,
        name: Option<&'a Untrusted>,
    },
    Unresolved(Unresolved),
}

#[derive(Debug, Serialize)]
struct LoopPart<'a> {
    header: BlockId,
    latches: &'a [BlockId],
    body: &'a [BlockId],
}

impl<'a> Drawing<'a> {
    /// The graph as a document to serialize.
    pub fn document(&self) -> Document<'a> {
        let cfg = self.cfg;
        let function = &cfg.function;
        let ranges = function.ranges.iter().map(|range| RangePart {
            start: range.start,
            end: range.end,
        });
        let loops = self.structure.map_or(&[][..], Structure::loops).iter();
        Document {
            function: FunctionPart {
                name: &function.name.demangled,
                linkage: &function.name.linkage,
                address: function.entry,
                ranges: ranges.collect(),
            },
            entry_block: cfg.entry(),
            blocks: cfg.numbered().map(|(id, _)| self.block_part(id)).collect(),
            edges: cfg.edges.iter().map(|edge| self.edge_part(edge)).collect(),
            loops: loops
                .map(|found| LoopPart {
                    header: found.header,
                    latches: &found.latches,
                    body: &found.body,
                })
                .collect(),
            gaps: &cfg.gaps,
        }
    }

    fn block_part(&self, id: BlockId) -> BlockPart<'a> {
        let block = self.cfg.block(id);
        let contents = self.listing.block(id);
        let structure = self.structure;
        BlockPart {
            id,
            start: block.start,
            size: block.size,
            end: block.end,
            evidence: block.evidence,
            immediate_dominator: structure.and_then(|s| s.immediate_dominator(id)),
            loop_depth: structure.map_or(0, |s| s.loop_depth(id)),
            current: self.holds_current(id),
            faulting: self.holds_faulting(id),
            calls: &block.calls,
            source: &contents.source,
            instructions: &contents.instructions,
        }
    }

    fn edge_part(&self, edge: &'a crate::Edge) -> EdgePart<'a> {
        EdgePart {
            from: edge.from,
            to: match edge.to {
                EdgeTarget::Block(block) => TargetPart::Block(block),
                EdgeTarget::Outside(address) => TargetPart::Outside {
                    address,
                    name: self.listing.name(address),
                },
                EdgeTarget::Unresolved(why) => TargetPart::Unresolved(why),
            },
            kind: &edge.kind,
            evidence: edge.evidence,
            back: self.is_back_edge(edge.from, edge.to),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
