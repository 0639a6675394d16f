//! The commands, one file each. A command checks its arguments, asks a
//! session, and renders the replies.

pub(crate) mod addr2line;
pub(crate) mod attach;
pub(crate) mod bt;
pub(crate) mod cfg;
pub(crate) mod completions;
pub(crate) mod disas;
pub(crate) mod dump;
pub(crate) mod hidden;
pub(crate) mod list;
pub(crate) mod locals;
pub(crate) mod print;
pub(crate) mod regs;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod symbols;
pub(crate) mod tables;
pub(crate) mod trace_list;
pub(crate) mod whois;
pub(crate) mod why;
pub(crate) mod x;

pub(crate) mod connect;
mod look;
mod replayed;
