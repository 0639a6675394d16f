//! Exceptions that need no look at memory: divide error, invalid opcode,
//! double fault, and every other one.

use ukdbg_inspect::{AccessKind, Exception};

use super::Draft;
use crate::scene::{ExceptionFacts, Scene};
use crate::verdict::{Verdict, VerdictKind};

/// `page fault (#PF)`, or the number of a vector without a name.
pub(super) fn name(vector: u8) -> String {
    match Exception::of_vector(vector.into()) {
        Some(exception) => format!("{} ({})", exception.name, exception.mnemonic),
        None => format!("interrupt {vector}"),
    }
}

/// Vector 0: a divisor of zero, or a quotient that does not fit (SDM 2A, DIV).
pub(super) fn divide_error(scene: &Scene<'_>) -> Verdict {
    let divisor = scene.instruction.and_then(|facts| facts.divisor);
    let sentence = match divisor {
        Some(0) => "division by zero".to_owned(),
        Some(divisor) => format!("division by {divisor}, whose quotient does not fit its register"),
        None => "division by zero, or a quotient that does not fit".to_owned(),
    };
    Draft::certain(VerdictKind::DivideError, sentence).finish(scene)
}

/// Vector 6.
pub(super) fn invalid_instruction(scene: &Scene<'_>) -> Verdict {
    match scene.instruction {
        Some(facts) if facts.is_deliberate_trap => Draft::certain(
            VerdictKind::InvalidInstruction,
            "execution of a deliberate trap (`ud2`)",
        )
        .because("compilers place it where control must never get: after a call that does not return, or in an unreachable branch")
        .finish(scene),
        Some(_) => Draft::certain(
            VerdictKind::InvalidInstruction,
            "execution of an instruction the processor refuses",
        )
        .finish(scene),
        None => Draft::certain(
            VerdictKind::InvalidInstruction,
            "execution of bytes that are no instruction",
        )
        .finish(scene),
    }
}

/// Vector 8: a second exception while the first was delivered (SDM 3A 6.15,
/// table 6-5). The processor does not say which the first was; the instruction
/// may.
pub(super) fn double_fault(scene: &mut Scene<'_>, facts: ExceptionFacts) -> Verdict {
    let first = first_exception(scene);
    let draft = match &first {
        Some(first) => Draft::certain(
            VerdictKind::DoubleFault,
            format!("double fault: another exception came while {first} was delivered"),
        )
        .because(format!("the interrupted instruction raises {first}")),
        None => Draft::certain(
            VerdictKind::DoubleFault,
            "double fault: an exception came while another was delivered",
        ),
    };
    let draft = match scene.registers.sp() {
        Some(sp) if scene.addresses.describe(sp).0.mapped == Some(false) => draft.because(format!(
            "the stack pointer {sp} points where nothing is mapped"
        )),
        _ => draft,
    };
    let draft = match facts.cr2.filter(|cr2| cr2.0 != 0) {
        Some(cr2) => draft.because(format!("the last page fault was at {cr2}")),
        None => draft,
    };
    draft.finish(scene)
}

/// The exception that the interrupted instruction raises by itself, when its
/// operands show it.
pub(super) fn first_exception(scene: &mut Scene<'_>) -> Option<String> {
    let instruction = scene.instruction?;
    if instruction.divisor == Some(0) {
        return Some(format!("a {}", name(0)));
    }
    if instruction.is_deliberate_trap {
        return Some(format!("an {}", name(6)));
    }
    let faults = instruction.accesses.iter().any(|access| {
        access.address.is_some_and(|address| {
            let (description, walk) = scene.addresses.describe(address);
            let refused = access.kind == AccessKind::Write
                && walk
                    .and_then(|walk| walk.rights())
                    .is_some_and(|rights| !rights.write);
            description.mapped == Some(false) || refused
        })
    });
    faults.then(|| format!("a {}", name(14)))
}

/// Any other vector.
pub(super) fn other(scene: &Scene<'_>, facts: ExceptionFacts) -> Verdict {
    Draft::certain(VerdictKind::Exception, name(facts.vector)).finish(scene)
}
