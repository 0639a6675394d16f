//! The verdict: what kind of fault, which access, to what, where.

use serde::Serialize;
use ukdbg_image::{FunctionName, SourceLocation, Untrusted};
use ukdbg_inspect::{AccessKind, VirtAddr};

/// The answer to "what happened".
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// What kind of fault it is.
    pub kind: VerdictKind,
    /// How sure that is.
    pub certainty: Certainty,
    /// The answer in one sentence.
    pub sentence: Untrusted,
    /// The access that failed, when it was one.
    pub access: Option<FailedAccess>,
    /// Where in the source; none when the code there has no name.
    pub place: Option<Place>,
    /// The facts it rests on, one a line.
    pub because: Vec<Untrusted>,
}

/// Kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VerdictKind {
    /// Access through a null reference: page 0, at a field's offset.
    NullReference,
    /// Access past the end, or before the start, of a heap block.
    HeapOverflow,
    /// Access to a heap block that was released.
    UseAfterFree,
    /// A stack that grew into its guard.
    StackOverflow,
    /// A write to memory mapped read-only.
    WriteToReadOnly,
    /// An access that a page forbids for another reason: its privilege, a
    /// protection key.
    AccessDenied,
    /// Execution of memory that is not code.
    JumpToData,
    /// A call or jump to page 0 or to where nothing is mapped.
    WildJump,
    /// An address with bits 63–47 (or 63–56) not all equal.
    NonCanonicalAddress,
    /// An operand that is not aligned as its instruction needs.
    MisalignedAccess,
    /// Access to where nothing is mapped, and no better explanation.
    UnmappedAddress,
    /// A division by zero, or a quotient that does not fit.
    DivideError,
    /// An instruction the processor does not know.
    InvalidInstruction,
    /// A panic of the guest's language.
    Panic,
    /// A panic because of an index out of bounds.
    IndexOutOfBounds,
    /// An exception while another was delivered.
    DoubleFault,
    /// A fault that could not be delivered at all.
    TripleFault,
    /// The machine was reset by itself.
    Reset,
    /// Halted with interrupts off.
    Halted,
    /// Another exception.
    Exception,
    /// Still running when the time limit passed.
    TimeLimit,
    /// The machine was stopped; nothing says it is at fault.
    NoFault,
}

/// How sure a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The evidence leaves no other reading.
    Certain,
    /// The best reading of the evidence; `because` says what it rests on.
    Likely,
}

/// A memory access that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FailedAccess {
    /// What was tried.
    pub kind: AccessKind,
    /// Bytes, when the instruction says so.
    pub size: Option<u32>,
    /// Where.
    pub address: VirtAddr,
}

/// A place in the guest's source.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    /// Index of the frame in the backtrace as shown; the innermost of the
    /// program where the place is a panic's own word and no frame has it.
    pub frame: usize,
    /// The function; none when no frame has the place.
    pub function: Option<FunctionName>,
    /// File and line.
    pub location: Option<SourceLocation>,
}
