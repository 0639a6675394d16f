//! How a client lets the guest go on.
//!
//! There is one processor and its tasks switch where they say so: whatever
//! thread a client names, what is resumed is the one that runs.

use gdbstub::common::{Signal, Tid};
use gdbstub::target::ext::base::multithread::{
    MultiThreadResume, MultiThreadSchedulerLocking, MultiThreadSchedulerLockingOps,
    MultiThreadSingleStep, MultiThreadSingleStepOps,
};

use super::{Guest, Never, Resume, StoppedGuest};

impl<G: Guest> MultiThreadResume for StoppedGuest<G> {
    fn resume(&mut self) -> Result<(), Never> {
        Ok(())
    }

    fn clear_resume_actions(&mut self) -> Result<(), Never> {
        self.resume = Resume::Continue;
        Ok(())
    }

    fn set_resume_action_continue(&mut self, _: Tid, signal: Option<Signal>) -> Result<(), Never> {
        // An interrupted guest knows nothing of the signal that said so.
        let unknown = matches!(
            signal,
            None | Some(Signal::SIGZERO | Signal::SIGINT | Signal::SIGTRAP)
        );
        if !unknown {
            self.resume = Resume::Deliver;
        }
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<MultiThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_scheduler_locking(&mut self) -> Option<MultiThreadSchedulerLockingOps<'_, Self>> {
        Some(self)
    }
}

impl<G: Guest> MultiThreadSingleStep for StoppedGuest<G> {
    fn set_resume_action_step(&mut self, thread: Tid, signal: Option<Signal>) -> Result<(), Never> {
        self.set_resume_action_continue(thread, signal)?;
        if self.resume == Resume::Continue {
            self.resume = Resume::Step;
        }
        Ok(())
    }
}

impl<G: Guest> MultiThreadSchedulerLocking for StoppedGuest<G> {
    /// No other thread runs unless this one lets it.
    fn set_resume_action_scheduler_lock(&mut self) -> Result<(), Never> {
        Ok(())
    }
}
