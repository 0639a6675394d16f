//! Page faults (SDM 3A 6.15, vector 14): which access, to what, and what the
//! processor held against it.

mod fetch;
mod heap;
mod null;
mod refusal;
mod stack;

use ukdbg_inspect::{AccessKind, AddressDescription, AddressKind, PageFaultCode, VirtAddr};

use super::{Draft, words};
use crate::instruction::MemoryAccess;
use crate::scene::{ExceptionFacts, Scene};
use crate::verdict::{FailedAccess, Verdict, VerdictKind};
use refusal::Refusal;

/// A page fault, as far as it is known.
struct PageFault {
    access: FailedAccess,
    /// The access as the instruction makes it, when it is that.
    made: Option<MemoryAccess>,
    /// What the address of the fault is: CR2, which for an access that
    /// straddles pages lies behind where the access began.
    description: AddressDescription,
    refusal: Refusal,
}

impl PageFault {
    /// `read of 8 bytes`.
    fn what(&self) -> String {
        words::what(&self.access)
    }

    /// What the address is, as the object of a sentence.
    fn object(&self) -> String {
        let object = words::object(self.description.address, &self.description.kind);
        if self.access.address == self.description.address {
            object
        } else {
            format!("{}, reaching {object}", self.access.address)
        }
    }
}

/// The verdict on a page fault.
pub(super) fn page_fault(scene: &mut Scene<'_>, facts: ExceptionFacts) -> Verdict {
    let code = facts.error_code.map(PageFaultCode::decode);
    let Some(address) = facts.cr2.or_else(|| presumed_address(scene, code)) else {
        return Draft::certain(
            VerdictKind::Exception,
            "page fault at an address that is not known",
        )
        .finish(scene);
    };
    let (description, walk) = scene.addresses.describe(address);
    let Some(kind) = kind(scene, address, code) else {
        let object = words::object(address, &description.kind);
        return Draft::certain(
            VerdictKind::Exception,
            format!("page fault at {object}; by which access is not known"),
        )
        .finish(scene);
    };
    let made = made(scene, address, kind);
    let access = FailedAccess {
        kind,
        size: made.map(|made| made.size).filter(|&size| size > 0),
        address: made.and_then(|made| made.address).unwrap_or(address),
    };
    let fault = PageFault {
        refusal: Refusal::of(kind, code, &description, walk.as_ref()),
        access,
        made,
        description,
    };
    let draft = match (&fault.refusal, kind) {
        (Refusal::Malformed, _) => malformed(&fault),
        (_, AccessKind::Execute) => fetch::fetch(scene, &fault),
        (_, AccessKind::Read | AccessKind::Write) => data(scene, &fault),
    };
    let draft = if facts.cr2.is_none() {
        draft.doubt("CR2 is not known: the address is the one that the instruction uses")
    } else {
        draft
    };
    draft.access(access).finish(scene)
}

/// The address of the only access, for a fault whose CR2 is not known.
fn presumed_address(scene: &Scene<'_>, code: Option<PageFaultCode>) -> Option<VirtAddr> {
    if code.is_some_and(|code| code.fetch) {
        return scene.registers.pc();
    }
    match scene.instruction?.accesses.as_slice() {
        [access] => access.address,
        _ => None,
    }
}

/// What was tried: the error code says read, write or fetch. Where it is not
/// known, the instruction says it, if it makes an access there.
fn kind(scene: &Scene<'_>, address: VirtAddr, code: Option<PageFaultCode>) -> Option<AccessKind> {
    // Without NX and SMEP a fetch is reported as a read (SDM 3A 4.7).
    let at_pc = scene.registers.pc() == Some(address);
    match code {
        Some(code) if code.fetch => Some(AccessKind::Execute),
        Some(code) if code.write => Some(AccessKind::Write),
        Some(_) if at_pc => Some(AccessKind::Execute),
        Some(_) => Some(AccessKind::Read),
        None if at_pc => Some(AccessKind::Execute),
        None => {
            let made = scene.instruction?.access_at(address, AccessKind::Read)?;
            Some(made.kind)
        }
    }
}

/// The access of the instruction that covers the address.
fn made(scene: &Scene<'_>, address: VirtAddr, kind: AccessKind) -> Option<MemoryAccess> {
    if kind == AccessKind::Execute {
        return None;
    }
    scene.instruction?.access_at(address, kind).copied()
}

/// A reserved bit in a page-table entry: the tables are damaged, whatever was
/// accessed through them.
fn malformed(fault: &PageFault) -> Draft {
    Draft::certain(
        VerdictKind::Exception,
        format!(
            "{} at {}: a reserved bit is set in a page-table entry",
            fault.what(),
            fault.object()
        ),
    )
}

/// A read or write.
fn data(scene: &mut Scene<'_>, fault: &PageFault) -> Draft {
    match &fault.description.kind {
        AddressKind::NullPage { .. } => null::reference(scene, fault),
        AddressKind::StackGuard { stack, .. } => stack::guard(scene, fault, stack),
        AddressKind::FreedBlock { block, .. } => heap::freed(scene, fault, block),
        AddressKind::PastBlock { block, .. } => heap::past(scene, fault, block),
        AddressKind::BeforeBlock { block, before } => heap::before(scene, fault, block, *before),
        _ => match &fault.refusal {
            Refusal::Forbidden { .. } => refusal::forbidden(fault),
            Refusal::NotPresent => unmapped(scene, fault),
            Refusal::Malformed | Refusal::Unknown => Draft::certain(
                VerdictKind::Exception,
                format!("page fault: {} at {}", fault.what(), fault.object()),
            ),
        },
    }
}

/// No page, and nothing claims the address; or something does, and it has no
/// page all the same.
fn unmapped(scene: &mut Scene<'_>, fault: &PageFault) -> Draft {
    let at = format!("{} at {}", fault.what(), fault.object());
    if stack::is_near(scene, fault) {
        return Draft::likely(
            VerdictKind::StackOverflow,
            format!("a stack overflowed: {at}"),
        )
        .because("the access goes through the stack pointer");
    }
    let draft = Draft::certain(VerdictKind::UnmappedAddress, at);
    match fault.description.mapped {
        Some(true) => draft
            .because("no page was there at the time of the fault; the page tables have one now"),
        _ => draft,
    }
}
