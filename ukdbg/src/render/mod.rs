//! Replies as text for a terminal. Everything untrusted goes through
//! `escape`; colours only where the output wants them.

mod addr2line;
mod backtrace;
mod events;
mod graph;
mod place;
mod report;
mod source;
mod style;
mod symbols;
#[cfg(test)]
mod tests;

pub(crate) use addr2line::{LineStyle, address_lines};
pub(crate) use backtrace::backtraces;
pub(crate) use events::events;
pub(crate) use graph::graph;
pub(crate) use place::location;
pub(crate) use report::{Commands, page_walk, quote, report};
pub(crate) use style::{Style, Styles};
pub(crate) use symbols::symbols;
