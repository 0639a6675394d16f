//! Other clients that pause the guest while we run it over a stub.
//!
//! QEMU lets any client of a monitor stop and resume the guest. The stub tells
//! of such a stop with the signal of an interrupt, and of the resume not at
//! all. Nothing has happened to the guest, so it counts as running meanwhile,
//! and nothing is sent to the stub: QEMU would take it for a request to stop.

use std::time::{Duration, Instant};

use serde_json::Value;
use ukdbg_inspect::{Stop, StopReason, TargetError};

use super::control::guarded;
use super::stop::SIGINT;
use super::{Machine, within};
use crate::qemu::VISITORS;
use crate::qmp::RunState;
use crate::rsp::StopReply;

/// How often a visitor is looked after.
const LOOK: Duration = Duration::from_millis(200);
/// How long an interrupt waits for a visitor to leave.
const INTERRUPT_PATIENCE: Duration = Duration::from_secs(1);
/// How long the reply to a later stop may be on its way.
const LATER_STOP: Duration = Duration::from_secs(1);

/// Pauses that are not ours.
#[derive(Debug, Default)]
pub(super) struct Visit {
    /// The guest stands still for another client, who is next looked after at
    /// this time.
    next_look: Option<Instant>,
    /// When we asked the guest to stop, until it does.
    interrupted: Option<Instant>,
}

impl Visit {
    /// We ask the guest to stop; whether the stub can be told now.
    pub(super) fn interrupt(&mut self) -> bool {
        self.interrupted.get_or_insert_with(Instant::now);
        self.next_look.is_none()
    }

    /// The guest stopped for us, or goes on for us.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_going_on(&self) -> bool {
        self.next_look.is_some()
    }
}

impl Machine {
    /// The next stop of the guest's own or of our making.
    pub(super) fn poll_stub(&mut self, until: Instant) -> Result<Option<Stop>, TargetError> {
        loop {
            if let Some(stop) = self.stop_in_place() {
                return Ok(Some(stop));
            }
            if self.visit.is_going_on() {
                match self.visit_ends(until)? {
                    Some(true) => {}
                    Some(false) => return Ok(None),
                    None => return Ok(Some(self.stop_during_visit())),
                }
            }
            let Some(stub) = &mut self.stub else {
                return Ok(None);
            };
            let reply = match stub.link.stop(until) {
                Ok(Some(reply)) => reply,
                Ok(None) => return Ok(None),
                Err(TargetError::Disconnected { peer }) => match self.dropped(peer)? {
                    Some(stop) => return Ok(Some(stop)),
                    None => continue,
                },
                Err(error) => return Err(error),
            };
            // At once: to understand it takes more questions.
            guarded(self.guard.as_mut(), false);
            let reply = match self.stop_in_history(reply)? {
                Ok(Some(stop)) => return Ok(Some(stop)),
                Ok(None) => continue,
                Err(reply) => reply,
            };
            if let Some(reply) = self.without_visits(reply)? {
                self.visit.end();
                return self.understand(reply).map(Some);
            }
            guarded(self.guard.as_mut(), true);
        }
    }

    /// The stop, unless it is another client's pause.
    fn without_visits(&mut self, reply: StopReply) -> Result<Option<StopReply>, TargetError> {
        let (StopReply::Signal { signal: SIGINT, .. }, Some(qmp), Some(stub)) =
            (&reply, &mut self.qmp, &mut self.stub)
        else {
            return Ok(Some(reply));
        };
        match qmp.status() {
            Ok(RunState::Running) => {
                stub.link.presume_running();
                if self.visit.interrupted.is_some() {
                    stub.link.interrupt()?;
                }
                Ok(None)
            }
            Ok(RunState::Paused) => {
                qmp.forget_pauses();
                // Where nobody can tell, a stop that we asked for is ours.
                if self.visit.interrupted.is_some() && qmp.has_client(VISITORS)? != Some(true) {
                    return Ok(Some(reply));
                }
                stub.link.presume_running();
                self.visit.next_look = Some(Instant::now());
                Ok(None)
            }
            // The pause is over and the guest has stopped for another reason.
            Ok(RunState::InternalError | RunState::Otherwise) => {
                Ok(Some(stub.link.stop(within(LATER_STOP))?.unwrap_or(reply)))
            }
            // The stub has spoken; what became of the monitor shows later.
            Err(TargetError::Disconnected { .. }) => Ok(Some(reply)),
            Err(error) => Err(error),
        }
    }

    /// Whether the guest is let go by `until`; `None` if we shall not wait for
    /// that any longer.
    fn visit_ends(&mut self, until: Instant) -> Result<Option<bool>, TargetError> {
        loop {
            let (Some(next_look), Some(qmp), Some(stub)) =
                (self.visit.next_look, &mut self.qmp, &mut self.stub)
            else {
                return Ok(Some(true));
            };
            if qmp.resumed(until.min(next_look))? {
                self.visit.next_look = None;
                if self.visit.interrupted.is_some() {
                    stub.link.interrupt()?;
                }
                return Ok(Some(true));
            }
            let now = Instant::now();
            if now >= next_look {
                self.visit.next_look = Some(now + LOOK);
                let left = qmp.has_client(VISITORS)? == Some(false);
                // A visitor who left properly let the guest go: then that has
                // been heard by now, and the guest runs.
                let abandoned = left && qmp.status()? == RunState::Paused;
                match self.visit.interrupted {
                    Some(_) if abandoned => return Ok(None),
                    Some(asked) if now >= asked + INTERRUPT_PATIENCE => return Ok(None),
                    None if abandoned => {
                        qmp.execute("cont", Value::Null)?;
                        continue;
                    }
                    _ => {}
                }
            }
            if now >= until {
                return Ok(Some(false));
            }
        }
    }

    /// We asked for a stop while somebody else keeps the guest stopped, and
    /// take that for our own.
    fn stop_during_visit(&mut self) -> Stop {
        self.visit.end();
        if let Some(stub) = &mut self.stub {
            stub.link.presume_stopped();
        }
        Stop {
            vcpu: None,
            reason: StopReason::Interrupted,
        }
    }
}
