//! The control flow of a function: recovered, understood, drawn.
//!
//! [`Cfg::recover`] finds a function's blocks and edges in its machine code,
//! each with the evidence it rests on; a jump whose targets are not known is an
//! edge to [`EdgeTarget::Unresolved`], never silence. Where the compiler left
//! its own map of blocks, that is the graph. A [`Program`] does the same for all
//! functions of an image, which takes less time than each by itself; a
//! [`FunctionLine`] is such a function in short. [`Structure`] adds
//! dominators and loops. A [`Listing`] holds what a reader wants to see of each
//! block (instructions, source lines), and [`Drawing`] brings the three and the
//! [`Marks`] of a stopped machine into a form: for Graphviz
//! ([`Drawing::dot`]), as a document ([`Drawing::document`]), or as styled
//! lines for a terminal ([`Drawing::text`]).
//!
//! Not here: a machine, a terminal, files, or the source text itself.
#![forbid(unsafe_code)]

mod code;
mod document;
mod dot;
mod drawing;
mod graph;
mod known;
mod line;
mod listing;
mod program;
mod recover;
mod returns;
mod structure;
#[cfg(test)]
mod tests;
mod text;

pub use document::Document;
pub use drawing::{Drawing, Marks};
pub use graph::{
    Block, BlockEnd, BlockId, Call, Cfg, CfgGap, Edge, EdgeKind, EdgeTarget, Evidence, Unresolved,
};
pub use line::FunctionLine;
pub use listing::{BlockListing, InstructionLine, Listing, SourceLine};
pub use program::{CompilerMap, Program};
pub use structure::{Loop, Structure};
pub use text::{Role, Span, TextLine, Zoom};
