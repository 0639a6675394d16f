//! A graph for a terminal: its blocks as boxes, one below the other in the
//! order of their addresses, with the edges drawn in a gutter at the left.
//!
//! The lines are data, of parts with a role each; colours are for whoever
//! shows them. No line is wider than asked for, and none holds a control
//! character.

mod boxes;
mod gutter;
mod width;

use ukdbg_image::LinkAddr;

use crate::{BlockId, Cfg, Drawing, EdgeKind, EdgeTarget};

use boxes::BoxLine;
use gutter::{Gutter, Wire};
use width::{clip, columns};

/// How much of each block is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Zoom {
    /// Every instruction, with the source lines between them.
    Instructions,
    /// The source lines.
    Source,
    /// Only where the block begins and where it leads.
    Labels,
}

/// A line of a drawing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextLine {
    /// Its parts, from left to right.
    pub spans: Vec<Span>,
    /// The block whose box it is part of.
    pub block: Option<BlockId>,
    /// The instruction it shows.
    pub address: Option<LinkAddr>,
}

/// Part of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// What it is.
    pub role: Role,
    /// Its text, without control characters.
    pub text: String,
}

/// What a part of a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The function's name.
    Title,
    /// A box's frame.
    Border,
    /// The frame of a box that no known way leads to.
    DimBorder,
    /// The frame of the box that holds the instruction that faulted.
    FaultBorder,
    /// A block's number.
    Label,
    /// An address.
    Address,
    /// An instruction.
    Instruction,
    /// The instruction at which the machine stands.
    CurrentInstruction,
    /// The instruction that faulted.
    FaultingInstruction,
    /// A source position.
    Source,
    /// Words of our own.
    Note,
    /// Something that is not known.
    Unresolved,
    /// An edge.
    Edge,
    /// An edge back to the header of a loop.
    BackEdge,
    /// Space.
    Space,
}

impl Span {
    pub(crate) fn new(role: Role, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { role, text }
    }
}

impl TextLine {
    /// The line's text, without its roles.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }

    fn note(role: Role, text: String) -> Self {
        Self {
            spans: vec![Span::new(role, text)],
            block: None,
            address: None,
        }
    }
}

/// Narrower than this nothing can be read; the lines are wider then.
const LEAST_WIDTH: usize = 24;

impl Drawing<'_> {
    /// The graph as lines of at most `width` columns (24 at least).
    pub fn text(&self, width: usize, zoom: Zoom) -> Vec<TextLine> {
        let width = width.max(LEAST_WIDTH);
        let order = reading_order(self.cfg);
        let boxes: Vec<_> = order
            .iter()
            .enumerate()
            .flat_map(|(place, &id)| self.block_box(id, order.get(place + 1).copied(), zoom))
            .collect();
        let gutter = Gutter::new(&self.wires(&boxes), boxes.len(), width / 3);
        let inner = boxes.iter().map(BoxLine::width).max().unwrap_or(0);
        let box_width = (inner + 4).min(width - gutter.columns());
        let mut lines = self.title(width);
        lines.extend(boxes.into_iter().enumerate().map(|(number, line)| {
            let mut spans = gutter.line(number);
            let (block, address) = (line.block, line.address);
            spans.extend(line.framed(box_width, gutter.meets_box(number)));
            spans.retain(|span| !span.text.is_empty());
            TextLine {
                spans,
                block,
                address,
            }
        }));
        lines
    }

    fn title(&self, width: usize) -> Vec<TextLine> {
        let function = &self.cfg.function;
        let name = clip(function.name.demangled.raw(), width);
        let loops = self.structure.map_or(0, |s| s.loops().len());
        let unresolved = self
            .cfg
            .edges
            .iter()
            .filter(|edge| matches!(edge.to, EdgeTarget::Unresolved(_)));
        let mut facts = vec![
            function.entry.to_string(),
            counted(self.cfg.blocks.len(), "block"),
            counted(self.cfg.edges.len(), "edge"),
            counted(loops, "loop"),
        ];
        match unresolved.count() {
            0 => {}
            count => facts.push(format!("{} unresolved", counted(count, "jump"))),
        }
        if !self.cfg.gaps.is_empty() {
            facts.push("code missing".into());
        }
        vec![
            TextLine::note(Role::Title, name),
            TextLine::note(Role::Note, clip(&facts.join(", "), width)),
        ]
    }

    /// One wire for all edges to a block from the same side, so that they
    /// share a column.
    fn wires(&self, boxes: &[BoxLine]) -> Vec<Wire> {
        let blocks = self.cfg.blocks.len();
        let (mut first, mut last) = (vec![0; blocks], vec![0; blocks]);
        for (number, line) in boxes.iter().enumerate() {
            let Some(id) = line.block else { continue };
            if line.is_header() {
                first[id.index()] = number;
            }
            last[id.index()] = number;
        }
        let mut wires = std::collections::BTreeMap::<(usize, bool), Wire>::new();
        for edge in &self.cfg.edges {
            let EdgeTarget::Block(to) = edge.to else {
                continue;
            };
            let (source, target) = (last[edge.from.index()], first[to.index()]);
            // What goes on in the next box needs no wire.
            let falls = !matches!(
                edge.kind,
                EdgeKind::Taken | EdgeKind::JumpTable { .. } | EdgeKind::LandingPad
            );
            if falls && target == source + 2 {
                continue;
            }
            let back = self.is_back_edge(edge.from, edge.to);
            let wire = wires.entry((target, back)).or_insert_with(|| Wire {
                target,
                sources: Vec::new(),
                back,
            });
            wire.sources.push(source);
        }
        wires.into_values().collect()
    }
}

/// The part of the function that holds its entry first, the others behind,
/// each by address.
fn reading_order(cfg: &Cfg) -> Vec<BlockId> {
    let ranges = &cfg.function.ranges;
    let entry = ranges
        .iter()
        .find(|range| range.contains(&cfg.function.entry));
    let in_entry = |id: &BlockId| {
        let start = cfg.block(*id).start;
        entry.is_some_and(|range| range.contains(&start))
    };
    let (mut order, others): (Vec<_>, Vec<_>) =
        cfg.numbered().map(|(id, _)| id).partition(in_entry);
    order.extend(others);
    order
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The columns that a line's parts take.
pub(crate) fn spans_width(spans: &[Span]) -> usize {
    spans.iter().map(|span| columns(&span.text)).sum()
}
