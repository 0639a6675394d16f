//! The verdict on a fault.
//!
//! Given a machine that stands at a fault (its registers, its memory through
//! `inspect`, what its own tables say and what its emulator logged), this
//! crate says in one sentence what happened, and what that rests on.
//!
//! Not here: finding the fault, printing it, or talking to a machine.
#![forbid(unsafe_code)]

mod evidence;
mod verdict;

pub use evidence::{DescriptorTable, EmulatorEvidence, Ending, LoggedException};
pub use verdict::{Access, Certainty, Operation, Place, Verdict, VerdictKind};
