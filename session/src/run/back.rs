//! Motions back through a recorded history. They are done when the request is
//! answered: a seek is short, and running back cannot be interrupted.

use std::time::{Duration, Instant};

use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, InHistory, Moment, Stop, StopReason, Target, VirtAddr,
};

use super::hits::{self, Place};
use super::position::{Position, innermost};
use super::table::What;
use super::{Back, arm};
use crate::SessionError;
use crate::session::Session;
use crate::view::{Cause, RunningView};

/// How long a motion back may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a call pushes.
const RETURN_ADDRESS: u64 = 8;

impl<T: Target> Session<'_, T> {
    /// Goes back, and tells of the stop.
    pub(super) fn back(&mut self, back: Back) -> Result<RunningView, SessionError> {
        let until = Instant::now() + PATIENCE;
        let now = self.needs_moment()?;
        arm::sync(self)?;
        let causes = match back {
            _ if now == Moment(0) => Vec::new(),
            Back::Instructions { count } => {
                self.go_to_moment(now.earlier(count), until)?;
                vec![Cause::Stepped]
            }
            Back::Continue => self.continue_back(None, until)?,
            Back::Out => self.back_out(until)?,
        };
        let at = match self.needs_moment()? {
            Moment(0) => InHistory::Beginning,
            _ => InHistory::Sought,
        };
        let causes = match at {
            InHistory::Beginning => vec![Cause::InHistory { at }],
            _ => causes,
        };
        let vcpu = self.current_vcpu()?;
        if let Some(pc) = self.current_pc() {
            self.run.passed.insert(vcpu, pc);
        }
        let stop = Stop {
            vcpu: Some(vcpu),
            reason: StopReason::InHistory { at },
        };
        self.show_stop(stop, Some(vcpu), causes);
        Ok(RunningView { running: false })
    }

    /// Runs back until a breakpoint or a watchpoint stops, or the CPU is at a
    /// place with that stack pointer. No causes for that, or the beginning.
    fn continue_back(
        &mut self,
        wanted: Option<(VirtAddr, VirtAddr)>,
        until: Instant,
    ) -> Result<Vec<Cause>, SessionError> {
        loop {
            let history = self.target.history().ok_or(SessionError::NoHistory)?;
            history.run_back()?;
            self.wait_in_history(until)?;
            let hit = self.needs_moment()?;
            if hit == Moment(0) {
                return Ok(Vec::new());
            }
            // A watchpoint's moment is that of the store, or the next.
            for moment in [hit, hit.earlier(1)] {
                self.go_to_moment(moment, until)?;
                let vcpu = self.current_vcpu()?;
                let registers = self.target.registers(vcpu)?;
                let (Some(pc), sp) = (registers.pc(), registers.sp()) else {
                    continue;
                };
                if moment == hit && wanted.is_some_and(|(at, stack)| (pc, sp) == (at, Some(stack)))
                {
                    return Ok(Vec::new());
                }
                let mut place = Place::new(vcpu, pc, &registers);
                let mut causes = match moment == hit {
                    true => hits::in_code(self, &mut place)?,
                    false => Vec::new(),
                };
                for address in self.watched_writes() {
                    let write = BreakpointKind::Write;
                    causes.extend(hits::on_access(self, &mut place, write, address)?);
                }
                if !causes.is_empty() {
                    return Ok(causes);
                }
            }
            self.go_to_moment(hit, until)?;
        }
    }

    fn watched_writes(&self) -> Vec<VirtAddr> {
        let watched = self.run.table.iter().filter_map(|it| match &it.what {
            What::Watch(watched) => Some(watched.address),
            What::Code { .. } => None,
        });
        watched.collect()
    }

    /// Back to the call of the function that executes.
    fn back_out(&mut self, until: Instant) -> Result<Vec<Cause>, SessionError> {
        let registers = self.current_registers()?;
        let pc = registers.pc().ok_or(SessionError::NoRegisters)?;
        let frame = innermost(&self.modules, &registers, &mut self.target);
        let cfa = frame.and_then(|frame| frame.cfa);
        let cfa = cfa.ok_or(SessionError::NoCaller { index: 0 })?;
        let entry = Position::of(&self.modules, pc).and_then(|position| {
            let function = position.module.image.function_at(position.link)?;
            position.module.run_address(function.entry)
        });
        let entry = entry.ok_or(SessionError::NoLine { at: pc })?;
        let stack = VirtAddr(cfa.0.wrapping_sub(RETURN_ADDRESS));
        let at_entry = BreakpointAt {
            kind: BreakpointKind::Software,
            address: entry,
            length: 1,
        };
        let ours = pc != entry && !self.run.armory.has_code_at(entry);
        if ours {
            self.control("set a breakpoint")?.insert(at_entry)?;
        }
        let causes = match pc == entry {
            true => Ok(Vec::new()),
            false => self.continue_back(Some((entry, stack)), until),
        };
        if ours {
            self.control("remove a breakpoint")?.remove(at_entry)?;
        }
        let causes = causes?;
        let now = self.needs_moment()?;
        if !causes.is_empty() || now == Moment(0) {
            return Ok(causes);
        }
        self.go_to_moment(now.earlier(1), until)?;
        Ok(vec![Cause::Arrived])
    }
}
