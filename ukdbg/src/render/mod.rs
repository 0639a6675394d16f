//! Replies as text for a terminal. Everything untrusted goes through
//! `escape`; colours only where the output wants them.

mod abilities;
mod addr2line;
mod backtrace;
mod breakpoints;
mod code;
mod events;
mod graph;
mod look;
mod place;
mod registers;
mod report;
mod source;
mod stop;
mod style;
mod symbols;
mod tables;
#[cfg(test)]
mod tests;
mod value;
mod whois;
mod why;

pub(crate) use abilities::abilities;
pub(crate) use addr2line::{LineStyle, address_lines};
pub(crate) use backtrace::{backtraces, frame_line};
pub(crate) use breakpoints::{breakpoint, breakpoints, cpus, places};
pub(crate) use code::{CodeStyle, code};
pub(crate) use events::events;
pub(crate) use graph::graph;
pub(crate) use look::{locals, memory};
pub(crate) use place::location;
pub(crate) use registers::registers;
pub(crate) use report::{Commands, page_walk, quote, report};
pub(crate) use source::source;
pub(crate) use stop::{event, stop};
pub(crate) use style::{Style, Styles};
pub(crate) use symbols::symbols;
pub(crate) use tables::tables;
pub(crate) use value::value;
pub(crate) use whois::whois;
pub(crate) use why::why;
