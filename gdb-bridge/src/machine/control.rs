//! Execution of a machine: over its stub, or over QEMU's monitor where that
//! is the only link.

use std::time::Instant;

use serde_json::Value;
use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, Control, Memory, Resume, Stop, StopReason, Target, TargetError,
    VcpuId,
};

use super::Machine;
use super::guard::Guard;
use super::reconnect::Return;
use super::stub::Stub;
use crate::guardian::Point;
use crate::qmp::QmpEvent;
use crate::rsp::{Command, PointKind};

impl Control for Machine {
    fn is_running(&self) -> bool {
        match &self.stub {
            Some(stub) => stub.link.is_running(),
            None => self.running,
        }
    }

    fn breaks(&self) -> bool {
        self.stub.is_some()
    }

    fn resume(&mut self, how: Resume) -> Result<(), TargetError> {
        if self.is_running() {
            return Err(TargetError::Running {
                request: "to go on".to_owned(),
            });
        }
        if !self.has_history_left(how)? {
            return Ok(());
        }
        if let Resume::Step { vcpu, .. } = how {
            self.lift_breakpoints(vcpu)?;
        }
        let before = self.known_registers();
        self.cache.clear();
        self.visit.end();
        match (&mut self.stub, &mut self.qmp) {
            (Some(stub), _) => {
                guarded(self.guard.as_mut(), true);
                match stub.resume(how) {
                    Err(TargetError::Disconnected { peer }) => {
                        let again = self.resume_again(how, before);
                        again.ok_or(TargetError::Disconnected { peer })
                    }
                    other => other,
                }
            }
            (None, Some(qmp)) if how == Resume::Continue => {
                qmp.execute("cont", Value::Null)?;
                guarded(self.guard.as_mut(), true);
                // What was heard so far is of our own making.
                qmp.forget_pauses();
                self.running = true;
                Ok(())
            }
            _ => Err(self.unable("a single step")),
        }
    }

    fn interrupt(&mut self) -> Result<(), TargetError> {
        if !self.is_running() || self.is_running_back() {
            return Ok(());
        }
        match (&mut self.stub, &mut self.qmp) {
            (Some(stub), _) if self.visit.interrupt() => stub.link.interrupt(),
            // It is told when the guest goes on.
            (Some(_), _) => Ok(()),
            (None, Some(qmp)) => {
                guarded(self.guard.as_mut(), false);
                qmp.execute("stop", Value::Null).map(|_| ())
            }
            (None, None) => Err(self.unable("an interrupt")),
        }
    }

    fn poll(&mut self, until: Instant) -> Result<Option<Stop>, TargetError> {
        let stop = match &self.stub {
            Some(_) => self.poll_stub(until)?,
            None => self.poll_monitor(until)?,
        };
        if stop.is_some() {
            guarded(self.guard.as_mut(), false);
            self.cache.clear();
            if !self.gone {
                self.put_back_lifted()?;
            }
        }
        Ok(stop)
    }

    fn insert(&mut self, breakpoint: BreakpointAt) -> Result<(), TargetError> {
        self.needs_stop("a breakpoint")?;
        if self.inserted.contains(&breakpoint) {
            return Ok(());
        }
        let mut original = [0];
        if breakpoint.kind == BreakpointKind::Software
            && self.stub.as_ref().is_some_and(Stub::steps_into_breakpoints)
            && self.read(breakpoint.address, &mut original) == Ok(1)
        {
            let physical = self.physical_of(breakpoint.address);
            self.shadows.cast(breakpoint.address, physical, original[0]);
        }
        let mut put = self.put(breakpoint);
        if matches!(put, Err(TargetError::Disconnected { .. }))
            && self.come_back() == Some(Return::AsBefore)
        {
            // It may have been taken before the link dropped: QEMU would hold
            // it twice.
            let _ = self.take(breakpoint);
            put = self.put(breakpoint);
        }
        put?;
        self.inserted.push(breakpoint);
        Ok(())
    }

    fn remove(&mut self, breakpoint: BreakpointAt) -> Result<(), TargetError> {
        self.needs_stop("a breakpoint")?;
        self.again(|machine| machine.take(breakpoint))?;
        self.inserted.retain(|other| *other != breakpoint);
        if breakpoint.kind == BreakpointKind::Software {
            self.shadows.lift(breakpoint.address);
        }
        Ok(())
    }
}

impl Machine {
    pub(super) fn put(&mut self, breakpoint: BreakpointAt) -> Result<(), TargetError> {
        let point = point(breakpoint);
        let Point { kind, at, length } = point;
        let Some(stub) = &mut self.stub else {
            return Err(self.unable("a breakpoint"));
        };
        if let Some(guard) = &mut self.guard {
            guard.inserting(point);
        }
        let inserted = stub.link.order(Command::InsertPoint { kind, at, length });
        if let (Err(TargetError::Refused { .. }), Some(guard)) = (&inserted, &mut self.guard) {
            guard.removed(point);
        }
        inserted?;
        // The stub may put it into memory, which reads then show.
        self.cache.forget_memory();
        Ok(())
    }

    fn take(&mut self, breakpoint: BreakpointAt) -> Result<(), TargetError> {
        let point = point(breakpoint);
        let Point { kind, at, length } = point;
        match &mut self.stub {
            Some(stub) => stub.link.order(Command::RemovePoint { kind, at, length })?,
            None => return Err(self.unable("a breakpoint")),
        }
        if let Some(guard) = &mut self.guard {
            guard.removed(point);
        }
        self.cache.forget_memory();
        Ok(())
    }

    /// Takes out what stands where a CPU is about to step, with a stub that
    /// would execute the breakpoint instead. Other CPUs stand still meanwhile.
    fn lift_breakpoints(&mut self, vcpu: VcpuId) -> Result<(), TargetError> {
        if !self.stub.as_ref().is_some_and(Stub::steps_into_breakpoints) {
            return Ok(());
        }
        let Some(pc) = self.registers(vcpu)?.pc() else {
            return Ok(());
        };
        let code = [BreakpointKind::Software, BreakpointKind::Hardware];
        let here = self.inserted.clone();
        for breakpoint in here {
            if breakpoint.address == pc && code.contains(&breakpoint.kind) {
                self.take(breakpoint)?;
                self.lifted.push(breakpoint);
            }
        }
        Ok(())
    }

    /// Takes out all, for a motion that nothing is to stop; they are put back
    /// when it ends.
    pub(super) fn lift_all(&mut self) -> Result<(), TargetError> {
        for breakpoint in self.inserted.clone() {
            if !self.lifted.contains(&breakpoint) {
                self.take(breakpoint)?;
                self.lifted.push(breakpoint);
            }
        }
        Ok(())
    }

    fn put_back_lifted(&mut self) -> Result<(), TargetError> {
        while let Some(breakpoint) = self.lifted.last().copied() {
            self.put(breakpoint)?;
            self.lifted.pop();
        }
        Ok(())
    }

    fn poll_monitor(&mut self, until: Instant) -> Result<Option<Stop>, TargetError> {
        let Some(qmp) = &mut self.qmp else {
            return Ok(None);
        };
        let mut reason = None;
        loop {
            match qmp.event(until) {
                Ok(Some(QmpEvent::Stop)) => break,
                Ok(Some(QmpEvent::Shutdown(cause))) => {
                    reason = Some(StopReason::Shutdown(cause));
                }
                Ok(Some(QmpEvent::Resume)) => self.running = true,
                Ok(Some(QmpEvent::Reset | QmpEvent::GuestPanicked)) => {}
                Ok(None) => return Ok(None),
                Err(TargetError::Disconnected { peer }) => return self.ended(peer).map(Some),
                Err(error) => return Err(error),
            }
        }
        self.running = false;
        Ok(Some(Stop {
            vcpu: None,
            reason: reason.unwrap_or(StopReason::Interrupted),
        }))
    }

    pub(super) fn unable(&self, request: &str) -> TargetError {
        TargetError::Refused {
            peer: self.peer.clone(),
            request: request.to_owned(),
            answer: "this needs a link to a GDB stub".to_owned(),
        }
    }
}

/// Tells the guardian whether the guest runs.
pub(super) fn guarded(guard: Option<&mut Guard>, running: bool) {
    if let Some(guard) = guard {
        guard.note(|state| state.running = running);
    }
}

pub(super) fn point(breakpoint: BreakpointAt) -> Point {
    let kind = match breakpoint.kind {
        BreakpointKind::Software => PointKind::Software,
        BreakpointKind::Hardware => PointKind::Hardware,
        BreakpointKind::Write => PointKind::Write,
        BreakpointKind::Read => PointKind::Read,
        BreakpointKind::Access => PointKind::Access,
    };
    Point {
        kind,
        at: breakpoint.address.0,
        length: breakpoint.length,
    }
}
