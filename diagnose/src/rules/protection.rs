//! General protection and stack faults (SDM 3A 6.15, vectors 13 and 12): in
//! long mode mostly addresses that are none.

use ukdbg_inspect::{AccessKind, AddressKind, ErrorCode, Exception, VirtAddr};

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
    let decoded = facts
        .error_code
        .and_then(|code| Exception::of_vector(facts.vector.into())?.decode_error(code));
    if let Some(ErrorCode::Selector(selector)) = decoded
        && selector.code != 0
    {
        return Draft::certain(
            VerdictKind::Exception,
            format!(
                "{} because of entry {} of the {:?}",
                exceptions::name(facts.vector),
                selector.index,
                selector.table
            ),
        )
        .finish(scene);
    }
    exceptions::other(scene, facts)
}

/// The first access, or the target of the branch, whose address is no address.
fn non_canonical_access(scene: &mut Scene<'_>) -> Option<FailedAccess> {
    let instruction = scene.instruction?;
    let mut is_none = |at: VirtAddr| {
        matches!(
            scene.addresses.describe(at).0.kind,
            AddressKind::NonCanonical
        )
    };
    let data = instruction
        .accesses
        .iter()
        .filter_map(|access| Some((access, access.address?)))
        .find(|&(_, address)| is_none(address))
        .map(|(access, address)| FailedAccess {
            kind: access.kind,
            size: Some(access.size).filter(|&size| size > 0),
            address,
        });
    data.or_else(|| {
        let target = instruction.target.filter(|&target| is_none(target))?;
        Some(FailedAccess {
            kind: AccessKind::Execute,
            size: None,
            address: target,
        })
    })
}
