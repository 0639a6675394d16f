//! Everything that a drawing of a graph shows, brought together. The forms
//! themselves are in `dot`, `document` and `text`.

use ukdbg_image::LinkAddr;

use crate::{BlockId, Cfg, EdgeKind, EdgeTarget, Evidence, Listing, Structure, Unresolved};

/// Addresses of a stopped machine to mark in a graph.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Marks {
    /// Where it executes.
    pub current: Option<LinkAddr>,
    /// The instruction that faulted.
    pub faulting: Option<LinkAddr>,
}

/// A graph with all that is to be shown of it.
#[derive(Clone, Copy, Debug)]
pub struct Drawing<'a> {
    /// The graph.
    pub cfg: &'a Cfg,
    /// Its blocks' contents.
    pub listing: &'a Listing,
    /// Its dominators and loops, where it has any.
    pub structure: Option<&'a Structure>,
    /// What to mark.
    pub marks: Marks,
}

impl Drawing<'_> {
    pub(crate) fn holds_current(&self, block: BlockId) -> bool {
        self.holds(block, self.marks.current)
    }

    pub(crate) fn holds_faulting(&self, block: BlockId) -> bool {
        self.holds(block, self.marks.faulting)
    }

    fn holds(&self, block: BlockId, address: Option<LinkAddr>) -> bool {
        address.is_some_and(|address| self.cfg.block(block).contains(address))
    }

    /// Whether an edge goes back to the header of a loop.
    pub(crate) fn is_back_edge(&self, from: BlockId, to: EdgeTarget) -> bool {
        match (self.structure, to) {
            (Some(structure), EdgeTarget::Block(to)) => structure.dominates(to, from),
            _ => false,
        }
    }

    /// How many blocks the loop of a header has; 0 for other blocks.
    pub(crate) fn loop_size(&self, block: BlockId) -> usize {
        let loops = self.structure.map_or(&[][..], Structure::loops);
        let place = loops.binary_search_by_key(&block, |found| found.header);
        place.map_or(0, |place| loops[place].body.len())
    }
}

/// An edge's kind in words; nothing for what a reader takes for granted.
pub(crate) fn edge_words(kind: &EdgeKind) -> String {
    match kind {
        EdgeKind::FallThrough | EdgeKind::Jump => String::new(),
        EdgeKind::Taken => "taken".into(),
        EdgeKind::NotTaken => "not taken".into(),
        EdgeKind::JumpTable { cases } => cases_words(cases),
        EdgeKind::Indirect => "indirect".into(),
        EdgeKind::CallReturn => "returned".into(),
        EdgeKind::TailCall => "tail call".into(),
        EdgeKind::NoReturn => "never returns".into(),
        EdgeKind::LandingPad => "throws".into(),
    }
}

/// `case 1, 4–7`.
fn cases_words(cases: &[u64]) -> String {
    let mut words = Vec::new();
    for run in cases.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        words.push(match run {
            [only] => only.to_string(),
            [first, .., last] => format!("{first}–{last}"),
            [] => continue,
        });
    }
    let more = words.len().saturating_sub(8);
    words.truncate(8);
    match more {
        0 => format!("case {}", words.join(", ")),
        _ => format!("case {}, {more} more", words.join(", ")),
    }
}

pub(crate) fn unresolved_words(why: Unresolved) -> &'static str {
    match why {
        Unresolved::Computed => "computed at run time",
        Unresolved::Unbounded => "table without a known bound",
        Unresolved::Table => "table that cannot be trusted",
        Unresolved::Limit => "not looked at: too many",
        Unresolved::NoCode => "no code there",
    }
}

/// What is worth saying about how a block is known.
pub(crate) fn evidence_words(evidence: Evidence) -> Option<&'static str> {
    (evidence == Evidence::Unreached).then_some("no known way here")
}
