//! What a verdict is made from, and the choice of the rule that makes it.

use ukdbg_image::{SourceLocation, Untrusted};
use ukdbg_inspect::{AddressDescription, PageWalk, Registers, VirtAddr};

use crate::evidence::{EmulatorEvidence, Ending};
use crate::instruction::InstructionFacts;
use crate::place::FrameFacts;
use crate::rules;
use crate::verdict::Verdict;

/// A machine at a fault, as far as it is known.
pub struct Scene<'a> {
    /// What the guest or the emulator says happened.
    pub cause: Cause<'a>,
    /// The registers at the faulting instruction.
    pub registers: &'a Registers,
    /// The faulting instruction; none when it cannot be read.
    pub instruction: Option<&'a InstructionFacts>,
    /// The backtrace as it is shown, innermost first.
    pub frames: &'a [FrameFacts<'a>],
    /// What was seen from outside.
    pub evidence: &'a EmulatorEvidence,
    /// What is known about addresses.
    pub addresses: &'a mut dyn Addresses,
}

/// What is known about addresses of the machine.
pub trait Addresses {
    /// What an address is, with the page-table walk when there are tables.
    fn describe(&mut self, at: VirtAddr) -> (AddressDescription, Option<PageWalk>);
    /// The function a return address is in, its library callers skipped when
    /// `at` belongs to the standard library or to the runtime.
    fn caller(&mut self, at: VirtAddr) -> Option<Caller>;
}

/// Code that called something.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The function.
    pub function: Untrusted,
    /// Where in it.
    pub location: Option<SourceLocation>,
    /// It is part of the language's library or of the runtime: whoever called
    /// it is the better answer.
    pub is_library: bool,
}

/// What the guest or the emulator says happened.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    /// An exception that nobody handled.
    Exception(ExceptionFacts),
    /// A panic of the guest's language, in its own words.
    Panic {
        /// The message.
        message: &'a str,
        /// The file it names.
        file: &'a str,
        /// The line it names.
        line: u32,
    },
    /// Nothing: only what is seen from outside.
    Unknown,
}

/// An exception's own account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExceptionFacts {
    /// Its vector.
    pub vector: u8,
    /// The error code, when known.
    pub error_code: Option<u64>,
    /// CR2 at the exception, when known.
    pub cr2: Option<VirtAddr>,
}

/// The verdict on a scene.
pub fn judge(mut scene: Scene<'_>) -> Verdict {
    let scene = &mut scene;
    match (scene.cause, scene.evidence.ending) {
        (
            Cause::Panic {
                message,
                file,
                line,
            },
            _,
        ) => rules::panic(scene, message, file, line),
        (cause, Ending::TripleFault) => rules::triple_fault(scene, cause),
        (Cause::Exception(facts), _) => rules::exception(scene, facts),
        (Cause::Unknown, ending) => rules::ending(scene, ending),
    }
}
