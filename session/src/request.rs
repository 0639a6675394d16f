//! What can be asked of a session.

use serde::Serialize;
use ukdbg_diagnose::EmulatorEvidence;
use ukdbg_image::Syntax;
use ukdbg_inspect::{StepInterrupts, VcpuId, VirtAddr};

use crate::Format;
use crate::run::{BreakpointChange, Motion, NewBreakpoint, NewWatchpoint};

/// One question to a stopped machine, or one thing to do to it. Every front end
/// asks these.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Request {
    /// Lets the machine go on. The reply comes at once; what happens then comes
    /// from [`Session::poll`](crate::Session::poll).
    Go(Motion),
    /// Why the machine stands still.
    LastStop,
    /// A new breakpoint.
    Break(NewBreakpoint),
    /// A new watchpoint.
    Watch(NewWatchpoint),
    /// Every breakpoint and watchpoint.
    Breakpoints,
    /// Changes a breakpoint or watchpoint.
    ChangeBreakpoint {
        /// Its number.
        number: u32,
        /// What changes.
        change: BreakpointChange,
    },
    /// Deletes a breakpoint or watchpoint.
    DeleteBreakpoint {
        /// Its number; none for all.
        number: Option<u32>,
    },
    /// Whether steps mask interrupts.
    StepInterrupts(StepInterrupts),
    /// What the machine's links can do.
    Abilities,
    /// The CPUs, and where each stands.
    Cpus,
    /// Makes requests be about a CPU, its frames and its steps.
    SelectCpu {
        /// The CPU.
        cpu: VcpuId,
    },
    /// Writes a value to a place: a variable, memory, a register.
    Assign {
        /// The place: an expression that denotes one.
        place: String,
        /// The value: an expression that is a number.
        value: String,
        /// The frame that both are meant in, as shown; none for the innermost.
        frame: Option<usize>,
    },
    /// Moves the selected CPU to a place, without running there.
    Jump {
        /// As a breakpoint's place is typed.
        place: String,
    },
    /// Who called whom.
    Backtrace(Scope),
    /// What happened, where, and how it got there.
    Report(EmulatorEvidence),
    /// The registers of a frame, by its physical index in the last backtrace.
    Registers {
        /// 0 for the innermost.
        frame: usize,
    },
    /// Instructions around an address.
    Disassembly {
        /// The address.
        at: VirtAddr,
    },
    /// Source lines of a frame, by its index in the last backtrace.
    Source {
        /// Index as shown, inlined frames counted.
        frame: usize,
        /// Lines before and after.
        context: u32,
    },
    /// Events of the trace rings.
    Trace {
        /// Only so many, the newest of the whole guest; none for all.
        newest: Option<u64>,
    },
    /// The value of an expression.
    Print {
        /// The expression.
        expression: String,
        /// The frame it is meant in, as shown; none for the innermost.
        frame: Option<usize>,
        /// How its numbers are written.
        format: Option<Format>,
        /// How much of it is shown.
        extent: Extent,
    },
    /// Keeps the value of an expression as it is now: `$` and its number mean
    /// it in later expressions.
    Keep {
        /// The expression.
        expression: String,
        /// The frame it is meant in, as shown; none for the innermost.
        frame: Option<usize>,
    },
    /// Arguments and locals.
    Locals {
        /// The frame, as shown; none for all.
        frame: Option<usize>,
        /// How much of each is shown.
        extent: Extent,
    },
    /// Memory, unit by unit.
    Examine {
        /// Where: an address, or what has one.
        expression: String,
        /// The frame it is meant in.
        frame: Option<usize>,
        /// How many units, how large, how written.
        format: Format,
    },
    /// What an address is.
    Whois {
        /// The address, or what has one.
        expression: String,
        /// The frame it is meant in.
        frame: Option<usize>,
    },
    /// The instructions of a function.
    Code {
        /// The function or an address in it; none for the frame's own.
        expression: Option<String>,
        /// The frame that is meant.
        frame: Option<usize>,
        /// How they are written.
        syntax: Syntax,
    },
    /// Where a place is that a breakpoint could be at.
    Places {
        /// As a breakpoint's place is typed.
        place: String,
        /// The frame that is meant.
        frame: Option<usize>,
    },
    /// Source lines by name.
    List {
        /// `FILE:LINE`, a function, an address; none for the frame's own line.
        place: Option<String>,
        /// The frame that is meant.
        frame: Option<usize>,
        /// Lines before and after.
        context: u32,
    },
    /// Registers of a frame as it is shown, inlined frames counted.
    FrameRegisters {
        /// Index as shown.
        frame: usize,
        /// Which of them.
        set: RegisterSet,
    },
    /// The descriptor tables of a CPU: segments, interrupt gates, task state.
    Tables {
        /// The CPU; none for the one that stopped.
        vcpu: Option<VcpuId>,
    },
    /// The control-flow graph of the function that holds a run-time address.
    Graph {
        /// The address, marked in the graph.
        at: VirtAddr,
    },
}

/// Which registers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RegisterSet {
    /// Those of the frame.
    Frame,
    /// Also those of its CPU that lead to descriptor tables, which may take
    /// another question to the machine.
    All,
}

/// Whose stacks a backtrace covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Scope {
    /// The CPU that stopped.
    Selected,
    /// Every CPU, and every task that is not running.
    All,
}

/// How much of a value is shown, where that is not left to us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Levels of structures and followed pointers.
    pub depth: Option<usize>,
    /// Elements of a level, and bytes of text.
    pub elements: Option<usize>,
}
