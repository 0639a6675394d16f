//! Why an access through a walked page is refused (SDM 3A 4.6).

use serde::Serialize;

use super::{CR0_WRITE_PROTECT, CR4_SMAP, CR4_SMEP, PageLevel, PageOutcome, PageRights, PageWalk};

/// What an access does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    /// Reads data.
    Read,
    /// Writes data.
    Write,
    /// Fetches an instruction.
    Execute,
}

/// Who makes an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// CPL 0 to 2.
    Supervisor,
    /// CPL 3.
    User,
}

/// An access, as far as the tables judge it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Access {
    /// What it does.
    pub kind: AccessKind,
    /// Who makes it.
    pub privilege: Privilege,
}

/// Why an access is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Denial {
    /// The address is not canonical (#GP, or #SS through the stack).
    NonCanonical,
    /// The entry of that level is not present.
    NotPresent {
        /// The level.
        level: PageLevel,
    },
    /// The entry of that level has reserved bits set.
    ReservedBits {
        /// The level.
        level: PageLevel,
    },
    /// The entry of that level forbids writes.
    ReadOnly {
        /// The first such level.
        level: PageLevel,
    },
    /// The entry of that level forbids instruction fetches.
    NoExecute {
        /// The first such level.
        level: PageLevel,
    },
    /// The entry of that level forbids user-mode accesses.
    SupervisorOnly {
        /// The first such level.
        level: PageLevel,
    },
    /// SMEP: supervisor code on a user page.
    SupervisorExecution,
    /// SMAP: supervisor access to a user page, unless RFLAGS.AC allows it.
    SupervisorAccess,
}

impl PageWalk {
    /// Why an access to the address would be refused, as the tables stand
    /// now; none when they allow it, or when the walk could not tell
    /// ([`PageOutcome::TableUnreadable`], [`PageOutcome::UnsupportedMode`]).
    pub fn denial(&self, access: Access) -> Option<Denial> {
        let last = self.levels.last().map(|level| level.level);
        match self.outcome {
            PageOutcome::NonCanonical => Some(Denial::NonCanonical),
            PageOutcome::NotPresent => last.map(|level| Denial::NotPresent { level }),
            PageOutcome::ReservedBits { .. } => last.map(|level| Denial::ReservedBits { level }),
            PageOutcome::Mapped { rights, .. } => self.rights_denial(access, rights),
            PageOutcome::Untranslated { .. }
            | PageOutcome::TableUnreadable { .. }
            | PageOutcome::UnsupportedMode => None,
        }
    }

    fn rights_denial(&self, access: Access, rights: PageRights) -> Option<Denial> {
        let supervisor = access.privilege == Privilege::Supervisor;
        if !supervisor && !rights.user {
            let level = self.first_level(|own| !own.user)?;
            return Some(Denial::SupervisorOnly { level });
        }
        let on_user_page = supervisor && rights.user;
        match access.kind {
            AccessKind::Execute if !rights.execute => {
                let level = self.first_level(|own| !own.execute)?;
                Some(Denial::NoExecute { level })
            }
            AccessKind::Execute => (on_user_page && self.state.cr4 & CR4_SMEP != 0)
                .then_some(Denial::SupervisorExecution),
            AccessKind::Read | AccessKind::Write
                if on_user_page && self.state.cr4 & CR4_SMAP != 0 =>
            {
                Some(Denial::SupervisorAccess)
            }
            AccessKind::Read => None,
            AccessKind::Write => {
                let protected = !supervisor || self.state.cr0 & CR0_WRITE_PROTECT != 0;
                let level = self.first_level(|own| !own.write)?;
                protected.then_some(Denial::ReadOnly { level })
            }
        }
    }

    fn first_level(&self, forbids: impl Fn(PageRights) -> bool) -> Option<PageLevel> {
        self.levels
            .iter()
            .find(|level| level.rights.is_some_and(&forbids))
            .map(|level| level.level)
    }
}
