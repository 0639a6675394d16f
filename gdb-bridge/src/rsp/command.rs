//! The packets a debugger sends, as values. Encodes; does not send.

use std::fmt::Write as _;

use super::reply::{self, ThreadId};

/// What a reply may look like, so that a stray or lying reply is noticed
/// before it is taken for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Hexadecimal data, `E…`, or empty.
    Hex,
    /// `OK`, `E…`, or empty.
    Done,
    /// A stop reply, `E…`, or empty.
    Stop,
    /// Anything but a stop reply.
    Text,
    /// Any number of `O…`, then `OK`, hexadecimal data, `E…`, or empty.
    Monitor,
    /// No reply until the guest stops.
    Resume,
}

impl Shape {
    /// Whether a reply that is no stop can be of this shape.
    pub(crate) fn fits(self, payload: &[u8]) -> bool {
        let refusal = payload.is_empty() || reply::error(payload).is_some();
        match self {
            Self::Text => true,
            Self::Done => refusal || payload == b"OK",
            Self::Stop | Self::Resume => refusal,
            // `x` stands for a register that cannot be read.
            Self::Hex => {
                refusal
                    || payload.len().is_multiple_of(2)
                        && payload
                            .iter()
                            .all(|byte| byte.is_ascii_hexdigit() || *byte == b'x')
            }
            Self::Monitor => refusal || payload == b"OK" || reply::hex_bytes(payload).is_some(),
        }
    }
}

/// The kinds of `Z` and `z` packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PointKind {
    /// `Z0`
    Software = 0,
    /// `Z1`
    Hardware = 1,
    /// `Z2`
    Write = 2,
    /// `Z3`
    Read = 3,
    /// `Z4`
    Access = 4,
}

/// One packet to the stub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// `qSupported`
    Supported,
    /// `QStartNoAckMode`
    StartNoAckMode,
    /// `?`
    StopReason,
    /// `g`
    ReadRegisters,
    /// `G`, with the digits of all registers as `g` gave them.
    WriteRegisters(Vec<u8>),
    /// `m`
    ReadMemory {
        /// First byte, virtual or physical by the stub's current mode.
        at: u64,
        /// Number of bytes.
        length: usize,
    },
    /// `M`
    WriteMemory {
        /// First byte.
        at: u64,
        /// What to write.
        bytes: Vec<u8>,
    },
    /// `Z`
    InsertPoint {
        /// Which kind of point.
        kind: PointKind,
        /// Its address.
        at: u64,
        /// Instruction or watched length.
        length: u64,
    },
    /// `z`
    RemovePoint {
        /// Which kind of point.
        kind: PointKind,
        /// Its address.
        at: u64,
        /// Instruction or watched length.
        length: u64,
    },
    /// `Hg`: the thread that register and memory packets are about.
    SelectThread(ThreadId),
    /// `Hc`: the thread that `c` and `s` are about.
    SelectResumeThread(ThreadId),
    /// `qfThreadInfo`
    FirstThreads,
    /// `qsThreadInfo`
    NextThreads,
    /// `vCont;c`
    ContinueAll,
    /// `vCont;s:THREAD`: one steps, the others stand still.
    StepOne(ThreadId),
    /// `c`, for stubs without `vCont`
    PlainContinue,
    /// `s`, for stubs without `vCont`
    PlainStep,
    /// `bc`, only to a stub that said it can
    ReverseContinue,
    /// `D`, or `D;pid` to a stub with multiprocess extensions.
    Detach(Option<u64>),
    /// `Qqemu.PhyMemMode`
    MemoryMode(MemoryMode),
    /// `Qqemu.sstep`: what a single step masks, as QEMU's bits.
    StepFlags(u8),
    /// `qqemu.PhyMemMode`, which only QEMU answers.
    QueryMemoryMode,
    /// `qRcmd`
    Monitor(String),
    /// `qXfer:features:read:…`
    Features {
        /// File name, `target.xml` first.
        annex: String,
        /// Where in the file to begin.
        offset: usize,
        /// The most bytes to send.
        length: usize,
    },
    /// A query that no stub knows: its reply is empty, and no other
    /// reply is, which tells where in the stream of replies we stand.
    Probe,
}

/// What addresses in `m` and `M` mean to QEMU's stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryMode {
    /// Through the selected thread's page tables.
    Virtual,
    /// Physical addresses.
    Physical,
}

impl Command {
    /// The payload, without frame and checksum, not yet escaped.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let point = |letter, kind: PointKind, at, length| {
            format!("{letter}{},{at:x},{length:x}", kind as u8)
        };
        let text = match self {
            // No `multiprocess+`: QEMU keeps it switched on for later clients
            // and then refuses a plain `D`.
            Self::Supported => "qSupported:swbreak+;hwbreak+;vContSupported+".to_owned(),
            Self::StartNoAckMode => "QStartNoAckMode".to_owned(),
            Self::StopReason => "?".to_owned(),
            Self::ReadRegisters => "g".to_owned(),
            Self::WriteRegisters(digits) => {
                let mut payload = b"G".to_vec();
                payload.extend_from_slice(digits);
                return payload;
            }
            Self::ReadMemory { at, length } => format!("m{at:x},{length:x}"),
            Self::WriteMemory { at, bytes } => {
                hex_after(&format!("M{at:x},{:x}:", bytes.len()), bytes)
            }
            Self::InsertPoint { kind, at, length } => point('Z', *kind, at, length),
            Self::RemovePoint { kind, at, length } => point('z', *kind, at, length),
            Self::SelectThread(thread) => format!("Hg{thread}"),
            Self::SelectResumeThread(thread) => format!("Hc{thread}"),
            Self::FirstThreads => "qfThreadInfo".to_owned(),
            Self::NextThreads => "qsThreadInfo".to_owned(),
            Self::ContinueAll => "vCont;c".to_owned(),
            Self::StepOne(thread) => format!("vCont;s:{thread}"),
            Self::PlainContinue => "c".to_owned(),
            Self::PlainStep => "s".to_owned(),
            Self::ReverseContinue => "bc".to_owned(),
            Self::Detach(None) => "D".to_owned(),
            Self::Detach(Some(process)) => format!("D;{process:x}"),
            Self::MemoryMode(MemoryMode::Virtual) => "Qqemu.PhyMemMode:0".to_owned(),
            Self::MemoryMode(MemoryMode::Physical) => "Qqemu.PhyMemMode:1".to_owned(),
            Self::StepFlags(flags) => format!("Qqemu.sstep={flags:x}"),
            Self::QueryMemoryMode => "qqemu.PhyMemMode".to_owned(),
            Self::Monitor(line) => hex_after("qRcmd,", line.as_bytes()),
            Self::Features {
                annex,
                offset,
                length,
            } => {
                format!("qXfer:features:read:{annex}:{offset:x},{length:x}")
            }
            Self::Probe => "qUkdbgSync".to_owned(),
        };
        text.into_bytes()
    }

    /// What its reply looks like.
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::StopReason => Shape::Stop,
            Self::ReadRegisters | Self::ReadMemory { .. } => Shape::Hex,
            Self::StartNoAckMode
            | Self::WriteRegisters(_)
            | Self::WriteMemory { .. }
            | Self::InsertPoint { .. }
            | Self::RemovePoint { .. }
            | Self::SelectThread(_)
            | Self::SelectResumeThread(_)
            | Self::MemoryMode(_)
            | Self::StepFlags(_)
            | Self::Detach(_) => Shape::Done,
            Self::ContinueAll
            | Self::StepOne(_)
            | Self::PlainContinue
            | Self::PlainStep
            | Self::ReverseContinue => Shape::Resume,
            Self::Monitor(_) => Shape::Monitor,
            Self::Supported
            | Self::FirstThreads
            | Self::NextThreads
            | Self::Features { .. }
            | Self::QueryMemoryMode
            | Self::Probe => Shape::Text,
        }
    }

    /// Whether carrying it out twice is the same as once, so that it may be
    /// sent again when nothing is heard.
    pub(crate) fn repeatable(&self) -> bool {
        !matches!(self.shape(), Shape::Resume | Shape::Monitor)
            && !matches!(self, Self::Detach(_) | Self::NextThreads)
    }

    /// Whether it may be under way together with others of which that is
    /// true: it changes nothing, so it can be asked again in any order.
    pub(crate) fn pipelined(&self) -> bool {
        matches!(
            self,
            Self::ReadMemory { .. }
                | Self::ReadRegisters
                | Self::StopReason
                | Self::QueryMemoryMode
                | Self::FirstThreads
        )
    }
}

fn hex_after(head: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(head.len().saturating_add(bytes.len().saturating_mul(2)));
    text.push_str(head);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
    }
    text
}
