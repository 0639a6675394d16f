//! A backtrace as it is shown: inlined functions are frames of their own.

use serde::Serialize;
use ukdbg_image::{FunctionName, SourceLocation, Untrusted};
use ukdbg_inspect::{FoundBy, StackEnd, VcpuId, VirtAddr};

/// The frames of one stack, innermost first.
#[derive(Debug, Clone, Serialize)]
pub struct BacktraceView {
    /// Whose stack it is.
    pub of: StackOwner,
    /// Its frames.
    pub frames: Vec<FrameView>,
    /// Why there are no more.
    pub end: StackEnd,
}

/// Whose stack a backtrace is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum StackOwner {
    /// What a CPU executes now.
    Cpu {
        /// The CPU.
        id: VcpuId,
    },
    /// What a CPU executed when it faulted.
    Fault {
        /// The CPU, by the guest's own numbering.
        cpu: u32,
    },
    /// A task that is not running.
    Task {
        /// Its name.
        name: Untrusted,
    },
}

/// One frame, real or inlined.
#[derive(Debug, Clone, Serialize)]
pub struct FrameView {
    /// Its number, from 0.
    pub index: usize,
    /// The physical frame it belongs to, from 0.
    #[serde(skip)]
    pub physical: usize,
    /// Its level in that frame's inline chain, 0 the innermost.
    #[serde(skip)]
    pub level: usize,
    /// Where it executes: for a caller, its return address.
    pub pc: VirtAddr,
    /// The canonical frame address, where known.
    pub cfa: Option<VirtAddr>,
    /// The image that holds the code.
    pub module: Option<String>,
    /// The function, where it has a name.
    pub function: Option<FunctionName>,
    /// Bytes from the function's start to `pc`, for a frame without a line.
    pub offset: Option<u64>,
    /// Where in the source.
    pub location: Option<SourceLocation>,
    /// It was inlined into the next frame.
    pub inlined: bool,
    /// It was interrupted by a trap.
    pub interrupted: bool,
    /// How it was found.
    pub found_by: FoundBy,
    /// Arguments, where debugging information gives them.
    pub arguments: Vec<ArgumentView>,
    /// Its arguments were not read: it is in the middle of a deep stack.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub arguments_left_out: bool,
}

/// An argument and its value.
#[derive(Debug, Clone, Serialize)]
pub struct ArgumentView {
    /// Its name.
    pub name: Untrusted,
    /// Its value in one line; says so when it is not available.
    pub value: Untrusted,
}
