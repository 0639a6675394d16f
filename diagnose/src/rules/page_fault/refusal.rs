//! What stood against an access: by the error code where it is known, else by
//! the page tables as they are now.

use ukdbg_inspect::{
    Access, AccessKind, AddressDescription, AddressKind, Denial, PageFaultCode, PageOutcome,
    PageWalk, Privilege, Region,
};

use super::PageFault;
use crate::rules::Draft;
use crate::verdict::VerdictKind;

/// Why a page fault came (SDM 3A 4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There was no page.
    NotPresent,
    /// The page's rights, or a key, forbade the access.
    Forbidden {
        /// What forbids it now, by the page tables.
        denial: Option<Denial>,
        /// A protection key or the shadow stack's rules forbade it.
        special: Option<&'static str>,
    },
    /// A page-table entry with reserved bits set.
    Malformed,
    /// Neither error code nor page tables tell.
    Unknown,
}

impl Refusal {
    pub(super) fn of(
        kind: AccessKind,
        code: Option<PageFaultCode>,
        description: &AddressDescription,
        walk: Option<&PageWalk>,
    ) -> Self {
        let user = code.is_some_and(|code| code.user);
        let privilege = if user {
            Privilege::User
        } else {
            Privilege::Supervisor
        };
        let denial = walk.and_then(|walk| walk.denial(Access { kind, privilege }));
        match code {
            Some(code) if code.reserved_bit => Self::Malformed,
            Some(code) if code.present => Self::Forbidden {
                denial,
                special: special(code),
            },
            Some(_) => Self::NotPresent,
            None if walk.is_some_and(has_reserved_bits) => Self::Malformed,
            None => match (description.mapped, denial) {
                (Some(false), _) => Self::NotPresent,
                (Some(true), Some(_)) => Self::Forbidden {
                    denial,
                    special: None,
                },
                _ => Self::Unknown,
            },
        }
    }
}

fn special(code: PageFaultCode) -> Option<&'static str> {
    if code.protection_key {
        Some("a protection key forbids it")
    } else if code.shadow_stack {
        Some("it is a shadow-stack access, or one to a shadow stack")
    } else {
        None
    }
}

fn has_reserved_bits(walk: &PageWalk) -> bool {
    matches!(walk.outcome, PageOutcome::ReservedBits { .. })
}

/// A read or write of a page that is there and forbids it.
pub(super) fn forbidden(fault: &PageFault) -> Draft {
    let Refusal::Forbidden { denial, special } = fault.refusal else {
        return Draft::certain(VerdictKind::Exception, fault.what());
    };
    let at = format!("{} at {}", fault.what(), fault.object());
    if let Some(special) = special {
        return Draft::certain(VerdictKind::AccessDenied, format!("{at}: {special}"));
    }
    let read_only = || format!("{} to {}: not writable", fault.what(), fault.object());
    match denial {
        Some(Denial::ReadOnly { level }) => {
            Draft::certain(VerdictKind::WriteToReadOnly, read_only())
                .because(format!("its {} forbids writes", level.name()))
        }
        Some(other) => Draft::certain(VerdictKind::AccessDenied, format!("{at}: {}", text(other))),
        None if fault.access.kind == AccessKind::Write => {
            let draft = Draft::certain(VerdictKind::WriteToReadOnly, read_only());
            if linked_read_only(fault) {
                draft.because("the image links it not to be written")
            } else {
                draft.doubt("the page was there and forbade the write; its entry does not show why")
            }
        }
        None => Draft::certain(VerdictKind::AccessDenied, format!("{at}: forbidden"))
            .because("the page was there and forbade the access; its entry does not show why"),
    }
}

fn linked_read_only(fault: &PageFault) -> bool {
    matches!(
        &fault.description.kind,
        AddressKind::Image(place) if place.region != Region::Data
    )
}

/// What forbids an access.
pub(super) fn text(denial: Denial) -> String {
    match denial {
        Denial::NonCanonical => "the address is not canonical".to_owned(),
        Denial::NotPresent { level } => format!("its {} is not present", level.name()),
        Denial::ReservedBits { level } => {
            format!("its {} has reserved bits set", level.name())
        }
        Denial::ReadOnly { level } => format!("its {} forbids writes", level.name()),
        Denial::NoExecute { level } => format!("its {} forbids execution", level.name()),
        Denial::SupervisorOnly { level } => {
            format!("its {} is for supervisor mode only", level.name())
        }
        Denial::SupervisorExecution => {
            "supervisor mode may not execute a page of user mode (SMEP)".to_owned()
        }
        Denial::SupervisorAccess => {
            "supervisor mode may not touch a page of user mode (SMAP)".to_owned()
        }
    }
}
