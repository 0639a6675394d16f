//! Instruction fetches that fault: control went where no code is.

use ukdbg_inspect::{AddressKind, VirtAddr};

use super::PageFault;
use super::refusal::{self, Refusal};
use crate::rules::Draft;
use crate::scene::Scene;
use crate::verdict::VerdictKind;

/// The longest instruction (SDM 2A 2.3.11).
const LONGEST_INSTRUCTION: u64 = 15;
/// Where execution can run on into a page that it was never sent to.
const PAGE: u64 = 4096;

/// The verdict on a fetch.
pub(super) fn fetch(scene: &mut Scene<'_>, fault: &PageFault) -> Draft {
    let at = fault.description.address;
    if let AddressKind::NullPage { offset } = fault.description.kind {
        return match offset {
            0 => Draft::certain(
                VerdictKind::WildJump,
                "call or jump through a null pointer, to 0x0",
            ),
            _ => Draft::likely(
                VerdictKind::WildJump,
                format!("{} {at}, in the page at 0", how(scene, at)),
            )
            .because("no function is there, and nothing says where the address comes from"),
        };
    }
    let went = format!("{} {}", how(scene, at), fault.object());
    match fault.refusal {
        Refusal::Forbidden { denial, special } => {
            let draft = Draft::certain(VerdictKind::JumpToData, format!("{went}: not executable"));
            match (denial, special) {
                (_, Some(special)) => draft.because(special),
                (Some(denial), None) => draft.because(refusal::text(denial)),
                (None, None) => draft,
            }
        }
        Refusal::NotPresent => Draft::certain(VerdictKind::WildJump, went),
        Refusal::Malformed | Refusal::Unknown => Draft::likely(VerdictKind::WildJump, went)
            .because("the fault names the address that was to be executed"),
    }
}

/// How control came there, as far as the program counter shows it. From the
/// instruction before it can have run on into a page's start; the last jump,
/// call or return is not recorded anywhere.
fn how(scene: &mut Scene<'_>, at: VirtAddr) -> String {
    let behind = scene.registers.pc().and_then(|pc| at.offset_from(pc));
    match (behind, scene.registers.pc()) {
        (Some(1..LONGEST_INSTRUCTION), Some(pc)) => format!("execution ran on from {pc} into"),
        _ if may_run_on(scene, at) => "execution reached".to_owned(),
        _ => "call, jump or return to".to_owned(),
    }
}

/// Whether execution can have come from the page before, with no jump at all.
fn may_run_on(scene: &mut Scene<'_>, at: VirtAddr) -> bool {
    let Some(before) = at.checked_sub(1).filter(|_| at.0.is_multiple_of(PAGE)) else {
        return false;
    };
    let (description, walk) = scene.addresses.describe(before);
    let executable = walk
        .and_then(|walk| walk.rights())
        .map(|rights| rights.execute);
    description.mapped != Some(false) && executable != Some(false)
}
