//! The graph as the compiler described it: blocks, and mostly where they go,
//! from its map; what each jump and call does, from the code.
//!
//! Not here: the map's form, which is the image's, and jump tables, which are
//! read as without a map, for the indices that lead to each block.

use std::collections::BTreeMap;

use iced_x86::{Code as Opcode, Decoder, DecoderOptions, FlowControl, Instruction};
use ukdbg_image::{Function, LinkAddr, MappedBlock, MappedFunction};

use crate::code::Code;
use crate::graph::id;
use crate::{
    Block, BlockEnd, BlockId, Call, Cfg, Edge, EdgeKind, EdgeTarget, Evidence, Unresolved,
};

/// The graph; none when the map does not fit the function.
pub(super) fn recover(code: &dyn Code, function: &Function, map: &MappedFunction) -> Option<Cfg> {
    let fits = |block: &MappedBlock| {
        block.code.is_empty()
            || function
                .ranges
                .iter()
                .any(|range| range.start <= block.code.start && block.code.end <= range.end)
    };
    let mut order: Vec<&MappedBlock> = map.blocks.iter().collect();
    order.retain(|block| !block.code.is_empty());
    order.sort_by_key(|block| block.code.start);
    let overlap = order
        .windows(2)
        .any(|pair| pair[1].code.start < pair[0].code.end);
    if overlap || !map.blocks.iter().all(fits) {
        return None;
    }
    // For its tables.
    let decoded = order
        .iter()
        .any(|block| block.indirect)
        .then(|| super::decode(code, function));
    let mut graph = Graph {
        code,
        map,
        starts: order.iter().map(|block| block.code.start).collect(),
        decoded,
        edges: Vec::new(),
    };
    let blocks: Option<Vec<Block>> = (0..)
        .map(BlockId)
        .zip(order)
        .map(|(id, block)| graph.block(id, block))
        .collect();
    Some(Cfg {
        function: function.clone(),
        blocks: blocks?,
        edges: graph.edges,
        gaps: Vec::new(),
    })
}

struct Graph<'c> {
    code: &'c dyn Code,
    map: &'c MappedFunction,
    /// Where blocks begin, ascending; a position is a block's number.
    starts: Vec<LinkAddr>,
    /// The same function without the map.
    decoded: Option<Cfg>,
    edges: Vec<Edge>,
}

/// The instructions of a block that matter.
#[derive(Default)]
struct Contents {
    calls: Vec<Call>,
    /// Direct jumps, and whether they have a condition.
    jumps: Vec<(LinkAddr, bool)>,
    last: Instruction,
}

impl Graph<'_> {
    fn block(&mut self, from: BlockId, mapped: &MappedBlock) -> Option<Block> {
        let size = mapped.code.end.offset_from(mapped.code.start)?;
        let bytes = self.code.bytes(mapped.code.start)?;
        let bytes = bytes.get(..usize::try_from(size).ok()?)?;
        let contents = Contents::of(bytes, mapped.code.start);
        let before = self.edges.len();
        self.direct(from, mapped, &contents);
        self.beyond(from, &contents, mapped);
        let end = self.end(&contents, mapped, before);
        Some(Block {
            start: mapped.code.start,
            size,
            last: LinkAddr(contents.last.ip()),
            end,
            evidence: Evidence::Map,
            calls: contents.calls,
        })
    }

    /// Edges to blocks of the function.
    fn direct(&mut self, from: BlockId, mapped: &MappedBlock, contents: &Contents) {
        let table = self.table(LinkAddr(contents.last.ip()));
        let mut successors = Vec::new();
        match self.map.has_successors {
            true => self.map_successors(mapped, &mut successors),
            false => {
                let jumps = contents.jumps.iter().map(|&(to, _)| to);
                successors.extend(jumps.chain(table.keys().copied()));
                successors.extend(Some(mapped.code.end).filter(|_| mapped.falls_through));
            }
        }
        successors.sort_unstable();
        successors.dedup();
        for to in successors {
            let Some(block) = self.starting_at(to) else {
                continue;
            };
            let kind = self.kind(to, block, mapped, contents, &table);
            self.edge(from, EdgeTarget::Block(block), kind);
        }
    }

    /// Addresses of the map's successors, empty blocks passed through.
    fn map_successors(&self, mapped: &MappedBlock, found: &mut Vec<LinkAddr>) {
        let mut pending = mapped.successors.clone();
        let mut passed = Vec::new();
        while let Some(place) = pending.pop() {
            let Some(block) = self.map.blocks.get(place) else {
                continue;
            };
            if !block.code.is_empty() {
                found.push(block.code.start);
            } else if !passed.contains(&place) {
                passed.push(place);
                pending.extend(&block.successors);
            }
        }
    }

    fn kind(
        &self,
        to: LinkAddr,
        block: BlockId,
        mapped: &MappedBlock,
        contents: &Contents,
        table: &BTreeMap<LinkAddr, Vec<u64>>,
    ) -> EdgeKind {
        let jump = contents.jumps.iter().find(|&&(target, _)| target == to);
        let branches = contents.jumps.iter().any(|&(_, condition)| condition);
        match jump {
            Some((_, true)) => EdgeKind::Taken,
            Some((_, false)) if branches => EdgeKind::NotTaken,
            Some((_, false)) => EdgeKind::Jump,
            None if self.lands_at(block) => EdgeKind::LandingPad,
            None if contents.last.flow_control() == FlowControl::IndirectBranch => {
                match table.get(&to) {
                    Some(cases) => EdgeKind::JumpTable {
                        cases: cases.clone(),
                    },
                    None => EdgeKind::Indirect,
                }
            }
            None if to == mapped.code.end && branches => EdgeKind::NotTaken,
            None if is_call(&contents.last) => EdgeKind::CallReturn,
            None => EdgeKind::FallThrough,
        }
    }

    fn lands_at(&self, block: BlockId) -> bool {
        let start = self.starts[block.index()];
        let mut blocks = self.map.blocks.iter();
        blocks.any(|block| block.landing_pad && block.code.start == start)
    }

    /// Edges out of the function, and to nobody knows where.
    fn beyond(&mut self, from: BlockId, contents: &Contents, mapped: &MappedBlock) {
        for &(to, condition) in &contents.jumps {
            if self.starting_at(to).is_none() {
                let kind = match condition {
                    true => EdgeKind::Taken,
                    false => EdgeKind::TailCall,
                };
                self.edge(from, EdgeTarget::Outside(to), kind);
            }
        }
        let known = self.edges.last().is_some_and(|edge| edge.from == from);
        if contents.last.flow_control() == FlowControl::IndirectBranch && !known {
            let to = EdgeTarget::Unresolved(Unresolved::Computed);
            self.edge(from, to, EdgeKind::Indirect);
        }
        if self.is_last_call(contents, mapped, from)
            && let Some(target) = contents.calls.last().and_then(|call| call.target)
        {
            self.edge(from, EdgeTarget::Outside(target), EdgeKind::NoReturn);
        }
    }

    /// Whether a block ends in a call from which it does not go on.
    fn is_last_call(&self, contents: &Contents, mapped: &MappedBlock, from: BlockId) -> bool {
        let edges = self.edges.iter().rev();
        let mut own = edges.take_while(|edge| edge.from == from);
        let goes_on = own.any(|edge| edge.kind != EdgeKind::LandingPad);
        is_call(&contents.last) && !mapped.falls_through && !goes_on
    }

    fn end(&self, contents: &Contents, mapped: &MappedBlock, before: usize) -> BlockEnd {
        let edges = self.edges.get(before..).unwrap_or_default();
        let has = |wanted: &EdgeKind| edges.iter().any(|edge| edge.kind == *wanted);
        let goes_on = edges
            .iter()
            .any(|edge| !matches!(edge.kind, EdgeKind::NoReturn | EdgeKind::LandingPad));
        let last = &contents.last;
        match last.flow_control() {
            _ if last.code() == Opcode::INVALID => BlockEnd::Invalid,
            FlowControl::Return => BlockEnd::Return,
            FlowControl::IndirectBranch => BlockEnd::IndirectJump,
            _ if contents.jumps.iter().any(|&(_, condition)| condition) => BlockEnd::Branch,
            _ if has(&EdgeKind::TailCall) => BlockEnd::TailCall,
            FlowControl::UnconditionalBranch => BlockEnd::Jump,
            FlowControl::Exception => BlockEnd::Trap,
            _ if is_call(last) && !goes_on && !mapped.falls_through => BlockEnd::NoReturnCall,
            _ if is_call(last) && has(&EdgeKind::LandingPad) => BlockEnd::Call,
            _ if goes_on => BlockEnd::FallThrough,
            _ => BlockEnd::Cut,
        }
    }

    /// Where the table of an indirect jump leads, by target.
    fn table(&self, jump: LinkAddr) -> BTreeMap<LinkAddr, Vec<u64>> {
        let Some(decoded) = &self.decoded else {
            return BTreeMap::new();
        };
        let ending = decoded.numbered().filter(|(_, block)| block.last == jump);
        let edges = ending.flat_map(|(id, _)| decoded.successors(id));
        let targets = edges.filter_map(|edge| match (&edge.kind, edge.to) {
            (EdgeKind::JumpTable { cases }, EdgeTarget::Block(to)) => {
                Some((decoded.block(to).start, cases.clone()))
            }
            _ => None,
        });
        targets.collect()
    }

    fn starting_at(&self, address: LinkAddr) -> Option<BlockId> {
        self.starts.binary_search(&address).ok().and_then(id)
    }

    fn edge(&mut self, from: BlockId, to: EdgeTarget, kind: EdgeKind) {
        let evidence = Evidence::Map;
        self.edges.push(Edge {
            from,
            to,
            kind,
            evidence,
        });
    }
}

impl Contents {
    fn of(bytes: &[u8], start: LinkAddr) -> Self {
        let mut contents = Self::default();
        for instruction in Decoder::with_ip(64, bytes, start.0, DecoderOptions::NONE) {
            let near = LinkAddr(instruction.near_branch_target());
            match instruction.flow_control() {
                FlowControl::UnconditionalBranch => contents.jumps.push((near, false)),
                FlowControl::ConditionalBranch => contents.jumps.push((near, true)),
                FlowControl::Call | FlowControl::IndirectCall if is_call(&instruction) => {
                    contents.calls.push(Call {
                        at: LinkAddr(instruction.ip()),
                        target: instruction.is_call_near().then_some(near),
                    });
                }
                _ => {}
            }
            contents.last = instruction;
        }
        contents
    }
}

fn is_call(instruction: &Instruction) -> bool {
    instruction.is_call_near() || instruction.is_call_near_indirect()
}
