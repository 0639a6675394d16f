//! Accesses below a stack: an overflow when the stack pointer is there too, a
//! stray access otherwise.

use ukdbg_inspect::{AddressKind, Stack, VirtAddr};

use super::PageFault;
use crate::place;
use crate::rules::{Draft, words};
use crate::scene::Scene;
use crate::verdict::VerdictKind;

/// How far below the stack pointer an access still belongs to the stack: a
/// function's frame, probed page by page or not.
const NEAR_STACK_POINTER: u64 = 64 << 10;
/// What a function may touch below its stack pointer: a push or call, and the
/// red zone (System V psABI 3.2.2).
const BELOW_STACK_POINTER: u64 = 128 + 8;

/// Where the stack pointer stands when an access hits a stack's guard.
enum Pointer {
    /// In the guard, or close below it.
    Overflowed,
    /// On that stack, and the access is no further below it than a push.
    AtTheEdge,
    /// On that stack, far from the access.
    OnIt,
    /// On the stack of that name.
    OnAnother(String),
    /// On no stack that is known.
    Elsewhere,
    Unknown,
}

/// The verdict on an access to a guard.
pub(super) fn guard(scene: &mut Scene<'_>, fault: &PageFault, stack: &Stack) -> Draft {
    let stray = || {
        Draft::certain(
            VerdictKind::UnmappedAddress,
            format!(
                "{} at {}, in the guard below the stack of `{}`",
                fault.what(),
                fault.access.address,
                stack.name.raw()
            ),
        )
    };
    match pointer(scene, fault, stack) {
        Pointer::Overflowed | Pointer::AtTheEdge => overflow(scene, stack),
        Pointer::Unknown => overflow(scene, stack).doubt("the stack pointer is not known"),
        Pointer::OnIt => stray().doubt(
            "the stack pointer has not left the stack, and the access is far below it: a stray access rather than an overflow",
        ),
        Pointer::OnAnother(other) => stray().because(format!(
            "the stack pointer is on the stack of `{other}`, so this is no overflow of that stack"
        )),
        Pointer::Elsewhere => stray().because(
            "the stack pointer is elsewhere, so this is no overflow of that stack",
        ),
    }
}

fn pointer(scene: &mut Scene<'_>, fault: &PageFault, stack: &Stack) -> Pointer {
    let Some(sp) = scene.registers.sp() else {
        return Pointer::Unknown;
    };
    match scene.addresses.describe(sp).0.kind {
        AddressKind::Stack { stack: on } if on.index == stack.index => {
            // Above the stack pointer is what its function owns already.
            match sp.offset_from(fault.description.address) {
                Some(below) if below > BELOW_STACK_POINTER => Pointer::OnIt,
                _ => Pointer::AtTheEdge,
            }
        }
        AddressKind::Stack { stack: other } => Pointer::OnAnother(other.name.raw().to_owned()),
        AddressKind::StackGuard { stack: below, .. } if below.index == stack.index => {
            Pointer::Overflowed
        }
        _ => match stack.low.offset_from(sp) {
            // The highest usable byte's successor is a stack that is empty.
            None if sp == stack.high => Pointer::OnIt,
            Some(below) if below <= NEAR_STACK_POINTER.saturating_add(stack.guard_size) => {
                Pointer::Overflowed
            }
            _ => Pointer::Elsewhere,
        },
    }
}

fn overflow(scene: &Scene<'_>, stack: &Stack) -> Draft {
    let size = stack.high.offset_from(stack.low).unwrap_or(0);
    let draft = Draft::certain(
        VerdictKind::StackOverflow,
        format!(
            "the stack of `{}` overflowed its {}",
            stack.name.raw(),
            words::size(size)
        ),
    );
    match recursion(scene) {
        Some((function, frames)) => {
            draft.because(format!("`{function}` is on the stack {frames} times"))
        }
        None => draft,
    }
}

/// The innermost function of the program, if it is on the stack more than a
/// few times.
fn recursion(scene: &Scene<'_>) -> Option<(String, usize)> {
    const WORTH_MENTIONING: usize = 8;
    let function = place::innermost(scene.frames)?.function?;
    let same = |frame: &&crate::FrameFacts<'_>| {
        frame
            .function
            .is_some_and(|name| name.linkage == function.linkage)
    };
    let count = scene.frames.iter().filter(same).count();
    (count >= WORTH_MENTIONING).then(|| (function.demangled.raw().to_owned(), count))
}

/// Whether an access where nothing is mapped is likely that of a stack which
/// no table describes: through the stack pointer, and close to it on the side
/// that stacks grow to.
pub(super) fn is_near(scene: &mut Scene<'_>, fault: &PageFault) -> bool {
    let through_stack = fault.made.is_some_and(|made| made.through_stack);
    let Some(sp) = scene.registers.sp().filter(|_| through_stack) else {
        return false;
    };
    let address = fault.description.address;
    let near = |distance: Option<u64>| distance.is_some_and(|bytes| bytes <= NEAR_STACK_POINTER);
    if near(sp.offset_from(address)) {
        return true;
    }
    near(address.offset_from(sp)) && !is_mapped(scene, sp)
}

fn is_mapped(scene: &mut Scene<'_>, at: VirtAddr) -> bool {
    scene.addresses.describe(at).0.mapped == Some(true)
}
