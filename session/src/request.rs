//! What can be asked of a session.

use serde::Serialize;
use ukdbg_diagnose::EmulatorEvidence;
use ukdbg_image::Syntax;
use ukdbg_inspect::VirtAddr;

use crate::Format;

/// One question to a stopped machine. Every front end asks these.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Request {
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
    },
    /// Arguments and locals.
    Locals {
        /// The frame, as shown; none for all.
        frame: Option<usize>,
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
    },
    /// The control-flow graph of the function that holds a run-time address.
    Graph {
        /// The address, marked in the graph.
        at: VirtAddr,
    },
}

/// Whose stacks a backtrace covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Scope {
    /// The CPU that stopped.
    Selected,
    /// Every CPU, and every task that is not running.
    All,
}
