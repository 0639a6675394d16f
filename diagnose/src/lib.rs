//! The verdict on a fault.
//!
//! Given a machine that stands at a fault (its registers, its memory through
//! `inspect`, what its own tables say and what its emulator logged), this
//! crate says in one sentence what happened, and what that rests on.
//!
//! Not here: finding the fault, printing it, or talking to a machine.
#![forbid(unsafe_code)]

mod evidence;
mod instruction;
mod place;
mod rules;
mod scene;
mod verdict;

pub use evidence::{DescriptorTable, EmulatorEvidence, Ending, LoggedException};
pub use instruction::{InstructionFacts, MemoryAccess, RegisterOperand};
pub use place::{FrameFacts, is_library};
pub use rules::heap_block;
pub use scene::{Addresses, Caller, Cause, ExceptionFacts, Scene, judge};
pub use verdict::{Certainty, FailedAccess, Place, Verdict, VerdictKind};
