//! Reading memory through a stub: many small requests under way at once, one
//! answer to the caller, exact up to the byte where memory ends.

use std::collections::VecDeque;
use std::time::Instant;

use ukdbg_inspect::TargetError;

use super::{Answer, RspLink, Ticket};
use crate::rsp::command::Command;
use crate::rsp::reply;

/// Mappings end at multiples of this.
const PAGE: u64 = 4096;

/// Requests handed to the client ahead of their answers. It sends as many as
/// its window allows.
const AHEAD: usize = 32;

impl RspLink {
    /// Reads in pieces of at most `piece` bytes that do not cross a page, and
    /// says how many bytes were read from the start; the first piece that
    /// comes short ends it.
    pub(crate) fn read_memory(
        &mut self,
        at: u64,
        buffer: &mut [u8],
        piece: usize,
    ) -> Result<usize, TargetError> {
        let (mut sent, mut done) = (0, 0);
        let mut waiting: VecDeque<(Ticket, usize)> = VecDeque::new();
        let mut ended = false;
        let mut piece = piece;
        loop {
            while !ended && sent < buffer.len() && waiting.len() < AHEAD {
                let Some(from) = offset(at, sent) else {
                    break;
                };
                let length = to_page_end(from).min(piece).min(buffer.len() - sent);
                let command = Command::ReadMemory { at: from, length };
                waiting.push_back((self.client.send(command, Instant::now()), length));
                sent += length;
            }
            let Some((ticket, length)) = waiting.pop_front() else {
                return Ok(done);
            };
            let answer = self.answer(ticket, "a read of memory")?;
            // After a short piece the answers to the rest only have to be
            // taken out of the way.
            if ended {
                continue;
            }
            let count = self.take_piece(&answer, &mut buffer[done..done + length])?;
            done += count;
            if count < length {
                ended = true;
                // Some stubs answer short before the edge: ask for the rest
                // once the line is clear, in pieces that they do answer.
                if count > 0 {
                    piece = count;
                    for (ticket, _) in waiting.drain(..) {
                        self.answer(ticket, "a read of memory")?;
                    }
                    (sent, ended) = (done, false);
                }
            }
        }
    }

    /// Decodes one answer and says how many bytes it holds.
    fn take_piece(&self, answer: &Answer, into: &mut [u8]) -> Result<usize, TargetError> {
        match answer {
            Answer::Content(digits) if digits.len() / 2 <= into.len() => {
                let into = &mut into[..digits.len() / 2];
                reply::hex_into(digits, into)
                    .map(|()| into.len())
                    .ok_or_else(|| self.senseless("a read of memory", "not hexadecimal"))
            }
            Answer::Content(_) => Err(self.senseless("a read of memory", "more than was asked")),
            // Unmapped is an error number with most stubs and an empty answer
            // with some.
            Answer::Error(_) | Answer::Unknown => Ok(0),
        }
    }
}

fn offset(at: u64, by: usize) -> Option<u64> {
    at.checked_add(u64::try_from(by).ok()?)
}

fn to_page_end(at: u64) -> usize {
    usize::try_from(PAGE - at % PAGE).expect("at most a page")
}
