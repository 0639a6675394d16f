//! What is known about a stop from outside the guest's registers and memory:
//! passed in as data by whoever watched the machine.

use serde::{Deserialize, Serialize};
use ukdbg_inspect::{Registers, VirtAddr};

/// What the emulator logged and what its state shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EmulatorEvidence {
    /// The exceptions that led to the end without one of them being handled,
    /// the first cause first; empty where they were not logged.
    pub exceptions: Vec<LoggedException>,
    /// How the machine ended or came to stand still.
    pub ending: Ending,
    /// Base and limit of the interrupt descriptor table, when known.
    pub idt: Option<DescriptorTable>,
}

/// An exception the emulator delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedException {
    /// Its vector.
    pub vector: u8,
    /// The error code; 0 for a vector without one.
    pub error_code: u64,
    /// CR2 at that time, for a page fault.
    pub cr2: Option<VirtAddr>,
    /// The registers that it interrupted.
    pub registers: Registers,
}

/// How a machine came to stand still, as seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Nothing special: it was stopped, or stopped at a breakpoint.
    #[default]
    Stopped,
    /// A triple fault: the processor could not deliver a double fault.
    TripleFault,
    /// It was reset, and not by a triple fault.
    Reset,
    /// It was reset; whether by a triple fault is not known.
    ResetOfUnknownCause,
    /// Every CPU is halted with interrupts off: nothing will run again.
    Halted,
    /// Every CPU stands right behind an `hlt` with interrupts off, by its
    /// registers alone: that it halts there is likely, not seen.
    SeemsHalted,
    /// The time limit passed while it ran.
    TimeLimit,
}

/// A descriptor-table register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorTable {
    /// Where the table is.
    pub base: VirtAddr,
    /// Its last valid offset.
    pub limit: u16,
}
