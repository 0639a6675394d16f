//! What a stop means, once all links have been heard.

use std::time::Duration;

use serde_json::Value;
use ukdbg_inspect::{BreakpointKind, ShutdownCause, Stop, StopReason, TargetError, VirtAddr};

use super::{Machine, within};
use crate::qmp::QmpEvent;
use crate::rsp::{StopCause, StopReply};

/// GDB's numbers: interrupt, quit, trap.
pub(super) const SIGINT: u8 = 2;
const SIGQUIT: u8 = 3;
pub(super) const SIGTRAP: u8 = 5;

impl Machine {
    /// What a stop reply means. QEMU's monitor is asked about those that
    /// have more than one meaning; its word outranks the stub's.
    pub(super) fn understand(&mut self, reply: StopReply) -> Result<Stop, TargetError> {
        let (signal, thread, cause) = match reply {
            StopReply::Signal {
                signal,
                thread,
                cause,
            } => (signal, thread, cause),
            StopReply::Exited(status) => {
                self.gone = true;
                let reason = StopReason::Exited {
                    status: Some(i32::from(status)),
                };
                return Ok(Stop { vcpu: None, reason });
            }
            StopReply::Killed(_) => {
                self.gone = true;
                return Ok(Stop {
                    vcpu: None,
                    reason: StopReason::Exited { status: None },
                });
            }
        };
        let vcpu = match (thread, &mut self.stub) {
            (Some(thread), Some(stub)) => stub.vcpu_of(thread)?,
            _ => None,
        };
        let watch = |access, at| StopReason::Watch {
            access,
            address: VirtAddr(at),
        };
        let reason = match (cause, signal) {
            (Some(StopCause::WriteWatch(at)), _) => watch(BreakpointKind::Write, at),
            (Some(StopCause::ReadWatch(at)), _) => watch(BreakpointKind::Read, at),
            (Some(StopCause::AccessWatch(at)), _) => watch(BreakpointKind::Access, at),
            (_, SIGINT) => StopReason::Interrupted,
            (_, SIGTRAP) => StopReason::Trap,
            (_, number) => StopReason::Signal { number },
        };
        // A single CPU's trap is what it says. All else may be the stub's
        // word for a shutdown; QEMU says SIGQUIT for one.
        let reason = match reason {
            StopReason::Signal { number } => match self.shutdown_cause(number == SIGQUIT)? {
                Some(cause) => StopReason::Shutdown(cause),
                None => reason,
            },
            _ => match self.shutdown_cause(false)? {
                Some(cause) => StopReason::Shutdown(cause),
                None => reason,
            },
        };
        Ok(Stop { vcpu, reason })
    }

    /// Why the machine shut down, if QEMU's monitor told. If it must have
    /// shut down, its event is waited for.
    fn shutdown_cause(&mut self, certain: bool) -> Result<Option<ShutdownCause>, TargetError> {
        let Some(qmp) = &mut self.qmp else {
            return Ok(None);
        };
        let patience = if certain {
            Duration::from_secs(1)
        } else {
            Duration::ZERO
        };
        let until = within(patience);
        let mut found = None;
        loop {
            match qmp.event(until) {
                Ok(Some(QmpEvent::Shutdown(cause))) => found = Some(cause),
                Ok(Some(QmpEvent::GuestPanicked)) => found = Some(ShutdownCause::GuestPanic),
                Ok(Some(QmpEvent::Stop)) if found.is_some() => return Ok(found),
                Ok(Some(_)) => {}
                Ok(None) | Err(TargetError::Disconnected { .. }) => return Ok(found),
                Err(error) => return Err(error),
            }
        }
    }

    /// A link ended while the guest ran. With the monitor gone as well the
    /// machine is; otherwise only the connection is.
    pub(super) fn ended(&mut self, peer: String) -> Result<Stop, TargetError> {
        self.gone = true;
        let also_qmp = match (&self.stub, &mut self.qmp) {
            (Some(_), Some(qmp)) => qmp.execute("query-status", Value::Null).is_err(),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        match also_qmp {
            true => Ok(Stop {
                vcpu: None,
                reason: StopReason::Exited { status: None },
            }),
            false => Err(TargetError::Disconnected { peer }),
        }
    }
}
