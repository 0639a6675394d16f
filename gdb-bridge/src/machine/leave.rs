//! Leaving a machine: breakpoints out, memory mode back, and the guest
//! running or stopped as it is to be.

use std::time::Duration;

use serde_json::Value;
use ukdbg_inspect::{Control, TargetError};

use super::{Machine, STOP_PATIENCE, within};
use crate::guardian::Departure;
use crate::qmp::RunState;

/// How to leave a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// As it was found; running where the links left no way to know.
    AsFound,
    /// Running.
    Running,
    /// Standing still.
    Stopped,
}

/// How long a machine that is simply dropped may hold up its user.
const DROP_PATIENCE: Duration = Duration::from_secs(1);

impl Machine {
    /// Ends all links and leaves the guest as asked.
    pub fn detach(mut self, how: Leave) -> Result<(), TargetError> {
        self.leave(how, STOP_PATIENCE)
    }

    fn leave(&mut self, how: Leave, patience: Duration) -> Result<(), TargetError> {
        let mut left = match self.gone {
            true => Ok(()),
            false => self.leave_links(how, patience),
        };
        // A link that dropped before is missed only now, and the guest stands
        // still without it.
        if matches!(left, Err(TargetError::Disconnected { .. })) && self.come_back().is_some() {
            left = self.leave_links(how, patience);
        }
        self.gone = true;
        match (self.guard.take(), &left) {
            // Another attempt does not hurt, and its maker has time.
            (Some(guard), Err(TargetError::Timeout { .. })) => guard.let_act(),
            (Some(guard), _) => guard.dismiss(),
            (None, _) => {}
        }
        left
    }

    fn leave_links(&mut self, how: Leave, patience: Duration) -> Result<(), TargetError> {
        let run = match how {
            Leave::AsFound => self.found_running.unwrap_or(true),
            Leave::Running => true,
            Leave::Stopped => false,
        };
        if self.stub.is_none() {
            return self.leave_monitor(run, how);
        }
        // Only a guest that stands still can be told anything, and a stub
        // must be told that its client leaves.
        if self.is_running() {
            self.halt(patience)?;
        }
        // One breakpoint that cannot be removed does not keep the others in,
        // nor the guest stopped; the first failure is told.
        let removed = self.remove_all();
        let left = match &mut self.stub {
            Some(stub) if run => stub.settle().and_then(|()| {
                if let Some(guard) = &mut self.guard {
                    guard.note(|state| state.departure = Departure::Told);
                }
                stub.detach()
            }),
            Some(stub) => stub.leave(),
            None => Ok(()),
        };
        removed.and(left)
    }

    fn remove_all(&mut self) -> Result<(), TargetError> {
        let lifted = std::mem::take(&mut self.lifted);
        self.inserted
            .retain(|breakpoint| !lifted.contains(breakpoint));
        let mut all = Ok(());
        for breakpoint in self.inserted.clone() {
            all = all.and(self.remove(breakpoint));
        }
        all
    }

    fn leave_monitor(&mut self, run: bool, how: Leave) -> Result<(), TargetError> {
        let Some(qmp) = &mut self.qmp else {
            return Ok(());
        };
        // What stopped it meanwhile, a breakpoint of whoever has the stub or
        // its own end, is not ours to undo.
        let pause = qmp.status()? == RunState::Paused;
        if how == Leave::AsFound && !self.running && !pause {
            return Ok(());
        }
        let request = match (run, self.running) {
            (true, false) => "cont",
            (false, true) => "stop",
            _ => return Ok(()),
        };
        qmp.execute(request, Value::Null).map(|_| ())
    }

    /// Stops a running guest, whatever it takes.
    pub(super) fn halt(&mut self, patience: Duration) -> Result<(), TargetError> {
        self.interrupt()?;
        if self.poll(within(patience))?.is_none()
            && let Some(stub) = &mut self.stub
        {
            // No stop was heard: it may have been lost, or the guest stood
            // still all along. What follows finds out.
            stub.link.presume_stopped();
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Err(error) = self.leave(Leave::AsFound, DROP_PATIENCE) {
            tracing::warn!("the guest may not be as it was found: {error}");
        }
    }
}
