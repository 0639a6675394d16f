//! What can be asked of a session.

use serde::Serialize;
use ukdbg_diagnose::EmulatorEvidence;
use ukdbg_inspect::VirtAddr;

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
