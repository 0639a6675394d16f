//! What a stop means: for the user, or only for what is under way.

use std::time::Instant;

use ukdbg_inspect::{Registers, Resume, Stop, StopReason, Target, VcpuId};

use super::hits::{self, Place};
use super::motion::{Next, StepFor};
use super::{arm, progress};
use crate::SessionError;
use crate::session::Session;
use crate::view::{Cause, Event};

/// What comes of a stop.
enum Verdict {
    /// It is the user's.
    Stop(Vec<Cause>),
    /// The machine goes on.
    GoOn(Next),
}

impl<T: Target> Session<'_, T> {
    /// Lets the machine run.
    pub fn resume(&mut self) -> Result<(), SessionError> {
        self.run.motion = None;
        self.go_on(Next::Run)
    }

    /// Asks it to stop; the stop comes from [`Session::poll`].
    pub fn interrupt(&mut self) -> Result<(), SessionError> {
        self.run.interrupted = true;
        Ok(self.control("interrupt")?.interrupt()?)
    }

    /// The next stop that is meant for the user, if there is one by `until`.
    /// What happened on the way, and what the stop means, is among the events
    /// ([`Session::take_events`]).
    pub fn poll(&mut self, until: Instant) -> Result<Option<Stop>, SessionError> {
        loop {
            let Some(stop) = self.control("wait for a stop")?.poll(until)? else {
                return Ok(None);
            };
            if self.has_passed(&stop) {
                self.go_on(Next::Run)?;
                continue;
            }
            self.take_note(&stop);
            match self.judge(&stop)? {
                Verdict::Stop(causes) => {
                    self.stand_still(&stop, causes)?;
                    return Ok(Some(stop));
                }
                Verdict::GoOn(next) => self.go_on(next)?,
            }
            if Instant::now() >= until {
                return Ok(None);
            }
        }
    }

    /// What happened since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.run.events.drain(..).collect()
    }

    /// Whether a stop is but the end of a step over a breakpoint. Nothing has to
    /// be asked of the machine then: what stands at the next instruction stops
    /// it when it goes on from there. A hit of a condition that does not hold
    /// is worth few round trips.
    fn has_passed(&mut self, stop: &Stop) -> bool {
        let Some(StepFor::Pass { vcpu }) = self.run.step else {
            return false;
        };
        let passed = stop.reason == StopReason::Trap && !self.run.interrupted;
        if passed {
            self.run.step = None;
            self.run.passed.remove(&vcpu);
        }
        passed
    }

    fn take_note(&mut self, stop: &Stop) {
        self.stopped = stop.vcpu;
        // Whoever let it run may have done so through the target itself.
        self.shown = None;
        self.run.hidden = 0;
        self.run.meant = None;
        if !self.holds_current_pc() {
            self.locate_modules();
            self.run.armory.stale = true;
        }
    }

    fn judge(&mut self, stop: &Stop) -> Result<Verdict, SessionError> {
        let step = self.run.step.take();
        let cause = match &stop.reason {
            StopReason::Shutdown(_) => Some(Cause::Shutdown),
            StopReason::Exited { .. } => Some(Cause::Exited),
            StopReason::Signal { number } => Some(Cause::Signal { number: *number }),
            StopReason::Interrupted => Some(Cause::Interrupted),
            StopReason::InHistory { at } => Some(Cause::InHistory { at: *at }),
            StopReason::Trap | StopReason::Watch { .. } => None,
        };
        if let Some(cause) = cause {
            return Ok(Verdict::Stop(vec![cause]));
        }
        let vcpu = self.current_vcpu()?;
        let registers = self.target.registers(vcpu)?;
        let verdict = self.at_trap(stop, step, vcpu, &registers)?;
        // An interrupt that came too late for the guest to be running is not
        // heard by every stub.
        match verdict {
            Verdict::GoOn(_) if self.run.interrupted => Ok(Verdict::Stop(vec![Cause::Interrupted])),
            verdict => Ok(verdict),
        }
    }

    fn at_trap(
        &mut self,
        stop: &Stop,
        step: Option<StepFor>,
        vcpu: VcpuId,
        registers: &Registers,
    ) -> Result<Verdict, SessionError> {
        let Some(pc) = registers.pc() else {
            return Ok(Verdict::Stop(vec![Cause::OtherTrap]));
        };
        let mut place = Place::new(vcpu, pc, registers);
        let mut causes = Vec::new();
        if let StopReason::Watch { access, address } = stop.reason {
            causes = hits::on_access(self, &mut place, access, address)?;
        }
        if let Some(StepFor::Pass { vcpu: passing }) = step {
            self.run.passed.remove(&passing);
            return Ok(if causes.is_empty() {
                Verdict::GoOn(Next::Run)
            } else {
                Verdict::Stop(causes)
            });
        }
        let ended = self.run.ended_scopes(pc, registers);
        causes.extend(ended);
        let is_ours = self.run.armory.has_code_at(pc);
        causes.extend(hits::in_code(self, &mut place)?);
        self.run.passed.insert(vcpu, pc);
        let at_rendezvous = self.run.rendezvous && self.rendezvous().contains(&pc);
        if at_rendezvous && is_ours {
            causes.push(Cause::Fault);
        }
        let next = progress::carry_on(self, vcpu, registers, step)?;
        Ok(match next {
            Some(Next::Done(cause)) => {
                // A breakpoint's place is reached however one comes there.
                let by_step = matches!(cause, Cause::Stepped | Cause::Arrived);
                if causes.is_empty() || !by_step {
                    causes.push(cause);
                }
                Verdict::Stop(causes)
            }
            _ if !causes.is_empty() => Verdict::Stop(causes),
            Some(next) => Verdict::GoOn(next),
            None if is_ours || matches!(stop.reason, StopReason::Watch { .. }) => {
                Verdict::GoOn(Next::Run)
            }
            None => Verdict::Stop(vec![Cause::OtherTrap]),
        })
    }

    /// Lets the machine go on. CPUs that stand at a breakpoint that has been
    /// dealt with step over it first, the others standing still, so that none
    /// of them passes it unseen.
    pub(super) fn go_on(&mut self, next: Next) -> Result<(), SessionError> {
        self.shown = None;
        if let Some(vcpu) = match next {
            Next::Step => self.run.motion.as_ref().map(|motion| motion.vcpu),
            Next::Run | Next::Done(_) => None,
        } {
            let before = Box::new(self.target.registers(vcpu)?);
            arm::sync(self)?;
            self.run.passed.remove(&vcpu);
            self.run.step = Some(StepFor::Motion { before });
            return self.step(vcpu);
        }
        let passing = self.first_to_pass()?;
        arm::sync(self)?;
        if let Some(vcpu) = passing {
            self.run.step = Some(StepFor::Pass { vcpu });
            return self.step(vcpu);
        }
        self.stopped = None;
        Ok(self.control("resume")?.resume(Resume::Continue)?)
    }

    fn step(&mut self, vcpu: VcpuId) -> Result<(), SessionError> {
        let interrupts = self.run.interrupts;
        self.stopped = None;
        let resume = Resume::Step { vcpu, interrupts };
        Ok(self.control("step")?.resume(resume)?)
    }

    /// A CPU that stands at a breakpoint that has been dealt with.
    fn first_to_pass(&mut self) -> Result<Option<VcpuId>, SessionError> {
        let passed: Vec<_> = self
            .run
            .passed
            .iter()
            .map(|(cpu, pc)| (*cpu, *pc))
            .collect();
        for (vcpu, pc) in passed {
            if self.run.armory.has_code_at(pc) && self.target.registers(vcpu)?.pc() == Some(pc) {
                return Ok(Some(vcpu));
            }
            self.run.passed.remove(&vcpu);
        }
        Ok(None)
    }
}
