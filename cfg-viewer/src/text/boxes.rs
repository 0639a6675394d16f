//! A block as the lines of a box, before it has a width.

use super::width::{clip, columns, printable};
use super::{Role, Span, Zoom, spans_width};
use crate::drawing::{edge_words, evidence_words, unresolved_words};
use crate::{BlockId, BlockListing, Drawing, Edge, EdgeTarget, Evidence};
use ukdbg_image::LinkAddr;

/// A line of a box.
pub(super) struct BoxLine {
    pub(super) block: Option<BlockId>,
    pub(super) address: Option<LinkAddr>,
    part: Part,
    border: Role,
    spans: Vec<Span>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    Body,
    Footer,
    /// Between two boxes.
    Between,
}

impl BoxLine {
    pub(super) fn is_header(&self) -> bool {
        self.part == Part::Header
    }

    /// Columns of its contents.
    pub(super) fn width(&self) -> usize {
        spans_width(&self.spans)
    }

    /// The line with its frame, in exactly `width` columns; `wired` when an
    /// edge meets it.
    pub(super) fn framed(self, width: usize, wired: bool) -> Vec<Span> {
        let inner = width.saturating_sub(4);
        let (left, fill, right) = match self.part {
            Part::Header => ("╭ ", "─", "╮"),
            Part::Body => ("│ ", " ", "│"),
            Part::Footer if wired => ("┴ ", "─", "╯"),
            Part::Footer => ("╰ ", "─", "╯"),
            Part::Between => return self.spans,
        };
        let border = self.border;
        let mut line = vec![Span::new(border, left)];
        let mut used = 0;
        for mut span in self.spans {
            span.text = clip(&span.text, inner - used);
            used += columns(&span.text);
            line.push(span);
        }
        let fill = fill.repeat(inner - used);
        line.push(Span::new(border, format!(" {fill}{right}")));
        line
    }
}

impl Drawing<'_> {
    /// A block's lines, with the one between it and `next`.
    pub(super) fn block_box(&self, id: BlockId, next: Option<BlockId>, zoom: Zoom) -> Vec<BoxLine> {
        let border = match (self.holds_faulting(id), self.cfg.block(id).evidence) {
            (true, _) => Role::FaultBorder,
            (_, Evidence::Unreached) => Role::DimBorder,
            _ => Role::Border,
        };
        let line = |part, spans, address| BoxLine {
            block: (part != Part::Between).then_some(id),
            address,
            part,
            border,
            spans,
        };
        let contents = self.listing.block(id);
        let body = match zoom {
            Zoom::Instructions => self.instructions(contents),
            Zoom::Source => source_lines(contents),
            Zoom::Labels => Vec::new(),
        };
        let mut lines = vec![line(Part::Header, self.header(id, zoom), None)];
        for (spans, address) in body {
            lines.push(line(Part::Body, spans, address));
        }
        lines.push(line(Part::Footer, self.footer(id, next), None));
        if let Some(next) = next {
            let falls = self
                .cfg
                .successors(id)
                .iter()
                .any(|edge| edge.to == EdgeTarget::Block(next) && is_onward(edge));
            let mark = if falls { "  ↓" } else { "" };
            lines.push(line(Part::Between, vec![Span::new(Role::Edge, mark)], None));
        }
        lines
    }

    fn header(&self, id: BlockId, zoom: Zoom) -> Vec<Span> {
        let block = self.cfg.block(id);
        let mut spans = vec![
            Span::new(Role::Label, format!("b{}", id.0)),
            Span::new(Role::Space, " "),
            Span::new(Role::Address, block.start.to_string()),
        ];
        let source = self.listing.block(id).source.first();
        if let Some(source) = source.filter(|_| zoom == Zoom::Labels) {
            spans.push(Span::new(Role::Space, " "));
            let place = format!(
                "{}:{}",
                printable(file_name(source.file.raw())),
                source.line
            );
            spans.push(Span::new(Role::Source, place));
        }
        let mut notes = Vec::new();
        notes.extend((self.cfg.entry() == Some(id)).then(|| "entry".to_owned()));
        notes.extend(match self.loop_size(id) {
            0 => None,
            1 => Some("loop".to_owned()),
            size => Some(format!("loop of {size} blocks")),
        });
        notes.extend(evidence_words(block.evidence).map(str::to_owned));
        notes.extend(self.holds_faulting(id).then(|| "fault here".to_owned()));
        notes.extend(self.holds_current(id).then(|| "stopped here".to_owned()));
        if !notes.is_empty() {
            spans.push(Span::new(Role::Note, format!(" {}", notes.join(", "))));
        }
        spans
    }

    fn instructions(&self, contents: &BlockListing) -> Vec<(Vec<Span>, Option<LinkAddr>)> {
        let mut lines = Vec::new();
        let mut last = None;
        for instruction in &contents.instructions {
            if instruction.source.is_some() && instruction.source != last {
                last = instruction.source;
                let source = last.and_then(|place| contents.source.get(place));
                lines.extend(source.map(|source| (vec![source_span(source)], None)));
            }
            let address = Some(instruction.address);
            let (mark, role) = match (
                self.marks.faulting == address,
                self.marks.current == address,
            ) {
                (true, _) => ("✗ ", Role::FaultingInstruction),
                (_, true) => ("→ ", Role::CurrentInstruction),
                _ => ("  ", Role::Instruction),
            };
            let spans = vec![
                Span::new(role, mark),
                Span::new(Role::Address, instruction.address.to_string()),
                Span::new(Role::Space, "  "),
                Span::new(role, printable(instruction.text.raw())),
            ];
            lines.push((spans, address));
        }
        lines
    }

    /// Where the block leads, in words: complete even where the gutter has no
    /// room for a wire.
    fn footer(&self, id: BlockId, next: Option<BlockId>) -> Vec<Span> {
        let mut spans = Vec::new();
        for edge in self.cfg.successors(id) {
            if !spans.is_empty() {
                spans.push(Span::new(Role::Border, " · "));
            }
            let words = edge_words(&edge.kind);
            if !words.is_empty() {
                spans.push(Span::new(Role::Note, format!("{words} ")));
            }
            spans.push(match edge.to {
                EdgeTarget::Block(to) if Some(to) == next && is_onward(edge) => {
                    Span::new(Role::Edge, "↓")
                }
                EdgeTarget::Block(to) => {
                    let role = match self.is_back_edge(id, edge.to) {
                        true => Role::BackEdge,
                        false => Role::Edge,
                    };
                    Span::new(role, format!("→ b{}", to.0))
                }
                EdgeTarget::Outside(address) => {
                    let name = self.listing.name(address).map(|name| printable(name.raw()));
                    let name = name.unwrap_or_else(|| address.to_string());
                    Span::new(Role::Edge, format!("→ {name}"))
                }
                EdgeTarget::Unresolved(why) => {
                    Span::new(Role::Unresolved, format!("→ ? {}", unresolved_words(why)))
                }
            });
        }
        if spans.is_empty() {
            spans.push(Span::new(Role::Note, self.end_words(id)));
        }
        spans
    }

    fn end_words(&self, id: BlockId) -> &'static str {
        use crate::BlockEnd;
        match self.cfg.block(id).end {
            BlockEnd::Return => "return",
            BlockEnd::Trap => "trap",
            BlockEnd::Invalid => "no instruction behind",
            BlockEnd::Cut => "code ends",
            BlockEnd::NoReturnCall => "never returns",
            BlockEnd::FallThrough
            | BlockEnd::Jump
            | BlockEnd::Call
            | BlockEnd::Branch
            | BlockEnd::IndirectJump
            | BlockEnd::TailCall => "",
        }
    }
}

/// Whether an edge goes on to the instruction behind, so that the next box
/// itself shows it.
fn is_onward(edge: &Edge) -> bool {
    !matches!(
        edge.kind,
        crate::EdgeKind::Taken | crate::EdgeKind::JumpTable { .. }
    )
}

fn source_lines(contents: &BlockListing) -> Vec<(Vec<Span>, Option<LinkAddr>)> {
    let lines = contents.source.iter();
    lines
        .map(|source| (vec![source_span(source)], None))
        .collect()
}

fn source_span(source: &crate::SourceLine) -> Span {
    let file = printable(file_name(source.file.raw()));
    let inlined = source
        .inlined
        .as_ref()
        .map(|name| format!(" in {}", printable(name.raw())));
    let text = format!("{file}:{}{}", source.line, inlined.unwrap_or_default());
    Span::new(Role::Source, text)
}

/// The last two components of a path tell files of one program apart.
fn file_name(path: &str) -> &str {
    let mut slashes = path.rmatch_indices('/').map(|(place, _)| place);
    slashes.nth(1).map_or(path, |place| &path[place + 1..])
}
