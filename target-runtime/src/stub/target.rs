//! The stopped guest as `gdbstub` asks for it. Pure but for the memory it is
//! given: it holds a copy of the trap frame, which goes back when the guest is
//! resumed.

use gdbstub::common::Signal;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps, SingleThreadSingleStep,
    SingleThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::{
    Breakpoints as BreakpointsExtension, BreakpointsOps, SwBreakpoint, SwBreakpointOps,
};
use gdbstub::target::{Target, TargetError, TargetResult};
use ukdbg_guest_abi::RegisterSet;

use super::breakpoints::Breakpoints;
use super::framing::PACKET_SIZE;
use super::memory::Memory;
use super::registers::{self, Amd64, ClientRegisters};
use crate::{FxArea, TrapFrame};

/// Linux's numbers, which GDB's clients take for an error of their own kind.
const E2BIG: u8 = 7;
const EFAULT: u8 = 14;
const EINVAL: u8 = 22;

/// The trap flag: a debug exception after the next instruction.
const TRAP_FLAG: u64 = 1 << 8;

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
}

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
pub(super) struct StoppedGuest<M> {
    frame: TrapFrame,
    special: RegisterSet,
    resume: Resume,
    /// Where a step began at a `pushf`, which stores the trap flag.
    stepping_pushf: bool,
    memory: M,
    breakpoints: &'static Breakpoints,
}

impl<M: Memory> StoppedGuest<M> {
    pub(super) fn new(memory: M, breakpoints: &'static Breakpoints) -> Self {
        Self {
            frame: NO_FRAME,
            special: RegisterSet::default(),
            resume: Resume::Continue,
            stepping_pushf: false,
            memory,
            breakpoints,
        }
    }

    /// The guest stopped here.
    pub(super) fn load(&mut self, frame: &TrapFrame, special: RegisterSet) {
        self.frame = *frame;
        self.special = special;
        if self.resume == Resume::Step {
            self.frame.rflags &= !TRAP_FLAG;
            if self.stepping_pushf {
                self.clear_pushed_trap_flag();
            }
        }
        self.stepping_pushf = false;
        self.resume = Resume::Continue;
    }

    /// Gives the frame back, as the client left it.
    pub(super) fn store(&mut self, frame: &mut TrapFrame) -> Resume {
        if self.resume == Resume::Step {
            self.stepping_pushf = self.is_at_pushf();
            self.frame.rflags |= TRAP_FLAG;
        }
        *frame = self.frame;
        self.resume
    }

    /// Whether the last resumption was for one instruction.
    pub(super) fn is_stepping(&self) -> bool {
        self.resume == Resume::Step
    }

    /// Takes out what a client put in that will not come back.
    pub(super) fn forget_client(&mut self) {
        self.breakpoints.clear(&mut self.memory);
        self.resume = Resume::Continue;
    }

    #[cfg(test)]
    pub(super) fn memory(&mut self) -> &mut M {
        &mut self.memory
    }

    fn is_at_pushf(&mut self) -> bool {
        let mut code = [0; 2];
        let length = self.memory.read(self.frame.rip, &mut code);
        self.breakpoints.hide(self.frame.rip, &mut code);
        matches!((length, code), (1.., [0x9c, _]) | (2, [0x66, 0x9c]))
    }

    fn clear_pushed_trap_flag(&mut self) {
        let at = self.frame.rsp.wrapping_add(1);
        let mut byte = [0];
        if self.memory.read(at, &mut byte) == 1 {
            self.memory
                .write(at, &[byte[0] & !((TRAP_FLAG >> 8) as u8)]);
        }
    }
}

/// Nothing that a client asks for ends its session.
#[derive(Clone, Copy, Debug)]
pub(super) enum Never {}

impl<M: Memory> Target for StoppedGuest<M> {
    type Arch = Amd64;
    type Error = Never;

    fn base_ops(&mut self) -> BaseOps<'_, Amd64, Never> {
        BaseOps::SingleThread(self)
    }

    /// The line may damage packets: acknowledgements stay.
    fn use_no_ack_mode(&self) -> bool {
        false
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }
}

impl<M: Memory> SingleThreadBase for StoppedGuest<M> {
    fn read_registers(&mut self, values: &mut ClientRegisters) -> TargetResult<(), Self> {
        *values = registers::read(&self.frame, &self.special);
        Ok(())
    }

    fn write_registers(&mut self, values: &ClientRegisters) -> TargetResult<(), Self> {
        registers::write(&mut self.frame, &self.special, values)
            .map_err(|_| TargetError::Errno(EINVAL))
    }

    fn read_addrs(&mut self, start: u64, bytes: &mut [u8]) -> TargetResult<usize, Self> {
        // No packet can hold it, and gdbstub would go on to a second part even
        // if the first one ends early.
        if bytes.len() > PACKET_SIZE / 2 {
            return Err(TargetError::Errno(E2BIG));
        }
        let length = self.memory.read(start, bytes);
        // An empty reply would mean that memory cannot be read at all.
        if length == 0 && !bytes.is_empty() {
            return Err(TargetError::Errno(EFAULT));
        }
        self.breakpoints.hide(start, &mut bytes[..length]);
        Ok(length)
    }

    fn write_addrs(&mut self, start: u64, bytes: &[u8]) -> TargetResult<(), Self> {
        if self.breakpoints.write(start, bytes, &mut self.memory) {
            Ok(())
        } else {
            Err(TargetError::Errno(EFAULT))
        }
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl<M: Memory> SingleThreadResume for StoppedGuest<M> {
    fn resume(&mut self, signal: Option<Signal>) -> Result<(), Never> {
        self.resume = match signal {
            // An interrupted guest knows nothing of the signal that said so.
            None | Some(Signal::SIGZERO | Signal::SIGINT | Signal::SIGTRAP) => Resume::Continue,
            Some(_) => Resume::Deliver,
        };
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }
}

impl<M: Memory> SingleThreadSingleStep for StoppedGuest<M> {
    fn step(&mut self, signal: Option<Signal>) -> Result<(), Never> {
        self.resume(signal)?;
        if self.resume == Resume::Continue {
            self.resume = Resume::Step;
        }
        Ok(())
    }
}

impl<M: Memory> BreakpointsExtension for StoppedGuest<M> {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }
}

impl<M: Memory> SwBreakpoint for StoppedGuest<M> {
    fn add_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        Ok(self.breakpoints.insert(address, &mut self.memory).is_ok())
    }

    fn remove_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        // Removing is idempotent (RSP, "z packets").
        self.breakpoints.remove(address, &mut self.memory);
        Ok(true)
    }
}
