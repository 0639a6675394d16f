//! General protection and stack faults (SDM 3A 6.15, vectors 13 and 12): in
//! long mode mostly addresses that are none, and operands that are not aligned.

use ukdbg_inspect::{AccessKind, AddressKind, VirtAddr};

use super::{Draft, exceptions, words};
use crate::scene::{ExceptionFacts, Scene};
use crate::verdict::{FailedAccess, Verdict, VerdictKind};

/// The verdict on a protection fault.
pub(super) fn protection(scene: &mut Scene<'_>, facts: ExceptionFacts) -> Verdict {
    if let Some(access) = non_canonical_access(scene) {
        let sentence = match access.kind {
            AccessKind::Execute => format!(
                "call, jump or return to the non-canonical address {}",
                access.address
            ),
            _ => format!(
                "{} at the non-canonical address {}",
                words::what(&access),
                access.address
            ),
        };
        return Draft::certain(VerdictKind::NonCanonicalAddress, sentence)
            .access(access)
            .because("the upper bits of an address must all be copies of the highest one it translates (SDM 1 3.3.7.1)")
            .finish(scene);
    }
    misaligned(scene, facts).unwrap_or_else(|| exceptions::other(scene, facts))
}

/// An operand that is not aligned, which is a protection fault of error code 0
/// (SDM 2A 2.4, tables 2-18 to 2-20), never a stack fault.
pub(super) fn misaligned(scene: &Scene<'_>, facts: ExceptionFacts) -> Option<Verdict> {
    if facts.vector != 13 || facts.error_code.is_some_and(|code| code != 0) {
        return None;
    }
    let instruction = scene.instruction?;
    let alignment = instruction.alignment?;
    let operand = instruction.accesses.first()?;
    let address = operand.address?;
    if address.0.is_multiple_of(alignment.into()) {
        return None;
    }
    let access = FailedAccess {
        kind: operand.kind,
        size: Some(operand.size).filter(|&size| size > 0),
        address,
    };
    let sentence = format!(
        "{} at {address}, which is not a multiple of {alignment}",
        words::what(&access)
    );
    let draft = Draft::certain(VerdictKind::MisalignedAccess, sentence)
        .access(access)
        .because(format!(
            "the instruction faults unless its operand is aligned to {alignment} bytes"
        ));
    let draft = if operand.through_stack {
        draft.because("the operand is on the stack: compilers count on a stack pointer that is a multiple of 16 at every call (System V psABI 3.2.2)")
    } else {
        draft
    };
    Some(draft.finish(scene))
}

/// The first access, the target of the branch, or the program counter itself,
/// whose address is no address.
fn non_canonical_access(scene: &mut Scene<'_>) -> Option<FailedAccess> {
    let addresses = &mut *scene.addresses;
    let mut is_none = |at: VirtAddr| addresses.describe(at).0.kind == AddressKind::NonCanonical;
    let jump = |address: VirtAddr| FailedAccess {
        kind: AccessKind::Execute,
        size: None,
        address,
    };
    if let Some(pc) = scene.registers.pc().filter(|&pc| is_none(pc)) {
        return Some(jump(pc));
    }
    let instruction = scene.instruction?;
    let data = instruction.accesses.iter().find_map(|access| {
        let first = access.address?;
        let last = first.checked_add(u64::from(access.size.saturating_sub(1)))?;
        (is_none(first) || is_none(last)).then_some(FailedAccess {
            kind: access.kind,
            size: Some(access.size).filter(|&size| size > 0),
            address: first,
        })
    });
    data.or_else(|| {
        instruction
            .target
            .filter(|&target| is_none(target))
            .map(jump)
    })
}
