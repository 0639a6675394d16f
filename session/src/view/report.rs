//! The report on a fault, and the events that came before it.

use serde::Serialize;
use ukdbg_diagnose::Verdict;
use ukdbg_image::{LinkAddr, Untrusted};
use ukdbg_inspect::{PageWalk, VirtAddr};

use super::{BacktraceView, SourceView, Word};

/// What happened, where, and how it got there.
#[derive(Debug, Clone, Serialize)]
pub struct ReportView {
    /// The answer in one sentence, with what it rests on.
    pub verdict: Verdict,
    /// The exception, decoded.
    pub exception: Option<ExceptionView>,
    /// What the guest's language said when it panicked.
    pub panic: Option<PanicView>,
    /// The faulting instruction.
    pub instruction: Option<InstructionView>,
    /// The faulting line and those around it.
    pub source: Option<SourceView>,
    /// Through the trap, into the interrupted code, up to the entry point.
    pub backtrace: BacktraceView,
    /// The last events of the trace rings.
    pub events: Option<TraceView>,
    /// What could not be found out, and why.
    pub gaps: Vec<String>,
    /// Commands to go on with.
    pub next: Vec<NextStep>,
}

/// What to do next. The front end knows how its user would ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NextStep {
    /// Look at the control flow of a function, where the fault is marked.
    Graph {
        /// The function.
        function: Untrusted,
        /// The module that holds the faulting instruction.
        module: Option<String>,
        /// The faulting instruction, as the module was linked.
        at: Option<LinkAddr>,
    },
    /// Look at all events, not only the last.
    Trace,
    /// Look around in the machine where it stands.
    Look,
}

/// An exception, decoded.
#[derive(Debug, Clone, Serialize)]
pub struct ExceptionView {
    /// Its vector.
    pub vector: u8,
    /// The usual short form: `#PF`.
    pub mnemonic: Option<&'static str>,
    /// The usual name: page fault.
    pub name: &'static str,
    /// The error code, for a vector that has one and where it is known.
    pub error_code: Option<Word>,
    /// What the error code's bits say.
    pub error_bits: Vec<String>,
    /// The address a page fault names (CR2).
    pub address: Option<VirtAddr>,
    /// How the page tables translate that address.
    pub walk: Option<PageWalk>,
}

/// A panic's own words.
#[derive(Debug, Clone, Serialize)]
pub struct PanicView {
    /// The message.
    pub message: Untrusted,
    /// The place it names, `file:line`.
    pub place: Option<Untrusted>,
}

/// One instruction, with the values it works on.
#[derive(Debug, Clone, Serialize)]
pub struct InstructionView {
    /// Its address.
    pub address: VirtAddr,
    /// Its text.
    pub text: Untrusted,
    /// Registers it reads and memory it touches.
    pub operands: Vec<OperandView>,
}

/// An operand and its value.
#[derive(Debug, Clone, Serialize)]
pub struct OperandView {
    /// As written: `rax`, `[rdi+0x10]`.
    pub text: String,
    /// The register's value, or the address of a memory operand.
    pub value: Option<Word>,
    /// What that is.
    pub meaning: Option<Untrusted>,
}

/// Events of all CPUs by time.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TraceView {
    /// The events, oldest first.
    pub events: Vec<EventView>,
    /// Events that were overwritten before they could be read.
    pub lost: u64,
    /// Events recorded in all, by the rings' own count of slots.
    pub written: u64,
    /// What could not be decoded, and why.
    pub gaps: Vec<String>,
}

/// One event.
#[derive(Debug, Clone, Serialize)]
pub struct EventView {
    /// Time-stamp counter.
    pub tsc: u64,
    /// Nanoseconds since the guest's start, when its clock is known.
    pub nanoseconds: Option<u64>,
    /// The CPU.
    pub cpu: u32,
    /// The event's name.
    pub name: Untrusted,
    /// Its fields in order: name and value.
    pub fields: Vec<(Untrusted, Untrusted)>,
}
