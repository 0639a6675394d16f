//! GDB's remote serial protocol, without sockets or clocks ([`Client`]), and
//! the one place that joins it to a transport ([`RspLink`]).

mod client;
mod command;
mod framer;
mod hostile;
mod layout;
mod link;
mod reply;

pub use client::Traffic;
pub use hostile::read_rsp;

pub(crate) use command::{Command, MemoryMode, PointKind};
pub(crate) use layout::{Layout, QEMU_LENGTH, includes};
pub(crate) use link::{Answer, RspLink};
pub(crate) use reply::{Features, StopCause, StopReply, ThreadId, threads};
