//! Requests that `gdbstub` does not answer as clients need it: why the guest
//! stands, `monitor`, and an end that is acknowledged.

use core::fmt::{self, Write};

use gdbstub::stub::MultiThreadStopReason;
use gdbstub::target::ext::breakpoints::WatchKind;

use super::{Port, Session};
use crate::stub::monitor::{self, Command};
use crate::stub::reply::{Body, HexText};
use crate::stub::target::{Guest, Resume};

/// Longest command of `monitor`; none is longer.
const LONGEST_COMMAND: usize = 32;

/// A request for which an answer of ours replaces `gdbstub`'s.
#[derive(Clone, Copy)]
pub(super) enum Own {
    /// `?`
    WhyStopped,
    /// `qRcmd`: a command that there is, or not.
    Monitor(Option<Command>),
    /// `vKill`, to which a reply is expected, as to `k` none.
    Kill,
}

impl Own {
    /// What a whole packet asks for, if it is one of these.
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let body = packet.strip_prefix(b"$")?;
        let body = body.get(..body.len().checked_sub(3)?)?;
        if body == b"?" {
            Some(Self::WhyStopped)
        } else if body.starts_with(b"vKill") {
            Some(Self::Kill)
        } else {
            let digits = body.strip_prefix(b"qRcmd,")?;
            let mut text = [0; LONGEST_COMMAND];
            Some(Self::Monitor(
                decode(digits, &mut text).and_then(Command::named),
            ))
        }
    }
}

/// Pairs of digits to bytes; `None` if they are not, or too many.
fn decode<'a>(digits: &[u8], text: &'a mut [u8; LONGEST_COMMAND]) -> Option<&'a [u8]> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let place = text.get_mut(..pairs.len())?;
    for (byte, pair) in place.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(place)
}

impl<G: Guest, P: Port> Session<G, P> {
    /// Puts our answer in the place of the machine's.
    pub(super) fn answer_own(&mut self, request: Own) {
        let (reason, processes) = (self.reason, self.multiprocess);
        if let Own::Monitor(Some(Command::Reset)) = request {
            self.ending = Some(Resume::Reset);
        }
        let shown = self.is_lldb && matches!(request, Own::Monitor(_)) && self.ending.is_none();
        let Some(reply) = super::reply_of(&mut self.machine) else {
            return;
        };
        reply.answer(|out| {
            if shown {
                out.write_str("O")?;
            }
            match request {
                Own::WhyStopped => write_stop(out, reason, processes),
                Own::Kill | Own::Monitor(Some(Command::Reset)) => out.write_str("OK"),
                Own::Monitor(None) => {
                    HexText(out).write_str("there is no such command; see `monitor help`\n")
                }
                Own::Monitor(Some(Command::Help)) => monitor::help(&mut HexText(out)),
                Own::Monitor(Some(command)) => self.guest.show(command, &mut HexText(out)),
            }
        });
        if shown {
            reply.append(b"$OK#9a");
        }
    }
}

/// A stop reply (RSP, "Stop Reply Packets"), as `gdbstub` writes one.
fn write_stop(
    out: &mut Body<'_>,
    reason: MultiThreadStopReason<u64>,
    processes: bool,
) -> fmt::Result {
    use MultiThreadStopReason as Reason;
    let (signal, thread) = match reason {
        Reason::SignalWithThread { tid, signal } => (signal.0, tid),
        Reason::SwBreak(tid) | Reason::HwBreak(tid) | Reason::Watch { tid, .. } => (5, tid),
        // The guest's end is told when it comes, and no client asks after it.
        _ => return out.write_str("S05"),
    };
    let process = if processes { "p01." } else { "" };
    write!(out, "T{signal:02x}thread:{process}{thread:02x};")?;
    match reason {
        Reason::SwBreak(_) => out.write_str("swbreak:;"),
        Reason::HwBreak(_) => out.write_str("hwbreak:;"),
        Reason::Watch { kind, addr, .. } => {
            let kind = match kind {
                WatchKind::Write => "watch",
                WatchKind::Read => "rwatch",
                WatchKind::ReadWrite => "awatch",
            };
            write!(out, "{kind}:{addr:x};")
        }
        _ => Ok(()),
    }
}
