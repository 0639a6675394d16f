//! Accesses to the page at 0: certain where the instruction's own base
//! register is 0.

use super::PageFault;
use crate::rules::{Draft, words};
use crate::scene::Scene;
use crate::verdict::VerdictKind;

/// The verdict on an access to page 0.
pub(super) fn reference(scene: &Scene<'_>, fault: &PageFault) -> Draft {
    let what = words::what(&fault.access);
    let address = fault.access.address;
    let sentence = match address.0 {
        0 => format!("{what} through a null reference"),
        offset => format!("{what} at {address}: the field at offset {offset} of a null reference"),
    };
    let draft = Draft::certain(VerdictKind::NullReference, sentence);
    match fault.made {
        Some(made) if made.through_null => draft,
        Some(made) if let Some(segment) = made.segment => draft.doubt(format!(
            "the access is relative to {}, which is {}: what it should point at may not be set up",
            segment.name(),
            hex(scene.registers.get(segment))
        )),
        Some(made) if made.address.is_some_and(|start| start.0 == 0) => draft,
        Some(_) => draft
            .doubt("the address is in the page at 0, but the register it is relative to is not 0"),
        None => {
            draft.doubt("the address is in the page at 0; what it was computed from is not known")
        }
    }
}

fn hex(value: Option<u64>) -> String {
    value.map_or_else(|| "not known".to_owned(), |value| format!("{value:#x}"))
}
