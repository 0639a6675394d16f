//! A stop that is the user's: what it is for them, and what it ends.

use ukdbg_inspect::{
    Backtrace, FoundBy, StackEnd, StepInterrupts, Stop, StopReason, Target, VcpuId,
};

use super::position::Position;
use super::{arm, hits, position};
use crate::session::Session;
use crate::view::{Cause, Event, FrameView, StackOwner, SteppingView, StopView};
use crate::{SessionError, frames};

impl<T: Target> Session<'_, T> {
    /// Why the machine stands still, as far as this session saw it stop.
    pub fn last_stop(&self) -> Option<&StopView> {
        self.run.last.as_ref()
    }

    /// What steps do about interrupts from now on.
    pub(crate) fn step_with(&mut self, interrupts: StepInterrupts) -> SteppingView {
        self.run.interrupts = interrupts;
        SteppingView { interrupts }
    }

    /// Ends what was under way, and tells.
    pub(super) fn stand_still(
        &mut self,
        stop: &Stop,
        causes: Vec<Cause>,
    ) -> Result<(), SessionError> {
        self.run.motion = None;
        self.run.interrupted = false;
        let gone = matches!(stop.reason, StopReason::Exited { .. });
        let cpu = match gone {
            true => None,
            false => self.current_vcpu().ok(),
        };
        self.show_stop(stop.clone(), cpu, causes);
        if !gone {
            self.run.armory.stale = true;
            arm::sync(self)?;
        }
        Ok(())
    }

    pub(super) fn show_stop(&mut self, stop: Stop, cpu: Option<VcpuId>, causes: Vec<Cause>) {
        let stepped_in = causes.iter().any(|cause| {
            matches!(
                cause,
                Cause::Stepped | Cause::Arrived | Cause::Returned { .. }
            )
        });
        if (!stepped_in || self.run.meant.is_some())
            && let Some(pc) = cpu.and_then(|_| self.current_pc())
        {
            self.run.hidden = hits::hidden_at(self, pc);
        }
        self.run.by_statement = causes.iter().any(|cause| {
            matches!(
                cause,
                Cause::Stepped | Cause::Arrived | Cause::Returned { .. } | Cause::Breakpoint { .. }
            )
        });
        let frame = cpu.and_then(|cpu| self.frame_on(cpu, self.run.hidden));
        let same = |last: &StopView| {
            let of = |frame: &Option<FrameView>| {
                frame
                    .as_ref()
                    .map(|frame| (frame.function.clone(), frame.cfa, frame.inlined))
            };
            last.cpu == cpu && of(&last.frame) == of(&frame)
        };
        let view = StopView {
            new_frame: !self.run.last.as_ref().is_some_and(same),
            stop,
            causes,
            cpu,
            frame,
        };
        self.run.last = Some(view.clone());
        self.run.tell(Event::Stopped(Box::new(view)));
    }

    /// The innermost frame of a CPU that is shown.
    pub(super) fn frame_on(&mut self, cpu: VcpuId, hidden: usize) -> Option<FrameView> {
        let registers = self.target.registers(cpu).ok()?;
        let frame = position::innermost(&self.modules, &registers, &mut self.target)?;
        let found = Backtrace {
            frames: vec![frame],
            end: StackEnd::Limit { frames: 1 },
        };
        let (modules, memory) = (&self.modules, &mut self.target);
        let view = frames::expand(
            modules,
            &found,
            StackOwner::Cpu { id: cpu },
            |frame, level| crate::arguments::of(modules, memory, frame, level),
        );
        let mut shown = view.frames.into_iter().skip(hidden);
        let mut frame = shown.next()?;
        frame.index = 0;
        self.at_statement(&mut frame);
        Some(frame)
    }

    /// Where a step or a breakpoint stopped the machine, the line of the
    /// statement that begins there is meant, also where the compiler took the
    /// first instruction of another line along. Elsewhere (a fault) the
    /// instruction's own line counts.
    pub(crate) fn at_statement(&self, frame: &mut FrameView) {
        if frame.level != 0 || frame.found_by != FoundBy::Stop || !self.run.by_statement {
            return;
        }
        let position = Position::of(&self.modules, frame.pc);
        if let Some(position) = position.filter(Position::begins_row) {
            frame.location = position.location(0).cloned();
        }
    }
}
