//! Page faults (SDM 3A 6.15, vector 14): which access, to what.

use ukdbg_inspect::{
    AccessKind, AddressDescription, AddressKind, HeapEntry, PageFaultCode, PageWalk, Register,
    Stack, VirtAddr,
};

use super::Draft;
use super::words;
use crate::place;
use crate::scene::{ExceptionFacts, Scene};
use crate::verdict::{FailedAccess, Verdict, VerdictKind};

/// How far below the stack pointer an access still belongs to the stack: a
/// function's frame, probed page by page or not.
const NEAR_STACK_POINTER: u64 = 64 << 10;

/// The verdict on a page fault.
pub(super) fn page_fault(scene: &mut Scene<'_>, facts: ExceptionFacts) -> Verdict {
    let Some(address) = facts.cr2.or_else(|| only_address(scene)) else {
        return Draft::certain(
            VerdictKind::Exception,
            "page fault at an address that is not known",
        )
        .finish(scene);
    };
    let code = facts.error_code.map(PageFaultCode::decode);
    let access = failed_access(scene, address, code);
    let (description, walk) = scene.addresses.describe(address);
    let draft = match access.kind {
        AccessKind::Execute => execute(&description, walk.as_ref()),
        AccessKind::Read | AccessKind::Write => data(scene, &access, address, &description, code),
    };
    draft.access(access).finish(scene)
}

/// The address of the only access, for a fault whose CR2 is not known.
fn only_address(scene: &Scene<'_>) -> Option<VirtAddr> {
    match scene.instruction?.accesses.as_slice() {
        [access] => access.address,
        _ => None,
    }
}

/// What was tried: the error code says read, write or fetch, the instruction
/// where it began and how large it was. Where the error code is not known the
/// instruction says all.
fn failed_access(
    scene: &Scene<'_>,
    address: VirtAddr,
    code: Option<PageFaultCode>,
) -> FailedAccess {
    let fetch = code.is_some_and(|code| code.fetch)
        // Without NX a fetch is reported as a read (SDM 3A 4.7).
        || scene.registers.pc() == Some(address);
    let by_code = code.map(|code| {
        if code.write {
            AccessKind::Write
        } else {
            AccessKind::Read
        }
    });
    let made = scene
        .instruction
        .and_then(|facts| facts.access_at(address, by_code.unwrap_or(AccessKind::Read)));
    FailedAccess {
        kind: if fetch {
            AccessKind::Execute
        } else {
            by_code
                .or(made.map(|made| made.kind))
                .unwrap_or(AccessKind::Read)
        },
        size: made
            .filter(|_| !fetch)
            .map(|made| made.size)
            .filter(|&size| size > 0),
        address: made
            .filter(|_| !fetch)
            .and_then(|made| made.address)
            .unwrap_or(address),
    }
}

/// An instruction fetch.
fn execute(description: &AddressDescription, walk: Option<&PageWalk>) -> Draft {
    let at = description.address;
    let mapped = description.mapped;
    match &description.kind {
        AddressKind::NullPage { .. } => Draft::certain(
            VerdictKind::WildJump,
            format!("call or jump through a null pointer, to {at}"),
        ),
        kind if mapped == Some(false) => Draft::certain(
            VerdictKind::WildJump,
            format!("call or jump to {}", words::object(at, kind)),
        ),
        kind => {
            let denied = walk
                .and_then(PageWalk::rights)
                .is_some_and(|rights| !rights.execute);
            let draft = Draft::certain(
                VerdictKind::JumpToData,
                format!(
                    "call or jump to {}: not executable",
                    words::object(at, kind)
                ),
            );
            if denied {
                draft.because("the page tables map it no-execute")
            } else {
                draft
            }
        }
    }
}

/// A read or write.
fn data(
    scene: &mut Scene<'_>,
    access: &FailedAccess,
    address: VirtAddr,
    description: &AddressDescription,
    code: Option<PageFaultCode>,
) -> Draft {
    let what = words::what(access);
    match &description.kind {
        AddressKind::NullPage { .. } => null_reference(scene, access),
        AddressKind::StackGuard { stack, .. } => stack_overflow(scene, stack, access),
        AddressKind::FreedBlock { block, offset } => {
            let by = words::by(scene.addresses, "freed", &block.freed_by);
            let made = words::by(scene.addresses, "allocated", &block.allocated_by);
            let draft = Draft::certain(
                VerdictKind::UseAfterFree,
                format!(
                    "{what}, {} into {} that was{}",
                    words::bytes(*offset),
                    words::block(block),
                    if by.is_empty() { " freed" } else { &by }
                ),
            );
            if made.is_empty() {
                draft
            } else {
                draft.because(format!("the block was{made}"))
            }
        }
        AddressKind::PastBlock { block, .. } => past_block(scene, access, block, &what),
        AddressKind::BeforeBlock { block, before } => {
            let by = words::by(scene.addresses, "allocated", &block.allocated_by);
            Draft::certain(
                VerdictKind::HeapOverflow,
                format!(
                    "{what}, {} before the start of {}{by}",
                    words::bytes(*before),
                    words::block(block)
                ),
            )
        }
        kind if access.kind == AccessKind::Write && code.is_some_and(|code| code.present) => {
            Draft::certain(
                VerdictKind::WriteToReadOnly,
                format!("{what} to {}: not writable", words::object(address, kind)),
            )
        }
        kind => unmapped(scene, access, &what, words::object(address, kind)),
    }
}

/// An access to page 0: certain when the base of the address was 0 itself.
fn null_reference(scene: &Scene<'_>, access: &FailedAccess) -> Draft {
    let what = words::what(access);
    let offset = access.address.0;
    let through_zero = scene
        .instruction
        .is_some_and(|facts| facts.registers.iter().any(|used| used.value == Some(0)));
    let sentence = match offset {
        0 => format!("{what} through a null reference"),
        _ => format!(
            "{what} at {}: the field at offset {offset} of a null reference",
            access.address
        ),
    };
    if through_zero || offset == 0 {
        Draft::certain(VerdictKind::NullReference, sentence)
    } else {
        Draft::likely(VerdictKind::NullReference, sentence)
            .because("the address is in the page at 0, but no register of the instruction is 0")
    }
}

/// An access to the guard of a stack: an overflow when the stack pointer is
/// there too, a stray access otherwise.
fn stack_overflow(scene: &Scene<'_>, stack: &Stack, access: &FailedAccess) -> Draft {
    let name = stack.name.raw();
    let size = stack.high.offset_from(stack.low).unwrap_or(0);
    let near = scene.registers.sp().is_some_and(|sp| {
        let lowest = stack.guard().start.0.saturating_sub(NEAR_STACK_POINTER);
        (lowest..=stack.high.0).contains(&sp.0)
    });
    if !near {
        return Draft::certain(
            VerdictKind::UnmappedAddress,
            format!(
                "{} at {}, in the guard below the stack of `{name}`",
                words::what(access),
                access.address
            ),
        )
        .because("the stack pointer is on another stack, so this is no overflow of that stack");
    }
    let draft = Draft::certain(
        VerdictKind::StackOverflow,
        format!("the stack of `{name}` overflowed its {} KiB", size / 1024),
    );
    match recursion(scene) {
        Some((function, frames)) => {
            draft.because(format!("`{function}` is on the stack {frames} times"))
        }
        None => draft,
    }
}

/// The function that is on the stack most often, if it is more than a few
/// times.
fn recursion(scene: &Scene<'_>) -> Option<(String, usize)> {
    const WORTH_MENTIONING: usize = 8;
    let place = place::innermost(scene.frames)?;
    let function = place.function?;
    let same = |frame: &&crate::FrameFacts<'_>| {
        frame
            .function
            .is_some_and(|name| name.linkage == function.linkage)
    };
    let count = scene.frames.iter().filter(same).count();
    (count >= WORTH_MENTIONING).then(|| (function.demangled.raw().to_owned(), count))
}

/// An access that ends behind a heap block: by how much, from where the access
/// began.
fn past_block(
    scene: &mut Scene<'_>,
    access: &FailedAccess,
    block: &HeapEntry,
    what: &str,
) -> Draft {
    let by = words::by(scene.addresses, "allocated", &block.allocated_by);
    let end = block.end();
    let place = match access.address.offset_from(end) {
        Some(0) => "right past the end of".to_owned(),
        Some(past) => format!("{} past the end of", words::bytes(past)),
        None => {
            let over = access
                .address
                .0
                .saturating_add(access.size.unwrap_or(1).into())
                - end.0;
            format!("running {} over the end of", words::bytes(over))
        }
    };
    Draft::certain(
        VerdictKind::HeapOverflow,
        format!("{what}, {place} {}{by}", words::block(block)),
    )
}

/// Nothing is known of the address. Through the stack pointer it is likely an
/// overflow of a stack that no table describes.
fn unmapped(scene: &Scene<'_>, access: &FailedAccess, what: &str, object: String) -> Draft {
    let through_stack = scene
        .instruction
        .and_then(|facts| facts.access_at(access.address, access.kind))
        .is_some_and(|made| made.through_stack);
    let near = scene
        .registers
        .get(Register::Rsp)
        .is_some_and(|sp| sp.abs_diff(access.address.0) < NEAR_STACK_POINTER);
    if through_stack && near {
        return Draft::likely(
            VerdictKind::StackOverflow,
            format!("a stack overflowed: {what} at {object}"),
        )
        .because("the access goes through the stack pointer");
    }
    Draft::certain(VerdictKind::UnmappedAddress, format!("{what} at {object}"))
}
