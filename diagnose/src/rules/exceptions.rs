//! Exceptions that need no look at memory: divide error, invalid opcode,
//! double fault, and every other one.

use ukdbg_inspect::{
    Access, AddressKind, Denial, DescriptorTable, ErrorCode, Exception, Privilege, SelectorCode,
};

use super::Draft;
use crate::instruction::MemoryAccess;
use crate::scene::{Addresses, ExceptionFacts, Scene};
use crate::verdict::{Verdict, VerdictKind};

/// The vector of a double fault.
pub(super) const DOUBLE_FAULT: u8 = 8;

/// `page fault (#PF)`, or the number of a vector without a name.
pub(super) fn name(vector: u8) -> String {
    match Exception::of_vector(vector.into()) {
        Some(exception) => format!("{} ({})", exception.name, exception.mnemonic),
        None => format!("interrupt {vector}"),
    }
}

/// As [`name`], with its article.
pub(super) fn one(vector: u8) -> String {
    let name = name(vector);
    // No name of the table begins with a vowel that is not spoken as one.
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
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
    let kind = VerdictKind::InvalidInstruction;
    let draft = match scene.instruction.map(|facts| facts.deliberate_trap) {
        Some(Some(trap)) => Draft::certain(kind, format!("execution of a deliberate trap (`{trap}`)"))
            .because("compilers place it where control must never get: after a call that does not return, or in an unreachable branch"),
        Some(None) => Draft::certain(kind, "execution of an instruction that the processor refuses")
            .because("it needs a feature that is missing or switched off, or a prefix it does not allow"),
        None => Draft::certain(kind, "execution of bytes that the processor takes for no instruction"),
    };
    draft.finish(scene)
}

/// Vector 8: a second exception while the first was delivered (SDM 3A 6.15,
/// table 6-5). The processor does not say which the first was; the instruction
/// may.
pub(super) fn double_fault(scene: &mut Scene<'_>, facts: ExceptionFacts) -> Verdict {
    let draft = match logged_before(scene) {
        Some(first) => Draft::certain(
            VerdictKind::DoubleFault,
            format!("double fault: another exception came while {first} was delivered"),
        ),
        None => Draft::certain(
            VerdictKind::DoubleFault,
            "double fault: an exception came while another was delivered",
        ),
    };
    let draft = match first_exception(scene) {
        Some(first) => draft.because(format!(
            "the interrupted instruction raises {first}, likely the first of the two"
        )),
        None => draft,
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

/// The exception that the emulator logged before the double fault.
fn logged_before(scene: &Scene<'_>) -> Option<String> {
    let first = scene.evidence.exceptions.first()?;
    (first.vector != DOUBLE_FAULT).then(|| one(first.vector))
}

/// The exception that the interrupted instruction raises by itself, with its
/// article, when its operands show it. What they need is fetched before the
/// instruction does its work, so a bad address comes first.
pub(super) fn first_exception(scene: &mut Scene<'_>) -> Option<String> {
    let instruction = scene.instruction?;
    let refused = instruction
        .accesses
        .iter()
        .find_map(|access| refused(scene.addresses, access));
    let vector = match refused {
        Some(vector) => vector,
        None if instruction.divisor == Some(0) => 0,
        None if instruction.deliberate_trap.is_some() => 6,
        None => return None,
    };
    Some(one(vector))
}

/// The exception that an access raises: a bad address is a protection fault,
/// through the stack pointer a stack fault (SDM 2A, MOV); a missing page or
/// one that may not be written a page fault.
fn refused(addresses: &mut dyn Addresses, access: &MemoryAccess) -> Option<u8> {
    let (description, walk) = addresses.describe(access.address?);
    if description.kind == AddressKind::NonCanonical {
        return Some(if access.through_stack { 12 } else { 13 });
    }
    let wanted = Access {
        kind: access.kind,
        privilege: Privilege::Supervisor,
    };
    let denial = walk.and_then(|walk| walk.denial(wanted));
    let read_only = matches!(denial, Some(Denial::ReadOnly { .. }));
    (description.mapped == Some(false) || read_only).then_some(14)
}

/// Any other vector, and those whose error code names a descriptor.
pub(super) fn other(scene: &Scene<'_>, facts: ExceptionFacts) -> Verdict {
    let decoded = facts
        .error_code
        .and_then(|code| Exception::of_vector(facts.vector.into())?.decode_error(code));
    let mut sentence = name(facts.vector);
    if let Some(ErrorCode::Selector(selector)) = decoded
        && selector.code != 0
    {
        sentence.push_str(&because_of(selector));
    }
    Draft::certain(VerdictKind::Exception, sentence).finish(scene)
}

/// What a selector error code blames (SDM 3A 6.13).
fn because_of(selector: SelectorCode) -> String {
    let index = selector.index;
    let blamed = match selector.table {
        DescriptorTable::Gdt => format!("entry {index} of the GDT (selector {:#x})", index * 8),
        DescriptorTable::Ldt => format!("entry {index} of the LDT (selector {:#x})", index * 8 + 4),
        DescriptorTable::Idt => format!("the gate of vector {index} in the IDT"),
    };
    let external = if selector.external {
        ", while an event from outside was delivered"
    } else {
        ""
    };
    format!(" because of {blamed}{external}")
}
