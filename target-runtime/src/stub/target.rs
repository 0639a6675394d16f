//! The stopped guest as `gdbstub` asks for it. Pure but for the memory, tasks
//! and debug registers it is given: it holds a copy of the trap frame, which
//! goes back when the guest is resumed.

mod base;
mod points;
mod resume;

use core::fmt;

use gdbstub::common::{Signal, Tid};
use gdbstub::stub::MultiThreadStopReason;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::breakpoints::{BreakpointsOps, WatchKind};
use gdbstub::target::ext::target_description_xml_override::{
    TargetDescriptionXmlOverride, TargetDescriptionXmlOverrideOps,
};
use gdbstub::target::{Target, TargetError, TargetResult};
use ukdbg_guest_abi::RegisterSet;

use super::breakpoints::Breakpoints;
use super::memory::Memory;
use super::monitor::{Command, Monitor};
use super::registers::{Amd64, DESCRIPTION};
use super::tasks::{self, Tasks};
use super::watchpoints::{DebugRegisters, Watched, Watchpoints};
use crate::{FxArea, TrapFrame};

/// Linux's numbers, which GDB takes for errors of its own kind.
const E2BIG: u8 = 7;
const EFAULT: u8 = 14;
const EINVAL: u8 = 22;

/// RFLAGS: a debug exception after the next instruction.
const TRAP_FLAG: u64 = 1 << 8;
/// RFLAGS: no breakpoint of a debug register at the next instruction.
const RESUME_FLAG: u64 = 1 << 16;
/// DR6: the debug exception comes from a single step (SDM volume 3B, 17.2.3).
pub(super) const SINGLE_STEP: u64 = 1 << 14;

/// How the client wants the guest to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Resume {
    /// From where it stands.
    Continue,
    /// For one instruction.
    Step,
    /// By the way it takes without a debugger: the signal that reported the
    /// stop is delivered.
    Deliver,
    /// Not at all: the client ends it.
    Kill,
    /// Not at all: the machine begins anew.
    Reset,
}

/// Why the guest stopped or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StopReason {
    /// At a breakpoint of the client's.
    Breakpoint,
    /// A debug exception with these conditions in DR6.
    Debug(u64),
    /// An exception, or the client's wish.
    Signal(Signal),
    /// It is about to end with a status.
    Exited(u8),
    /// It is about to end by a fault.
    Terminated(Signal),
}

/// All that is asked of a guest.
pub(super) trait Guest: Memory + Tasks + DebugRegisters + Monitor {}
impl<G: Memory + Tasks + DebugRegisters + Monitor> Guest for G {}

/// What stands for a frame before the first stop.
pub(super) const NO_FRAME: TrapFrame = TrapFrame {
    fx: FxArea([0; 512]),
    r15: 0,
    r14: 0,
    r13: 0,
    r12: 0,
    r11: 0,
    r10: 0,
    r9: 0,
    r8: 0,
    rbp: 0,
    rdi: 0,
    rsi: 0,
    rdx: 0,
    rcx: 0,
    rbx: 0,
    rax: 0,
    vector: 0,
    error_code: 0,
    rip: 0,
    cs: 0,
    rflags: 0,
    rsp: 0,
    ss: 0,
};

/// The stopped guest.
pub(super) struct StoppedGuest<G> {
    frame: TrapFrame,
    special: RegisterSet,
    resume: Resume,
    /// Where a step began at a `pushf`, which stores the trap flag.
    stepping_pushf: bool,
    guest: G,
    breakpoints: &'static Breakpoints,
    watchpoints: Watchpoints,
}

impl<G: Guest> StoppedGuest<G> {
    pub(super) fn new(guest: G, breakpoints: &'static Breakpoints) -> Self {
        Self {
            frame: NO_FRAME,
            special: RegisterSet::default(),
            resume: Resume::Continue,
            stepping_pushf: false,
            guest,
            breakpoints,
            watchpoints: Watchpoints::default(),
        }
    }

    /// The guest stopped here. How it was resumed stays known until
    /// [`StoppedGuest::reason`] has told what its stop means.
    pub(super) fn load(&mut self, frame: &TrapFrame, special: RegisterSet) {
        Watchpoints::disable(&mut self.guest);
        self.frame = *frame;
        self.special = special;
        if self.resume == Resume::Step {
            self.frame.rflags &= !TRAP_FLAG;
            if self.stepping_pushf {
                self.clear_pushed_trap_flag();
            }
        }
        self.stepping_pushf = false;
    }

    /// Gives the frame back, as the client left it.
    pub(super) fn store(&mut self, frame: &mut TrapFrame) -> Resume {
        self.watchpoints.remember(&mut self.guest);
        if self.resume == Resume::Step {
            self.stepping_pushf = self.is_at_pushf();
            self.frame.rflags |= TRAP_FLAG;
        } else {
            if self.watchpoints.stops_at(self.frame.rip) {
                self.frame.rflags |= RESUME_FLAG;
            }
            self.watchpoints.enable(&mut self.guest);
        }
        *frame = self.frame;
        self.breakpoints.arm(&mut self.guest);
        self.resume
    }

    /// Whether a debug exception is none to the client: what it has set waits
    /// for reads alone, and this was a write.
    pub(super) fn is_passed_over(&mut self, conditions: u64) -> bool {
        let passed = conditions & SINGLE_STEP == 0
            && self.watchpoints.is_passed_over(conditions, &mut self.guest);
        if passed {
            self.watchpoints.remember(&mut self.guest);
        }
        passed
    }

    /// Puts the debug registers in force for a guest that goes on from a trap
    /// without having been held.
    pub(super) fn rearm(&mut self) {
        if self.resume != Resume::Step {
            self.watchpoints.enable(&mut self.guest);
        }
    }

    /// Answers a command of `monitor`.
    pub(super) fn show(&mut self, command: Command, out: &mut dyn fmt::Write) -> fmt::Result {
        self.guest.show(command, out)
    }

    /// Whether the last resumption was for one instruction.
    pub(super) fn is_stepping(&self) -> bool {
        self.resume == Resume::Step
    }

    /// Takes out what a client put in that will not come back.
    pub(super) fn forget_client(&mut self) {
        self.breakpoints.clear(&mut self.guest);
        self.watchpoints.clear();
        Watchpoints::disable(&mut self.guest);
        self.resume = Resume::Continue;
    }

    /// What to tell the client of a stop.
    pub(super) fn reason(&mut self, reason: StopReason) -> MultiThreadStopReason<u64> {
        let tid = self.running();
        let signal = |signal| MultiThreadStopReason::SignalWithThread { tid, signal };
        match reason {
            StopReason::Breakpoint => MultiThreadStopReason::SwBreak(tid),
            StopReason::Signal(number) => signal(number),
            StopReason::Exited(status) => MultiThreadStopReason::Exited(status),
            StopReason::Terminated(number) => MultiThreadStopReason::Terminated(number),
            StopReason::Debug(conditions) => {
                let hit = if conditions & SINGLE_STEP != 0 {
                    self.watchpoints.changed(&mut self.guest)
                } else {
                    self.watchpoints.hit(conditions)
                };
                let watch = |kind, addr| MultiThreadStopReason::Watch { tid, kind, addr };
                match hit {
                    Some((addr, Watched::Write(_) | Watched::Unread(_))) => {
                        watch(WatchKind::Write, addr)
                    }
                    Some((addr, Watched::Read(_))) => watch(WatchKind::Read, addr),
                    Some((addr, Watched::Access(_))) => watch(WatchKind::ReadWrite, addr),
                    Some((_, Watched::Execute)) => MultiThreadStopReason::HwBreak(tid),
                    None => signal(Signal::SIGTRAP),
                }
            }
        }
    }

    /// The thread that is stopped.
    fn running(&self) -> Tid {
        tasks::thread(self.guest.current())
    }

    fn is_at_pushf(&mut self) -> bool {
        let mut code = [0; 2];
        let length = self.guest.read(self.frame.rip, &mut code);
        self.breakpoints.hide(self.frame.rip, &mut code);
        matches!((length, code), (1.., [0x9c, _]) | (2, [0x66, 0x9c]))
    }

    fn clear_pushed_trap_flag(&mut self) {
        let at = self.frame.rsp.wrapping_add(1);
        let mut byte = [0];
        if self.guest.read(at, &mut byte) == 1 {
            self.guest.write(at, &[byte[0] & !((TRAP_FLAG >> 8) as u8)]);
        }
    }

    #[cfg(test)]
    pub(super) fn guest(&mut self) -> &mut G {
        &mut self.guest
    }
}

/// Nothing that a client asks for ends its session.
#[derive(Clone, Copy, Debug)]
pub(super) enum Never {}

impl<G: Guest> Target for StoppedGuest<G> {
    type Arch = Amd64;
    type Error = Never;

    fn base_ops(&mut self) -> BaseOps<'_, Amd64, Never> {
        BaseOps::MultiThread(self)
    }

    /// The line may damage packets: acknowledgements stay.
    fn use_no_ack_mode(&self) -> bool {
        false
    }

    fn support_target_description_xml_override(
        &mut self,
    ) -> Option<TargetDescriptionXmlOverrideOps<'_, Self>> {
        Some(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }
}

/// Bytes of the description in one packet. On a line that damages one byte in a
/// thousand, a packet of 4 KiB would nearly never arrive; this one mostly does.
const DESCRIPTION_PART: usize = 512;

impl<G: Guest> TargetDescriptionXmlOverride for StoppedGuest<G> {
    fn target_description_xml(
        &self,
        annex: &[u8],
        offset: u64,
        length: usize,
        buffer: &mut [u8],
    ) -> TargetResult<usize, Self> {
        if annex != b"target.xml" {
            return Err(TargetError::Errno(EINVAL));
        }
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| DESCRIPTION.as_bytes().get(offset..))
            .unwrap_or_default();
        let length = length
            .min(DESCRIPTION_PART)
            .min(rest.len())
            .min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}
