//! A graph for Graphviz. Names come from an image and may hold anything: every
//! string is quoted, and nothing of it is left to the language's escapes.

use std::fmt::Write;

use crate::drawing::{edge_words, evidence_words, unresolved_words};
use crate::{BlockId, Drawing, Edge, EdgeKind, EdgeTarget, Evidence};

impl Drawing<'_> {
    /// The graph in Graphviz's language.
    pub fn dot(&self) -> String {
        let mut dot = Dot {
            drawing: self,
            out: String::new(),
        };
        dot.graph();
        dot.out
    }
}

struct Dot<'a> {
    drawing: &'a Drawing<'a>,
    out: String,
}

impl Dot<'_> {
    /// Appends a line; writing to a string cannot fail.
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let written = self.out.write_fmt(line);
        debug_assert!(written.is_ok());
        self.out.push('\n');
    }

    fn graph(&mut self) {
        let drawing = self.drawing;
        let function = &drawing.cfg.function;
        let name = quote(function.name.demangled.raw());
        self.line(format_args!("digraph {name} {{"));
        let title = format!("{} at {}", function.name.demangled.raw(), function.entry);
        self.line(format_args!("  label={} labelloc=t", quote(&title)));
        self.line(format_args!(
            "  node [shape=box fontname=\"monospace\" fontsize=10]"
        ));
        self.line(format_args!("  edge [fontname=\"monospace\" fontsize=9]"));
        for (id, _) in drawing.cfg.numbered() {
            self.block(id);
        }
        for (number, edge) in drawing.cfg.edges.iter().enumerate() {
            self.edge(number, edge);
        }
        self.line(format_args!("}}"));
    }

    fn block(&mut self, id: BlockId) {
        let drawing = self.drawing;
        let block = drawing.cfg.block(id);
        let contents = drawing.listing.block(id);
        let mut label = format!("b{}  {}\n", id.0, block.start);
        if let Some(words) = evidence_words(block.evidence) {
            label.push_str(words);
            label.push('\n');
        }
        let mut last = None;
        for line in &contents.instructions {
            if line.source.is_some() && line.source != last {
                last = line.source;
                if let Some(source) = last.and_then(|place| contents.source.get(place)) {
                    label.push_str(&format!("{}:{}\n", source.file.raw(), source.line));
                }
            }
            label.push_str(&format!("  {}  {}\n", line.address, line.text.raw()));
        }
        let style = match (drawing.holds_faulting(id), drawing.holds_current(id)) {
            (true, _) => " style=filled fillcolor=\"#ffd0d0\" color=\"#c00000\" penwidth=2",
            (_, true) => " style=filled fillcolor=\"#d8e8ff\" color=\"#0040a0\" penwidth=2",
            _ if block.evidence == Evidence::Unreached => " style=dashed color=\"#808080\"",
            _ => "",
        };
        let label = quote_left(&label);
        self.line(format_args!("  b{} [label={label}{style}]", id.0));
    }

    fn edge(&mut self, number: usize, edge: &Edge) {
        let from = edge.from.0;
        let mut attributes = format!("label={}", quote(&edge_words(&edge.kind)));
        attributes.push_str(match edge.kind {
            EdgeKind::Taken => " color=\"#207020\"",
            EdgeKind::NotTaken => " color=\"#a03030\"",
            EdgeKind::NoReturn | EdgeKind::TailCall | EdgeKind::LandingPad => " style=dashed",
            _ => "",
        });
        if self.drawing.is_back_edge(edge.from, edge.to) {
            attributes.push_str(" penwidth=2 constraint=true");
        }
        let to = match edge.to {
            EdgeTarget::Block(to) => format!("b{}", to.0),
            EdgeTarget::Outside(address) => {
                let name = self.drawing.listing.name(address);
                let label = match name {
                    Some(name) => quote(name.raw()),
                    None => quote(&address.to_string()),
                };
                self.line(format_args!(
                    "  o{number} [label={label} shape=oval style=dashed]"
                ));
                format!("o{number}")
            }
            EdgeTarget::Unresolved(why) => {
                let label = quote(&format!("?\n{}", unresolved_words(why)));
                self.line(format_args!(
                    "  u{number} [label={label} shape=diamond color=\"#c08000\"]"
                ));
                format!("u{number}")
            }
        };
        self.line(format_args!("  b{from} -> {to} [{attributes}]"));
    }
}

/// A quoted string, its lines centred.
fn quote(text: &str) -> String {
    quoted(text, "\\n")
}

/// A quoted string, its lines left-justified.
fn quote_left(text: &str) -> String {
    quoted(text, "\\l")
}

/// In a quoted string only `"` and `\` mean anything to the language; what
/// XML, into which Graphviz writes it, cannot hold is replaced.
fn quoted(text: &str, line_end: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '\n' => out.push_str(line_end),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            // Graphviz reads entities in labels; an ampersand of our own is
            // written as one, so that none is made up of the name's.
            '&' => out.push_str("&amp;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
