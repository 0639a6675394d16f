//! What follows from a graph's shape: dominators and natural loops. Only edges
//! that are known count; an unresolved jump may hide others.

use petgraph::algo::dominators;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::graph::id;
use crate::{BlockId, Cfg, EdgeTarget};

/// Larger graphs are left without structure: time and memory grow with the
/// square of the blocks in the worst case, and no reader follows so many.
const MAX_BLOCKS: usize = 16 << 10;

/// Blocks that all loops of a graph may have together.
const MAX_LOOP_BLOCKS: usize = 1 << 22;

/// Dominators and loops of a graph.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    immediate: Vec<Option<BlockId>>,
    /// Position of each block in a walk of the dominator tree, and of the last
    /// block below it; none for a block that the entry does not reach.
    interval: Vec<Option<(u32, u32)>>,
    loops: Vec<Loop>,
    depth: Vec<u32>,
}

/// A natural loop: a block that is jumped back to, and every block that gets
/// there without leaving through it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loop {
    /// The block that every round passes, and the only way in.
    pub header: BlockId,
    /// Blocks with an edge back to the header.
    pub latches: Vec<BlockId>,
    /// All its blocks, ascending, the header included.
    pub body: Vec<BlockId>,
}

impl Structure {
    /// The structure of a graph; none when it has no entry or too many blocks.
    pub fn of(cfg: &Cfg) -> Option<Self> {
        let entry = cfg.entry().filter(|_| cfg.blocks.len() <= MAX_BLOCKS)?;
        let mut graph: DiGraph<(), ()> = DiGraph::new();
        cfg.blocks.iter().for_each(|_| {
            graph.add_node(());
        });
        for (from, to) in block_edges(cfg) {
            graph.update_edge(NodeIndex::new(from.index()), NodeIndex::new(to.index()), ());
        }
        let dominators = dominators::simple_fast(&graph, NodeIndex::new(entry.index()));
        let immediate: Vec<_> = graph
            .node_indices()
            .map(|node| id(dominators.immediate_dominator(node)?.index()))
            .collect();
        let mut structure = Self {
            interval: intervals(&immediate, entry),
            immediate,
            loops: Vec::new(),
            depth: vec![0; cfg.blocks.len()],
        };
        structure.find_loops(cfg, &graph);
        Some(structure)
    }

    /// The last block that every way to this one passes before it; none for
    /// the entry and for blocks that are not reached.
    pub fn immediate_dominator(&self, block: BlockId) -> Option<BlockId> {
        self.immediate.get(block.index()).copied().flatten()
    }

    /// Whether every way from the entry to `block` passes `dominator`.
    pub fn dominates(&self, dominator: BlockId, block: BlockId) -> bool {
        let interval = |id: BlockId| self.interval.get(id.index()).copied().flatten();
        match (interval(dominator), interval(block)) {
            (Some((first, last)), Some((place, _))) => (first..=last).contains(&place),
            _ => false,
        }
    }

    /// Whether the entry reaches a block over known edges.
    pub fn is_reached(&self, block: BlockId) -> bool {
        self.dominates(block, block)
    }

    /// The natural loops, by header ascending.
    pub fn loops(&self) -> &[Loop] {
        &self.loops
    }

    /// How many loops a block is in.
    pub fn loop_depth(&self, block: BlockId) -> u32 {
        self.depth.get(block.index()).copied().unwrap_or(0)
    }

    fn find_loops(&mut self, cfg: &Cfg, graph: &DiGraph<(), ()>) {
        let mut back: Vec<_> = block_edges(cfg)
            .filter(|&(from, to)| self.dominates(to, from))
            .map(|(latch, header)| (header, latch))
            .collect();
        back.sort_unstable();
        back.dedup();
        let mut left = MAX_LOOP_BLOCKS;
        for same_header in back.chunk_by(|a, b| a.0 == b.0) {
            let header = same_header[0].0;
            let latches: Vec<_> = same_header.iter().map(|&(_, latch)| latch).collect();
            let body = self.body(graph, header, &latches);
            let Some(rest) = left.checked_sub(body.len()) else {
                return;
            };
            left = rest;
            body.iter().for_each(|block| self.depth[block.index()] += 1);
            self.loops.push(Loop {
                header,
                latches,
                body,
            });
        }
    }

    /// Every block from which a latch is reached without passing the header.
    fn body(&self, graph: &DiGraph<(), ()>, header: BlockId, latches: &[BlockId]) -> Vec<BlockId> {
        let mut inside = std::collections::BTreeSet::from([header]);
        let mut pending = latches.to_vec();
        while let Some(block) = pending.pop() {
            if self.is_reached(block) && inside.insert(block) {
                let node = NodeIndex::new(block.index());
                let before = graph.neighbors_directed(node, petgraph::Incoming);
                pending.extend(before.filter_map(|node| id(node.index())));
            }
        }
        inside.into_iter().collect()
    }
}

fn block_edges(cfg: &Cfg) -> impl Iterator<Item = (BlockId, BlockId)> + '_ {
    cfg.edges.iter().filter_map(|edge| match edge.to {
        EdgeTarget::Block(to) => Some((edge.from, to)),
        _ => None,
    })
}

/// Numbers the dominator tree so that domination is a comparison.
fn intervals(immediate: &[Option<BlockId>], entry: BlockId) -> Vec<Option<(u32, u32)>> {
    let mut children = vec![Vec::new(); immediate.len()];
    for (place, parent) in immediate.iter().enumerate() {
        if let (Some(parent), Some(child)) = (parent, id(place)) {
            children[parent.index()].push(child);
        }
    }
    let mut intervals = vec![None; immediate.len()];
    let mut next = 0;
    let mut pending = vec![(entry, false)];
    while let Some((block, done)) = pending.pop() {
        if done {
            if let Some((first, _)) = intervals[block.index()] {
                intervals[block.index()] = Some((first, next - 1));
            }
            continue;
        }
        intervals[block.index()] = Some((next, next));
        next += 1;
        pending.push((block, true));
        pending.extend(children[block.index()].iter().map(|&child| (child, false)));
    }
    intervals
}
