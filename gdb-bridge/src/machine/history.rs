//! Going back and forth in a recorded execution: QEMU's stub runs back, its
//! monitor seeks and tells where the machine stands.
//!
//! QEMU goes back by loading a snapshot and running forward again, so that a
//! request costs what lies between. Snapshots are therefore taken on the way
//! to the recording's end, and wherever it took long to come.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ukdbg_inspect::{
    Control, History, InHistory, Moment, Resume, StepInterrupts, Stop, StopReason, Target,
    TargetError, VcpuId,
};

use super::Machine;
use super::stop::SIGINT;
use crate::rsp::StopReply;

/// How a recording's last moment is come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approach {
    /// By executing the instruction before: QEMU ends the replay of a log that
    /// is run to its end.
    Step,
    /// As any other: what would be executed is a halt or the machine's end.
    Seek,
}

/// A recording's last moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedEnd {
    /// The moment.
    pub moment: Moment,
    /// How it is come to.
    pub approach: Approach,
}

/// How a recorded machine came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingEnd {
    /// Somebody stopped it, or a fault did: its last instruction can be
    /// executed again.
    Stopped,
    /// Its last instruction ended it, and would end a replay as well.
    ByLastInstruction,
}

/// What is known of the history that a machine is in.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    end: Option<RecordedEnd>,
    motion: Option<Motion>,
    /// Snapshots taken here, numbered for their names.
    snapshots: u32,
    begun: Option<Instant>,
}

/// What the machine was let go for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Motion {
    Seek {
        to: Moment,
    },
    /// To the moment before the last one, which is then stepped to.
    SeekBeforeEnd,
    LastStep,
    Back,
    /// Forward, to the guard before the end.
    Forward,
    /// Nowhere: it stood there.
    None(InHistory),
}

/// How many instructions are replayed in about 50 ms: snapshots are taken
/// until less than that lies between the last one and the end.
const CLOSE: u64 = 6_000_000;
/// More snapshots are not taken on the way.
const MOST_MILESTONES: usize = 24;
/// A seek that took longer leaves a snapshot behind.
const LONG: Duration = Duration::from_millis(150);
/// More snapshots are not taken afterwards: each is as large as the memory
/// that the guest uses.
const MOST_SNAPSHOTS: u32 = 64;
/// How long a replay may stand still before it is given up.
const STALLED: Duration = Duration::from_secs(20);
/// How often a replay under way is asked where it is.
const LOOK: Duration = Duration::from_millis(100);
/// Where the replayed log has nothing more.
const NOTHING_LEFT: &str = "the log ends before that: it was not written by this QEMU and image";

/// Where snapshots are taken on the way to the end: each halves what is left.
fn milestones(from: Moment, end: Moment) -> Vec<Moment> {
    let mut at = from.0;
    let mut found = Vec::new();
    while end.0.saturating_sub(at) > CLOSE && found.len() < MOST_MILESTONES {
        at += (end.0 - at) / 2;
        found.push(Moment(at));
    }
    found
}

impl Machine {
    /// Ends the recording of this machine in the way that can be replayed, and
    /// says how far it goes. The machine is gone then.
    pub fn end_recording(&mut self, how: RecordingEnd) -> Result<RecordedEnd, TargetError> {
        let halted = self.is_halted();
        let Some(qmp) = &mut self.qmp else {
            return Err(self.unable("the end of a recording"));
        };
        qmp.execute("stop", Value::Null)?;
        let moment = now(qmp)?;
        self.gone = true;
        qmp.execute("quit", Value::Null)?;
        let (moment, approach) = match how {
            RecordingEnd::ByLastInstruction => (moment.earlier(1), Approach::Seek),
            RecordingEnd::Stopped if halted => (moment, Approach::Seek),
            RecordingEnd::Stopped => (moment, Approach::Step),
        };
        Ok(RecordedEnd { moment, approach })
    }

    /// Whether the CPU waits for an interrupt.
    fn is_halted(&mut self) -> bool {
        let text = self.monitor("info registers").ok().flatten();
        text.is_some_and(|text| text.contains(" HLT=1"))
    }

    /// Goes to the end of the recording that this machine replays, leaving
    /// snapshots on the way, and stops there. `progress` is told where it is.
    pub fn replay_to_end(
        &mut self,
        end: RecordedEnd,
        progress: &mut dyn FnMut(Moment),
    ) -> Result<(), TargetError> {
        self.recorded.end = Some(end);
        for milestone in milestones(History::now(self)?, end.moment) {
            self.seek(milestone)?;
            self.arrive(progress)?;
            self.take_snapshot()?;
        }
        self.seek(end.moment)?;
        self.arrive(progress)
    }

    /// Waits for the stop of a seek.
    fn arrive(&mut self, progress: &mut dyn FnMut(Moment)) -> Result<(), TargetError> {
        let mut seen = (Moment::default(), Instant::now());
        loop {
            if let Some(stop) = self.poll(Instant::now() + LOOK)? {
                return match stop.reason {
                    StopReason::InHistory { .. } => Ok(()),
                    _ => Err(self.senseless_replay(NOTHING_LEFT)),
                };
            }
            let now = History::now(self)?;
            if now != seen.0 {
                seen = (now, Instant::now());
                progress(now);
            } else if seen.1.elapsed() > STALLED {
                return Err(self.senseless_replay("it does not go on"));
            }
        }
    }

    fn take_snapshot(&mut self) -> Result<(), TargetError> {
        let Some(qmp) = &mut self.qmp else {
            return Ok(());
        };
        self.recorded.snapshots += 1;
        let name = format!("ukdbg{}", self.recorded.snapshots);
        match qmp.monitor(&format!("savevm {name}"))?.trim() {
            "" => Ok(()),
            answer => Err(TargetError::Refused {
                peer: self.peer.clone(),
                request: "a snapshot".to_owned(),
                answer: answer.to_owned(),
            }),
        }
    }

    fn senseless_replay(&self, what: &str) -> TargetError {
        TargetError::Protocol {
            peer: self.peer.clone(),
            request: "the replay".to_owned(),
            what: what.to_owned(),
        }
    }

    /// Whether this machine replays a recording.
    pub(super) fn is_replay(&self) -> bool {
        self.qmp.is_some() && self.stub.as_ref().is_some_and(|stub| stub.runs_back())
    }

    /// Before the machine goes on: nothing, where its history is over.
    pub(super) fn has_history_left(&mut self, how: Resume) -> Result<bool, TargetError> {
        let (Some(end), true) = (self.recorded.end, self.is_replay()) else {
            return Ok(true);
        };
        let guard = end.guard();
        let now = History::now(self)?;
        if now >= end.moment {
            self.recorded.motion = Some(Motion::None(InHistory::End));
            return Ok(false);
        }
        if how != Resume::Continue {
            return Ok(true);
        }
        if now >= guard {
            self.begin_last_step()?;
            return Ok(false);
        }
        self.recorded.motion = Some(Motion::Forward);
        if let Some(qmp) = &mut self.qmp {
            qmp.execute("replay-break", json!({ "icount": guard.0 }))?;
        }
        Ok(true)
    }

    fn begin_last_step(&mut self) -> Result<(), TargetError> {
        self.recorded.motion = Some(Motion::LastStep);
        let vcpu = self.vcpus()?.first().copied();
        let vcpu = vcpu.ok_or(TargetError::NoVcpu(VcpuId(0)))?;
        self.cache.clear();
        match &mut self.stub {
            Some(stub) => stub.resume(Resume::Step {
                vcpu,
                interrupts: StepInterrupts::Masked,
            }),
            None => Ok(()),
        }
    }

    /// Whether it runs back. That cannot be interrupted: QEMU would go on to
    /// pass breakpoints.
    pub(super) fn is_running_back(&self) -> bool {
        self.recorded.motion == Some(Motion::Back)
    }

    /// The stop of a machine that stood where it was to go.
    pub(super) fn stop_in_place(&mut self) -> Option<Stop> {
        let Some(Motion::None(at)) = self.recorded.motion else {
            return None;
        };
        self.recorded.motion = None;
        Some(in_history(at))
    }

    /// What a stop reply means to a motion in history. `Err` with the reply
    /// where it has nothing to do with one.
    pub(super) fn stop_in_history(
        &mut self,
        reply: StopReply,
    ) -> Result<Result<Option<Stop>, StopReply>, TargetError> {
        let signal = match &reply {
            StopReply::Signal { signal, .. } => *signal,
            _ => return Ok(Err(reply)),
        };
        let Some(motion) = self.recorded.motion.take() else {
            return Ok(Err(reply));
        };
        self.visit.end();
        let at = match motion {
            Motion::SeekBeforeEnd => {
                self.begin_last_step()?;
                return Ok(Ok(None));
            }
            Motion::Forward => {
                let guard = self.recorded.end.map(RecordedEnd::guard);
                self.forget_guard()?;
                let now = History::now(self)?;
                if signal != SIGINT || Some(now) < guard {
                    return Ok(Err(reply));
                }
                if self.recorded.end.map(|end| end.moment) > Some(now) {
                    self.begin_last_step()?;
                    return Ok(Ok(None));
                }
                InHistory::End
            }
            Motion::Seek { to } => {
                if History::now(self)? != to {
                    // It was interrupted.
                    self.forget_guard()?;
                    return Ok(Err(reply));
                }
                InHistory::Sought
            }
            Motion::LastStep => InHistory::End,
            Motion::Back if History::now(self)? == Moment(0) => InHistory::Beginning,
            Motion::Back => InHistory::Back,
            Motion::None(at) => at,
        };
        if let Some(qmp) = &mut self.qmp {
            // What ends a log that is run to its end is no event of the guest's.
            qmp.forget_events();
        }
        self.leave_snapshot()?;
        Ok(Ok(Some(in_history(at))))
    }

    fn forget_guard(&mut self) -> Result<(), TargetError> {
        match &mut self.qmp {
            Some(qmp) => qmp.execute("replay-delete-break", Value::Null).map(drop),
            None => Ok(()),
        }
    }

    /// Leaves a snapshot where it took long to come: what is asked next is
    /// near, as a rule.
    fn leave_snapshot(&mut self) -> Result<(), TargetError> {
        let long = self
            .recorded
            .begun
            .take()
            .is_some_and(|begun| begun.elapsed() > LONG);
        if long && self.recorded.end.is_some() && self.recorded.snapshots < MOST_SNAPSHOTS {
            self.take_snapshot()?;
        }
        Ok(())
    }
}

impl RecordedEnd {
    /// The last moment that may be run to.
    fn guard(self) -> Moment {
        match self.approach {
            Approach::Step => self.moment.earlier(1),
            Approach::Seek => self.moment,
        }
    }
}

impl History for Machine {
    fn now(&mut self) -> Result<Moment, TargetError> {
        match &mut self.qmp {
            Some(qmp) => now(qmp),
            None => Err(self.unable("its place in a recording")),
        }
    }

    fn end(&self) -> Option<Moment> {
        self.recorded.end.map(|end| end.moment)
    }

    fn seek(&mut self, to: Moment) -> Result<(), TargetError> {
        self.needs_stop("a seek")?;
        self.cache.clear();
        let now = History::now(self)?;
        let end = self.recorded.end;
        let last = end.filter(|end| to >= end.moment);
        let to = last.map_or(to, |end| end.guard());
        let motion = match last.map(|end| end.approach) {
            Some(Approach::Step) => Motion::SeekBeforeEnd,
            _ => Motion::Seek { to },
        };
        if last.is_some_and(|end| now >= end.moment) || last.is_none() && now == to {
            self.recorded.motion = Some(Motion::None(InHistory::Sought));
            return Ok(());
        }
        self.lift_all()?;
        if now == to {
            return self.begin_last_step();
        }
        let (Some(stub), Some(qmp)) = (&mut self.stub, &mut self.qmp) else {
            return Err(self.unable("a seek"));
        };
        stub.link.presume_running();
        let asked = qmp.execute_within(
            "replay-seek",
            json!({ "icount": to.0 }),
            Duration::from_secs(60),
        );
        match asked {
            Ok(_) => {
                self.recorded.motion = Some(motion);
                self.recorded.begun = Some(Instant::now());
                Ok(())
            }
            Err(error) => {
                stub.link.presume_stopped();
                Err(error)
            }
        }
    }

    fn run_back(&mut self) -> Result<(), TargetError> {
        self.needs_stop("to run back")?;
        self.cache.clear();
        if History::now(self)? == Moment(0) {
            self.recorded.motion = Some(Motion::None(InHistory::Beginning));
            return Ok(());
        }
        let Some(stub) = &mut self.stub else {
            return Err(self.unable("to run back"));
        };
        stub.run_back()?;
        self.recorded.motion = Some(Motion::Back);
        self.recorded.begun = Some(Instant::now());
        Ok(())
    }
}

fn in_history(at: InHistory) -> Stop {
    Stop {
        vcpu: None,
        reason: StopReason::InHistory { at },
    }
}

fn now(qmp: &mut crate::qmp::Qmp) -> Result<Moment, TargetError> {
    let answer = qmp.execute("query-replay", Value::Null)?;
    match answer["icount"].as_u64() {
        Some(instructions) => Ok(Moment(instructions)),
        None => Err(TargetError::Protocol {
            peer: "the emulator's monitor".to_owned(),
            request: "query-replay".to_owned(),
            what: "no count of instructions".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(end: u64, expected: &[u64]) {
        let found = milestones(Moment(0), Moment(end));
        let expected: Vec<_> = expected.iter().copied().map(Moment).collect();
        assert_eq!(found, expected, "to {end}");
    }

    #[test]
    fn snapshots_are_closer_towards_the_end() {
        check(0, &[]);
        check(CLOSE, &[]);
        check(CLOSE * 2, &[CLOSE]);
        check(CLOSE * 8, &[CLOSE * 4, CLOSE * 6, CLOSE * 7]);
        assert_eq!(
            milestones(Moment(0), Moment(u64::MAX)).len(),
            MOST_MILESTONES
        );
    }
}
