//! Coming back to a stub whose link dropped: a connection that was reset, a
//! serial server that was restarted. The guest may have gone on, or be another
//! one, and that is found out before anybody is told that nothing happened.

use ukdbg_inspect::{MemoryError, Registers, Resume, Stop, TargetError, VcpuId};

use super::control::point;
use super::stop::SIGTRAP;
use super::{Machine, open_link};
use crate::guardian::Point;
use crate::rsp::{Command, StopReply};

/// Where a guest was found when its link came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Return {
    /// It stands where it stood, or runs as it ran.
    AsBefore,
    /// It ran, and stopped meanwhile.
    Stopped(StopReply),
}

impl Machine {
    /// Does something that may be done twice, a second time if the link to the
    /// stub dropped and came back.
    pub(super) fn again<T>(
        &mut self,
        mut ask: impl FnMut(&mut Self) -> Result<T, TargetError>,
    ) -> Result<T, TargetError> {
        match ask(self) {
            Err(TargetError::Disconnected { peer }) => match self.come_back() {
                Some(Return::AsBefore) => ask(self),
                _ => Err(TargetError::Disconnected { peer }),
            },
            other => other,
        }
    }

    /// [`Machine::again`] for memory.
    pub(super) fn read_again<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, MemoryError>,
    ) -> Result<T, MemoryError> {
        match read(self) {
            Err(MemoryError::Link {
                source: TargetError::Disconnected { .. },
                ..
            }) if self.come_back() == Some(Return::AsBefore) => read(self),
            other => other,
        }
    }

    /// Opens the link to the stub again; `None` if that is not possible, or
    /// what is there is not the guest as it was left. That is not tried again.
    pub(super) fn come_back(&mut self) -> Option<Return> {
        if self.gone || self.stub.is_none() || self.lost {
            return None;
        }
        self.lost = true;
        let ran = self.stub.as_ref()?.link.is_running();
        let known = self.known_registers();
        let found = self.open_stub_again()?;
        let came_back = match ran {
            true => self.went_on(found)?,
            false => self.stood_still(&found, known)?,
        };
        self.lost = false;
        tracing::info!("the link to {} dropped and was opened again", self.peer);
        Some(came_back)
    }

    /// The stub's part of the endpoint once more; the old guardian's link has
    /// ended with ours. Says how the stub found the guest.
    fn open_stub_again(&mut self) -> Option<Found> {
        if let Some(guard) = self.guard.take() {
            guard.dismiss();
        }
        let (guardian, departure) = (self.guardian.clone(), self.found_running);
        let old = self.stub.as_mut()?;
        for link in self.endpoint.links() {
            let (guardian, departure) = (guardian.as_deref(), departure.or(Some(true)));
            // A serial line does not begin anew, and a guest that runs behind
            // it must not be greeted.
            if !old.link.is_reliable() {
                let (transport, guard) = open_link::line(link, guardian, departure).ok()??;
                old.rejoin(transport);
                self.guard = guard;
                return Some(Found::Line);
            }
            if let Some((mut stub, guard)) = open_link::stub(link, guardian, departure).ok()? {
                self.guard = guard;
                let paused = stub.found_running();
                let reason = stub.take_reason();
                *old = stub;
                return Some(Found::Greeted { paused, reason });
            }
        }
        None
    }

    /// The guest ran when the link dropped: it runs on, unless it has stopped
    /// by itself meanwhile.
    fn went_on(&mut self, found: Found) -> Option<Return> {
        self.cache.clear();
        let Found::Greeted { paused, reason } = found else {
            self.guard_again(true);
            return Some(Return::AsBefore);
        };
        self.insert_again()?;
        // Connecting stops the guest of every stub. QEMU's tells whether it ran
        // until then, others only by the reason.
        let stopped = match (paused, &reason) {
            (Some(paused), _) => !paused,
            (None, Some(StopReply::Signal { signal, .. })) => *signal == SIGTRAP,
            (None, _) => true,
        };
        match (stopped, reason) {
            (true, Some(reason)) => Some(Return::Stopped(reason)),
            (true, None) => None,
            (false, _) => {
                self.guard_again(true);
                let stub = self.stub.as_mut()?;
                stub.resume(Resume::Continue).ok()?;
                Some(Return::AsBefore)
            }
        }
    }

    /// The link dropped while the guest was being resumed, which may have been
    /// heard or not. Ends with the guest resumed once.
    pub(super) fn resume_again(
        &mut self,
        how: Resume,
        before: Option<(VcpuId, Registers)>,
    ) -> Option<()> {
        if self.gone || std::mem::replace(&mut self.lost, true) {
            return None;
        }
        let Found::Greeted { paused, reason } = self.open_stub_again()? else {
            return None;
        };
        self.insert_again()?;
        self.guard_again(true);
        let stub = self.stub.as_mut()?;
        let moved = match before {
            Some((vcpu, registers)) => stub.registers(vcpu).ok()? != registers,
            None => false,
        };
        match (how, paused, moved) {
            (Resume::Continue, Some(true), _) | (_, _, false) => stub.resume(how).ok()?,
            _ => stub.link.tell(reason?),
        }
        self.lost = false;
        Some(())
    }

    /// The guest stood still when the link dropped, and must stand there now.
    fn stood_still(&mut self, found: &Found, known: Option<(VcpuId, Registers)>) -> Option<Return> {
        let resumed = matches!(
            found,
            Found::Greeted {
                paused: Some(true),
                ..
            }
        );
        let stub = self.stub.as_mut()?;
        let same = match known {
            Some((vcpu, registers)) => stub.registers(vcpu).ok()? == registers,
            None => true,
        };
        if resumed || !same {
            // Another guest, or one that somebody else let go.
            if self.found_running.unwrap_or(true) {
                let _ = stub.detach();
            }
            if let Some(guard) = self.guard.take() {
                guard.dismiss();
            }
            stub.link.close();
            return None;
        }
        self.insert_again()?;
        self.guard_again(false);
        Some(Return::AsBefore)
    }

    /// Tells the new guardian what the old one knew.
    fn guard_again(&mut self, running: bool) {
        if let Some(guard) = &mut self.guard {
            guard.note(|state| state.running = running);
            for breakpoint in &self.inserted {
                guard.inserting(point(*breakpoint));
            }
        }
    }

    /// What the stub of before may have kept is taken out first: QEMU's keeps
    /// breakpoints between connections, and twice is once too often.
    fn insert_again(&mut self) -> Option<()> {
        let lifted = self.lifted.clone();
        for breakpoint in self.inserted.clone() {
            let Point { kind, at, length } = point(breakpoint);
            let stub = self.stub.as_mut()?;
            match stub.link.order(Command::RemovePoint { kind, at, length }) {
                Ok(()) | Err(TargetError::Refused { .. }) => {}
                Err(_) => return None,
            }
            if !lifted.contains(&breakpoint) {
                self.put(breakpoint).ok()?;
            }
        }
        Some(())
    }

    pub(super) fn known_registers(&mut self) -> Option<(VcpuId, Registers)> {
        let selected = self.selected?;
        let registers = self.cache.registers().get(&selected)?;
        Some((selected, *registers))
    }

    /// A poll found the link dropped: the stop of a guest that ended or that
    /// stopped meanwhile; none if it runs on.
    pub(super) fn dropped(&mut self, peer: String) -> Result<Option<Stop>, TargetError> {
        match self.come_back() {
            Some(Return::AsBefore) => Ok(None),
            Some(Return::Stopped(reply)) => self.understand(reply).map(Some),
            None => self.ended(peer).map(Some),
        }
    }
}

/// How a stub was found again.
enum Found {
    /// On a line that knows no connections.
    Line,
    /// By greeting it.
    Greeted {
        /// Whether connecting stopped the guest, where the stub tells.
        paused: Option<bool>,
        /// Why the guest stands still.
        reason: Option<StopReply>,
    },
}
