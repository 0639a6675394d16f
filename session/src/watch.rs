//! Catching faults: a breakpoint at the rendezvous of every image that has
//! one, so that each fault is seen once, when its record is complete.

use ukdbg_inspect::{Stop, StopReason, Target};

use crate::SessionError;
use crate::session::Session;

impl<T: Target> Session<'_, T> {
    /// Arms the rendezvous of every image that names one, before or while the
    /// guest boots. Says how many there are: none for a guest without our
    /// runtime.
    pub fn catch_faults(&mut self) -> Result<usize, SessionError> {
        let places = self.rendezvous().len();
        self.arm_rendezvous()?;
        Ok(places)
    }

    /// Whether a stop is a guest's call of its rendezvous.
    pub fn is_rendezvous(&mut self, stop: &Stop) -> Result<bool, SessionError> {
        if stop.reason != StopReason::Trap {
            return Ok(false);
        }
        let pc = self.current_registers()?.pc();
        Ok(pc.is_some_and(|pc| self.rendezvous().contains(&pc)))
    }
}
