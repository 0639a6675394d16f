//! A motion under way: plain data.

use std::ops::Range;

use ukdbg_image::{CodeAddr, SourceLocation};
use ukdbg_inspect::{Registers, VcpuId, VirtAddr};

use super::{Arrival, Calls};

/// What the machine was let go for.
#[derive(Clone, Debug)]
pub(super) struct UnderWay {
    /// The CPU that moves.
    pub(super) vcpu: VcpuId,
    pub(super) plan: Plan,
    /// How often it is still to be done, this time included.
    pub(super) left: u64,
    /// Where it waits for the CPU to come by.
    pub(super) gates: Vec<Gate>,
}

#[derive(Clone, Debug)]
pub(super) enum Plan {
    Instructions(Calls),
    Lines(LineStep),
    /// Out of a call that was inlined: until the frame has fewer inlined calls
    /// than this, or is gone.
    LeaveInlined {
        cfa: Option<VirtAddr>,
        depth: usize,
    },
    /// Until a gate is passed.
    Gates,
}

/// A step along source lines.
#[derive(Clone, Debug)]
pub(super) struct LineStep {
    pub(super) calls: Calls,
    /// Whether it ends at lines further up.
    pub(super) backwards: Backwards,
    /// The frame it began in.
    pub(super) cfa: Option<VirtAddr>,
    /// Frames of that physical frame that are shown, inlined ones counted.
    pub(super) depth: usize,
    /// The line that is to be left.
    pub(super) line: Option<SourceLocation>,
    /// Code that is part of it.
    pub(super) code: Range<VirtAddr>,
    /// Instructions that were executed for it one by one.
    pub(super) instructions: u32,
}

/// Whether a step goes back to a line further up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backwards {
    Stops,
    RunsThrough,
}

/// A place where a motion waits for its CPU.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) at: VirtAddr,
    /// The stack pointer there, at least: a recursive call's is lower.
    pub(super) stack: Option<VirtAddr>,
    pub(super) why: Why,
}

/// What it means that a gate is passed.
#[derive(Clone, Debug)]
pub(super) enum Why {
    /// A function that was stepped over has returned, or a trap's handler.
    CameBack,
    /// The body of a function that was stepped into begins.
    Entered,
    /// The code of a line that repeats is left, or is about to be.
    LeftLine,
    /// A frame has returned; what it returns is described where this is.
    Returned(Option<VirtAddr>),
    /// The frame with the first address has ended before its motion did.
    LeftBehind,
    /// The place is reached.
    Arrived(Arrival, Option<VirtAddr>),
    /// A handler of the processor's.
    Trap(u8),
}

/// What a single step was asked for.
#[derive(Clone, Debug)]
pub(super) enum StepFor {
    /// To get over a breakpoint that has been dealt with.
    Pass { vcpu: VcpuId },
    /// For a motion; the registers before it.
    Motion { before: Box<Registers> },
}

/// How a motion goes on.
#[derive(Debug)]
pub(super) enum Next {
    /// By one instruction.
    Step,
    /// Freely, until a gate or a breakpoint.
    Run,
    /// It is done.
    Done(crate::view::Cause),
}

impl Gate {
    /// Where the caller of a frame goes on.
    pub(super) fn of_return(pc: CodeAddr<VirtAddr>, stack: Option<VirtAddr>, why: Why) -> Self {
        Self {
            at: pc.address(),
            stack,
            why,
        }
    }
}
