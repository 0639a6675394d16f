//! How a motion begins.

use ukdbg_inspect::{Frame, Stop, StopReason, Target, VcpuId, VirtAddr};

use super::motion::{Backwards, Gate, LineStep, Next, Plan, UnderWay, Why};
use super::position::{Position, frames, innermost};
use super::{Arrival, Calls, Motion, catch, place};
use crate::SessionError;
use crate::session::Session;
use crate::view::{Cause, RunningView};

/// A frame with its caller, far enough to know where it returns to.
const WITH_CALLER: usize = 2;

impl<T: Target> Session<'_, T> {
    /// Begins a motion.
    pub(crate) fn start(&mut self, motion: Motion) -> Result<RunningView, SessionError> {
        if self.control("go on")?.is_running() {
            return Err(SessionError::Running);
        }
        let vcpu = self.current_vcpu()?;
        let (plan, gates, left) = match motion {
            Motion::Continue { ignore } => {
                self.ignore_last(ignore);
                self.resume()?;
                return Ok(RunningView { running: true });
            }
            Motion::Instructions { count, .. } | Motion::Lines { count, .. } if count == 0 => {
                return self.already_there(vcpu);
            }
            Motion::Instructions { calls, count } => (Plan::Instructions(calls), Vec::new(), count),
            Motion::Lines { calls, count } => {
                let Some(count) = self.step_into_hidden(calls, count) else {
                    return self.already_there(vcpu);
                };
                let step = self.line_step(vcpu, calls, Backwards::Stops)?;
                (Plan::Lines(step), Vec::new(), count)
            }
            Motion::Back(back) => return self.back(back),
            Motion::PastLoop => {
                let step = self.line_step(vcpu, Calls::Over, Backwards::RunsThrough)?;
                (Plan::Lines(step), Vec::new(), 1)
            }
            Motion::Out { frame } => {
                let (plan, gates) = self.way_out(frame)?;
                (plan, gates, 1)
            }
            Motion::To { place, whose } => {
                let gates = self.gates_to(&place, whose, vcpu)?;
                (Plan::Gates, gates, 1)
            }
            Motion::Trap => (Plan::Gates, catch::trap_gates(self, vcpu)?, 1),
        };
        let runs = matches!(plan, Plan::Gates);
        self.run.armory.stale |= !gates.is_empty();
        self.run.motion = Some(UnderWay {
            vcpu,
            plan,
            left,
            gates,
        });
        self.run.interrupted = false;
        self.go_on(if runs { Next::Run } else { Next::Step })?;
        Ok(RunningView { running: true })
    }

    /// A step that moves nothing.
    fn already_there(&mut self, vcpu: VcpuId) -> Result<RunningView, SessionError> {
        self.shown = None;
        let stop = Stop {
            vcpu: Some(vcpu),
            reason: StopReason::Trap,
        };
        self.show_stop(stop, Some(vcpu), vec![Cause::Stepped]);
        Ok(RunningView { running: false })
    }

    /// The breakpoint that stopped the machine is passed so many times.
    fn ignore_last(&mut self, ignore: u64) {
        let causes = self.run.last.as_ref().map_or(&[][..], |last| &last.causes);
        let number = causes.iter().find_map(|cause| match cause {
            Cause::Breakpoint { number, .. } | Cause::Watchpoint { number, .. } => Some(*number),
            _ => None,
        });
        if ignore > 0
            && let Some(breakpoint) = number.and_then(|number| self.run.table.get_mut(number).ok())
        {
            breakpoint.ignore = ignore;
        }
    }

    /// Steps into inlined calls that begin here and are not shown yet: nothing
    /// moves for that. Gives the steps left, or none when these were all.
    fn step_into_hidden(&mut self, calls: Calls, count: u64) -> Option<u64> {
        if calls == Calls::Over {
            return Some(count);
        }
        let hidden = u64::try_from(self.run.hidden).unwrap_or(u64::MAX);
        let shown = hidden.min(count);
        self.run.hidden -= usize::try_from(shown).unwrap_or(self.run.hidden);
        let left = count - shown;
        (left > 0).then_some(left)
    }

    /// A step from where the CPU stands.
    pub(super) fn line_step(
        &mut self,
        vcpu: VcpuId,
        calls: Calls,
        backwards: Backwards,
    ) -> Result<LineStep, SessionError> {
        let registers = self.target.registers(vcpu)?;
        let pc = registers.pc().ok_or(SessionError::NoRegisters)?;
        let frame = innermost(&self.modules, &registers, &mut self.target);
        let cfa = frame.and_then(|frame| frame.cfa);
        let hidden = self.run.hidden;
        let position = Position::of(&self.modules, pc);
        let position = position.ok_or(SessionError::NoLine { at: pc })?;
        // Code without lines is left as one piece, as is the whole of a loop.
        let function = position.function();
        let code = match position.code() {
            Some(code) => code,
            None => function.clone().ok_or(SessionError::NoLine { at: pc })?,
        };
        let code = match (backwards, function) {
            (Backwards::RunsThrough, Some(function)) => function.start.min(code.start)..code.end,
            _ => code,
        };
        Ok(LineStep {
            calls,
            backwards,
            cfa,
            depth: position.chain.len().saturating_sub(hidden),
            line: position.location(hidden).cloned(),
            code,
            instructions: 0,
        })
    }

    /// How a frame is left.
    fn way_out(&mut self, index: usize) -> Result<(Plan, Vec<Gate>), SessionError> {
        let frames_shown = self.frames_shown()?;
        let frames = frames_shown.view.frames.len();
        let view = frames_shown.view.frames.get(index);
        let view = view.ok_or(SessionError::NoFrame { index, frames })?;
        let (physical, level) = (view.physical, view.level);
        let found = &frames_shown.found.frames;
        let frame = found.get(physical).cloned();
        let frame = frame.ok_or(SessionError::NoFrame { index, frames })?;
        let caller = found.get(physical + 1).cloned();
        let pc = frame.pc.address();
        let depth = Position::of(&self.modules, pc).map_or(1, |it| it.chain.len());
        let depth = depth.saturating_sub(level);
        if physical == 0 && depth > 1 {
            let cfa = frame.cfa;
            return Ok((Plan::LeaveInlined { cfa, depth }, Vec::new()));
        }
        let caller = caller.ok_or(SessionError::NoCaller { index })?;
        Ok((Plan::Gates, vec![gate_of(&frame, &caller)]))
    }

    fn gates_to(
        &mut self,
        text: &str,
        whose: Arrival,
        vcpu: VcpuId,
    ) -> Result<Vec<Gate>, SessionError> {
        let locations = place::resolve(self, text, None)?;
        let registers = self.target.registers(vcpu)?;
        let found = frames(&self.modules, &registers, &mut self.target, WITH_CALLER);
        let cfa = found.first().and_then(|frame| frame.cfa);
        let mut gates: Vec<Gate> = locations
            .iter()
            .map(|location| Gate {
                at: location.address,
                stack: None,
                why: Why::Arrived(whose, cfa),
            })
            .collect();
        if let Some(caller) = found.get(1) {
            let stack = caller.registers.sp();
            gates.push(Gate::of_return(caller.pc, stack, Why::LeftBehind));
        }
        Ok(gates)
    }
}

/// Where a frame's caller goes on.
fn gate_of(frame: &Frame, caller: &Frame) -> Gate {
    let function: VirtAddr = frame.pc.address();
    Gate::of_return(
        caller.pc,
        caller.registers.sp(),
        Why::Returned((!frame.interrupted && !caller.interrupted).then_some(function)),
    )
}
