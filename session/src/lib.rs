//! What a user does to one machine.
//!
//! A [`Session`] owns a target and the images in it, and answers one typed
//! [`Request`] with one typed [`Reply`]. Batch commands, prompt, terminal
//! interface and editors are front ends over this interface; `--json` prints
//! the replies.
//!
//! Not here: opening sockets or files (sources come through [`SourceText`],
//! what the emulator logged comes as data), drawing, escaping.
#![forbid(unsafe_code)]

mod abilities;
mod addresses;
mod arguments;
mod backtrace;
mod code;
mod disassembly;
mod error;
mod examine;
mod exception;
mod expression;
mod fault;
mod focus;
mod format;
mod frames;
mod graph;
mod halt;
mod handler;
mod identity;
mod instruction;
mod known_memory;
mod lines;
mod names;
mod placement;
mod print;
mod registers;
mod reply;
mod report;
mod request;
mod run;
mod session;
mod source;
mod source_text;
mod symbols;
mod tables;
#[cfg(test)]
mod tests;
mod trace;
mod travel;
pub mod view;
mod watch;
mod whois;

pub use error::SessionError;
pub use expression::{ExpressionError, ExpressionErrorKind};
pub use format::{Format, FormatError, Letter, UnitSize};
pub use graph::GraphView;
pub use identity::Identity;
pub use lines::{AddressLines, LinesView};
pub use placement::Moved;
pub use reply::Reply;
pub use request::{Extent, RegisterSet, Request, Scope};
pub use run::{
    Arrival, Back, BreakAt, BreakpointChange, Calls, Life, Means, MessageError, Motion,
    NewBreakpoint, NewWatchpoint, WatchAccess,
};
pub use session::Session;
pub use source_text::{NoSources, SourceText};
pub use symbols::{Case, SymbolKind, SymbolOrder, SymbolPattern, SymbolView, SymbolsView};
pub use ukdbg_cfg_viewer as cfg_viewer;
pub use ukdbg_diagnose as diagnose;
pub use ukdbg_image::{
    CodeAddr, CompanionFiles, DebugLevel, DebugLink, Decompressed, ElfClass, Function,
    FunctionName, Image, ImageError, IndexKind, IndexStore, LinkAddr, MissingFile, SourceFrame,
    SourceLocation, SourcePath, Syntax, TriedPlace, Untrusted, VariableKind, WantedFile,
};
pub use ukdbg_inspect as inspect;
