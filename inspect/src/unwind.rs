//! A backtrace: what it is made of. How it is found is in the submodules.

mod cfi;
mod code;
mod expression;
mod follow;
mod frame_pointer;
mod plain;
mod prologue;
mod return_address;
mod simulate;
mod step;
mod trap_frame;
mod unwinder;

use serde::Serialize;
use ukdbg_image::CodeAddr;

use crate::{Registers, VirtAddr};

pub(crate) use expression::FrameContext;
pub use unwinder::Unwinder;

/// The frames of one stack, innermost first. Never a bare error: what was
/// found is kept, and `end` says why there is no more.
#[derive(Clone, Debug)]
pub struct Backtrace {
    /// Physical frames; inlined functions are looked up per frame.
    pub frames: Vec<Frame>,
    /// Why the backtrace ends.
    pub end: StackEnd,
}

/// One physical frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Where it executes.
    pub pc: CodeAddr<VirtAddr>,
    /// The canonical frame address, when known.
    pub cfa: Option<VirtAddr>,
    /// Its registers, as far as they can be recovered.
    pub registers: Registers,
    /// How it was found.
    pub found_by: FoundBy,
    /// It was interrupted by a trap, whose handler is the frame before.
    pub interrupted: bool,
}

/// How a frame was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// The registers of the stop.
    Stop,
    /// The fault record.
    FaultRecord,
    /// The registers that the emulator logged at an exception.
    EmulatorLog,
    /// Call frame information of the frame before.
    Cfi,
    /// A trap frame that the processor pushed.
    TrapFrame,
    /// The instructions of the frame before, where it has no call frame
    /// information: what they pushed on the way in, or what they pop on the
    /// way to its return.
    Code,
    /// The chain of frame pointers.
    FramePointer,
    /// A word at the stack top that follows a call: right after a call
    /// through a bad pointer, or before a prologue.
    ReturnAddress,
    /// A word on the stack that looks like a return address: a guess.
    Scan,
    /// A task's saved switch frame.
    SwitchFrame,
}

/// Why a backtrace ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum StackEnd {
    /// The outermost frame: the rules say it has no caller.
    Root,
    /// Memory could not be read.
    Truncated {
        /// Where.
        at: VirtAddr,
    },
    /// Nothing says how to find the caller.
    NoRule {
        /// The code address without a rule.
        pc: VirtAddr,
    },
    /// The limit of frames was reached.
    Limit {
        /// The limit.
        frames: usize,
    },
    /// A frame repeats: the stack is cyclic or smashed.
    Loop {
        /// The repeated canonical frame address.
        cfa: VirtAddr,
    },
}
