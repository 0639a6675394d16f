//! Accesses to and around heap blocks, by the guest's ledger.

use ukdbg_inspect::{HeapEntry, HeapState};

use super::PageFault;
use crate::rules::{Draft, words};
use crate::scene::Scene;
use crate::verdict::VerdictKind;

/// An access to a block that was released.
pub(super) fn freed(scene: &mut Scene<'_>, fault: &PageFault, block: &HeapEntry) -> Draft {
    let by = words::by(scene.addresses, "freed", &block.freed_by);
    let by = if by.is_empty() { " freed" } else { &by };
    let offset = fault.access.address.offset_from(block.address);
    let place = match offset {
        Some(0) => "at the start of".to_owned(),
        Some(offset) => format!("{} into", words::bytes(offset)),
        None => "reaching into".to_owned(),
    };
    let draft = Draft::certain(
        VerdictKind::UseAfterFree,
        format!(
            "{}, {place} {} that was{by}",
            fault.what(),
            words::block(block)
        ),
    );
    let made = words::by(scene.addresses, "allocated", &block.allocated_by);
    if made.is_empty() {
        draft
    } else {
        draft.because(format!("the block was{made}"))
    }
}

/// An access that ends behind a block: by how much, from where the access
/// began.
pub(super) fn past(scene: &mut Scene<'_>, fault: &PageFault, block: &HeapEntry) -> Draft {
    let end = block.end();
    let place = match fault.access.address.offset_from(end) {
        Some(0) => "right past the end of".to_owned(),
        Some(past) => format!("{} past the end of", words::bytes(past)),
        None => {
            let size = u64::from(fault.access.size.unwrap_or(1));
            let over = fault
                .access
                .address
                .checked_add(size)
                .and_then(|after| after.offset_from(end))
                .filter(|&over| over > 0);
            match over {
                Some(over) => format!("running {} over the end of", words::bytes(over)),
                None => "running over the end of".to_owned(),
            }
        }
    };
    overflow(scene, fault, block, &place)
}

/// An access that begins before a block.
pub(super) fn before(
    scene: &mut Scene<'_>,
    fault: &PageFault,
    block: &HeapEntry,
    before: u64,
) -> Draft {
    let before = block
        .address
        .offset_from(fault.access.address)
        .unwrap_or(before);
    let place = format!("{} before the start of", words::bytes(before));
    overflow(scene, fault, block, &place)
}

fn overflow(scene: &mut Scene<'_>, fault: &PageFault, block: &HeapEntry, place: &str) -> Draft {
    let by = words::by(scene.addresses, "allocated", &block.allocated_by);
    let draft = Draft::certain(
        VerdictKind::HeapOverflow,
        format!("{}, {place} {}{by}", fault.what(), words::block(block)),
    );
    match block.state {
        HeapState::Live => draft,
        HeapState::Freed => {
            let freed = words::by(scene.addresses, "freed", &block.freed_by);
            let freed = if freed.is_empty() { " freed" } else { &freed };
            draft.doubt(format!(
                "the block was{freed}, so the access may be meant for another that the ledger has forgotten"
            ))
        }
    }
}
