//! Replies of a stub, decoded. Pure functions over packet payloads, which
//! are a claim of whoever is at the other end: every one may be malformed.

use std::fmt;

use super::framer::hex_digit;

/// A thread as a stub numbers it; QEMU counts its vCPUs from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ThreadId {
    /// The process, where the stub uses multiprocess extensions.
    pub process: Option<u64>,
    /// The thread.
    pub thread: u64,
}

impl ThreadId {
    /// `1`, `p1.1`, of any case, with leading zeros.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        match text.strip_prefix(b"p") {
            None => Some(Self {
                process: None,
                thread: hex_number(text)?,
            }),
            Some(both) => {
                let dot = both.iter().position(|byte| *byte == b'.')?;
                Some(Self {
                    process: Some(hex_number(&both[..dot])?),
                    thread: hex_number(&both[dot + 1..])?,
                })
            }
        }
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            None => write!(out, "{:x}", self.thread),
            Some(process) => write!(out, "p{process:x}.{:x}", self.thread),
        }
    }
}

/// Why a stub says the guest stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StopReply {
    /// `S` or `T`: stopped, with a signal of GDB's numbering.
    Signal {
        /// The signal.
        signal: u8,
        /// The thread that stopped, if the stub says.
        thread: Option<ThreadId>,
        /// What it stopped at, if the stub says.
        cause: Option<StopCause>,
    },
    /// `W`: the guest ended with a status.
    Exited(u8),
    /// `X`: the guest was ended by a signal.
    Killed(u8),
}

/// What a `T` packet says beyond the signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// `swbreak`
    SoftwareBreakpoint,
    /// `hwbreak`
    HardwareBreakpoint,
    /// `watch`, at the watched range's start.
    WriteWatch(u64),
    /// `rwatch`
    ReadWatch(u64),
    /// `awatch`
    AccessWatch(u64),
    /// `replaylog`: an end of the recorded history.
    EndOfHistory,
}

impl StopReply {
    /// Decodes `S…`, `T…`, `W…` and `X…`.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let (&letter, rest) = payload.split_first()?;
        let code = hex_byte(rest.get(..2)?)?;
        let rest = &rest[2..];
        match letter {
            b'S' if rest.is_empty() => Some(Self::Signal {
                signal: code,
                thread: None,
                cause: None,
            }),
            b'W' if rest.is_empty() || rest[0] == b';' => Some(Self::Exited(code)),
            b'X' if rest.is_empty() || rest[0] == b';' => Some(Self::Killed(code)),
            b'T' => {
                let (mut thread, mut cause) = (None, None);
                for pair in rest.split(|byte| *byte == b';') {
                    let colon = pair
                        .iter()
                        .position(|byte| *byte == b':')
                        .unwrap_or(pair.len());
                    let (name, value) = pair.split_at(colon);
                    let value = value.get(1..).unwrap_or_default();
                    let at = || hex_number(value).unwrap_or_default();
                    match name {
                        b"thread" => thread = ThreadId::parse(value),
                        b"swbreak" => cause = Some(StopCause::SoftwareBreakpoint),
                        b"hwbreak" => cause = Some(StopCause::HardwareBreakpoint),
                        b"watch" => cause = Some(StopCause::WriteWatch(at())),
                        b"rwatch" => cause = Some(StopCause::ReadWatch(at())),
                        b"awatch" => cause = Some(StopCause::AccessWatch(at())),
                        b"replaylog" => cause = Some(StopCause::EndOfHistory),
                        _ => {}
                    }
                }
                Some(Self::Signal {
                    signal: code,
                    thread,
                    cause,
                })
            }
            _ => None,
        }
    }
}

/// What a stub said it supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Features {
    /// The longest payload it takes.
    pub packet_size: usize,
    /// It serves `target.xml`.
    pub target_description: bool,
    /// `vCont` resumes single threads.
    pub resume_actions: bool,
    /// Acknowledgements can be switched off.
    pub no_ack: bool,
    /// `bc` runs back in a recorded execution.
    pub runs_back: bool,
}

/// The least a stub must take according to GDB, used when it does not say.
const DEFAULT_PACKET_SIZE: usize = 400;

impl Features {
    /// Decodes the reply to `qSupported`; an empty one is a stub that knows
    /// nothing of it.
    pub(crate) fn parse(payload: &[u8]) -> Self {
        let mut features = Self {
            packet_size: DEFAULT_PACKET_SIZE,
            target_description: false,
            resume_actions: false,
            no_ack: false,
            runs_back: false,
        };
        for item in payload.split(|byte| *byte == b';') {
            match item {
                b"qXfer:features:read+" => features.target_description = true,
                b"vContSupported+" => features.resume_actions = true,
                b"ReverseContinue+" => features.runs_back = true,
                b"QStartNoAckMode+" => features.no_ack = true,
                _ => {
                    if let Some(size) = item.strip_prefix(b"PacketSize=").and_then(hex_number) {
                        let size = usize::try_from(size).unwrap_or(usize::MAX);
                        // A stub that claims nonsense gets the usual size.
                        features.packet_size = if size < 32 { DEFAULT_PACKET_SIZE } else { size };
                    }
                }
            }
        }
        features
    }
}

/// Decodes a list of threads; `None` for the end of the list (`l`).
pub(crate) fn threads(payload: &[u8]) -> Option<Vec<ThreadId>> {
    let list = payload.strip_prefix(b"m")?;
    Some(
        list.split(|byte| *byte == b',')
            .filter_map(ThreadId::parse)
            .collect(),
    )
}

/// The number of an `E…` reply, 0 if it has none; `None` if it is no error.
///
/// `E` with text is an error too; lower-case hexadecimal data never begins so.
pub(super) fn error(payload: &[u8]) -> Option<u8> {
    match payload {
        [b'E', high, low] => Some(hex_byte(&[*high, *low]).unwrap_or(0)),
        [b'E', b'.', ..] => Some(0),
        _ => None,
    }
}

/// The text of an `O…` packet; `None` for anything else.
pub(super) fn console_text(payload: &[u8]) -> Option<Vec<u8>> {
    hex_bytes(payload.strip_prefix(b"O")?).filter(|_| payload != b"OK")
}

/// A monitor command's whole output after an `O`, made of what came before
/// and of the last reply; a refusal stays as it is.
pub(super) fn gather(gathered: &[u8], last: Vec<u8>) -> Vec<u8> {
    let text = match hex_bytes(&last) {
        _ if last == b"OK" => Vec::new(),
        Some(text) if !last.is_empty() && error(&last).is_none() => text,
        _ => return last,
    };
    [b"O", gathered, &text].concat()
}

/// Pairs of digits to bytes; `None` if any is not a pair of digits.
pub(super) fn hex_bytes(digits: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; digits.len() / 2];
    hex_into(digits, &mut bytes)?;
    Some(bytes)
}

/// Like [`hex_bytes`], into a buffer that must be exactly large enough.
pub(super) fn hex_into(digits: &[u8], bytes: &mut [u8]) -> Option<()> {
    if digits.len() != bytes.len().checked_mul(2)? {
        return None;
    }
    // One look-up for each digit and one test at the end keep the loop free
    // of branches: memory arrives as fast as the socket gives it.
    let mut bad = 0;
    for (pair, byte) in digits.chunks_exact(2).zip(bytes) {
        let (high, low) = (NIBBLES[usize::from(pair[0])], NIBBLES[usize::from(pair[1])]);
        bad |= high | low;
        *byte = high << 4 | low;
    }
    (bad < 16).then_some(())
}

/// A register's digits, least significant byte first; `None` if it is longer
/// than a word or not known (`x`).
pub(super) fn little_endian(digits: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    hex_into(digits, bytes.get_mut(..digits.len() / 2)?)?;
    Some(u64::from_le_bytes(bytes))
}

/// Value of each digit, 0xff for what is no digit.
const NIBBLES: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value as usize] as usize] = value;
        table[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// Big-endian digits to a number; `None` if empty, no digits, or too large.
pub(super) fn hex_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        if value >> 60 != 0 {
            return None;
        }
        Some(value << 4 | u64::from(hex_digit(*digit)?))
    })
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    match digits {
        [high, low] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
