//! What a machine must offer to be understood. Implemented where machines are
//! reached (`gdb-bridge`) and by the fixtures of tests.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::{
    History, InHistory, PhysAddr, Register, Registers, SystemRegisters, VectorRegisters, VirtAddr,
};

/// A virtual CPU, by the link's own numbering.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct VcpuId(pub u32);

/// Memory that could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// Nothing is mapped at the virtual address.
    #[error("no memory at {at}")]
    Unmapped {
        /// The first address that failed.
        at: VirtAddr,
    },
    /// No memory behind the physical address.
    #[error("no memory at physical {at}")]
    NoPhysical {
        /// The first address that failed.
        at: PhysAddr,
    },
    /// The link failed; the memory may be fine.
    #[error("memory at {at} could not be reached: {source}")]
    Link {
        /// The address asked for.
        at: VirtAddr,
        /// Why.
        source: TargetError,
    },
}

/// A machine that did not answer as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The connection ended.
    #[error("the connection to {peer} ended")]
    Disconnected {
        /// The endpoint.
        peer: String,
    },
    /// No answer in time.
    #[error("{peer} did not answer {request} within {milliseconds} ms")]
    Timeout {
        /// The endpoint.
        peer: String,
        /// What was asked.
        request: String,
        /// How long was waited.
        milliseconds: u64,
    },
    /// It answered with an error.
    #[error("{peer} refused {request}: {answer}")]
    Refused {
        /// The endpoint.
        peer: String,
        /// What was asked.
        request: String,
        /// Its answer.
        answer: String,
    },
    /// Its answer makes no sense.
    #[error("{peer} gave an unusable answer to {request}: {what}")]
    Protocol {
        /// The endpoint.
        peer: String,
        /// What was asked.
        request: String,
        /// What is wrong with the answer.
        what: String,
    },
    /// The guest runs; the request needs it stopped.
    #[error("the guest is running, {request} needs it stopped")]
    Running {
        /// What was asked.
        request: String,
    },
    /// There is no such CPU.
    #[error("there is no CPU {0:?}")]
    NoVcpu(VcpuId),
}

/// Virtual memory, through the selected CPU's page tables.
pub trait Memory {
    /// Reads up to `buf.len()` bytes and says how many. A short read ends at
    /// an edge of what is mapped; when the first byte cannot be read that is
    /// an error.
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError>;

    /// The x87 and SSE registers of the same CPU, as far as they are known.
    /// Values lie in them as they lie in memory, and as seldom.
    fn vector_registers(&mut self) -> VectorRegisters {
        VectorRegisters::default()
    }
}

impl<M: Memory + ?Sized> Memory for &mut M {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        (**self).read(at, buf)
    }

    fn vector_registers(&mut self) -> VectorRegisters {
        (**self).vector_registers()
    }
}

/// Guest-physical memory.
pub trait PhysicalMemory {
    /// Reads up to `buf.len()` bytes, as [`Memory::read`].
    fn read_physical(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError>;
}

impl<P: PhysicalMemory + ?Sized> PhysicalMemory for &mut P {
    fn read_physical(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        (**self).read_physical(at, buf)
    }
}

/// Memory that can be written.
pub trait MemoryWrite {
    /// Writes all bytes or fails; what was written before a failure stays.
    fn write(&mut self, at: VirtAddr, bytes: &[u8]) -> Result<(), MemoryError>;
}

/// Registers that can be written.
pub trait RegisterWrite {
    /// Writes one register of a CPU.
    fn write_register(
        &mut self,
        vcpu: VcpuId,
        register: Register,
        value: u64,
    ) -> Result<(), TargetError>;
}

/// Memory that can be read while the guest runs, in atomic words.
pub trait LiveMemory: Send + Sync {
    /// Loads an aligned word, with acquire order.
    fn load(&self, at: PhysAddr) -> Result<u64, MemoryError>;
    /// Copies aligned words, each whole, in ascending order.
    fn copy(&self, at: PhysAddr, words: &mut [u64]) -> Result<(), MemoryError>;
    /// Stores an aligned word, with release order.
    fn store(&self, at: PhysAddr, value: u64) -> Result<(), MemoryError>;
}

/// A machine, stopped or running.
///
/// Capabilities are objects: a core dump has no `control`, a link that knows
/// virtual addresses only has no `physical`.
pub trait Target: Memory {
    /// Its CPUs; first the one that stopped, where a link tells which.
    fn vcpus(&mut self) -> Result<Vec<VcpuId>, TargetError>;
    /// One CPU's registers; what the link cannot tell is not valid in them.
    /// Selects that CPU's page tables for `read`.
    fn registers(&mut self, vcpu: VcpuId) -> Result<Registers, TargetError>;
    /// One CPU's registers that lead to its descriptor tables, as far as a
    /// link tells: often it takes one more question than the others.
    fn system_registers(&mut self, vcpu: VcpuId) -> Result<SystemRegisters, TargetError>;
    /// Physical memory.
    fn physical(&mut self) -> Option<&mut dyn PhysicalMemory> {
        None
    }
    /// Writing memory.
    fn write(&mut self) -> Option<&mut dyn MemoryWrite> {
        None
    }
    /// Writing registers.
    fn write_registers(&mut self) -> Option<&mut dyn RegisterWrite> {
        None
    }
    /// Reading while the guest runs.
    fn live(&self) -> Option<Arc<dyn LiveMemory>> {
        None
    }
    /// Execution.
    fn control(&mut self) -> Option<&mut dyn Control> {
        None
    }
    /// Its recorded past; `control` stops there.
    fn history(&mut self) -> Option<&mut dyn History> {
        None
    }
}

/// How to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resume {
    /// Every CPU runs.
    Continue,
    /// One CPU executes one instruction, the others stand still. It is the
    /// guest's own, even where a breakpoint stands.
    Step {
        /// The CPU.
        vcpu: VcpuId,
        /// What interrupts do meanwhile.
        interrupts: StepInterrupts,
    },
}

/// What interrupts do while a machine is stepped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepInterrupts {
    /// They wait, where the link has a way to say so: a step ends where the
    /// program goes and not in a timer's handler.
    #[default]
    Masked,
    /// They are delivered as ever.
    Delivered,
}

/// What stops a guest at an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakpointKind {
    /// An instruction put in place of the guest's own.
    Software,
    /// The processor's (or the emulator's) address comparison.
    Hardware,
    /// On a write of the range.
    Write,
    /// On a read of the range.
    Read,
    /// On a read or a write of the range.
    Access,
}

/// A breakpoint or watchpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BreakpointAt {
    /// What stops.
    pub kind: BreakpointKind,
    /// Where.
    pub address: VirtAddr,
    /// Length of the watched range; 1 for a breakpoint.
    pub length: u64,
}

/// Execution of a machine.
pub trait Control {
    /// Whether it runs now, as far as the link knows.
    fn is_running(&self) -> bool;
    /// Whether it takes breakpoints and single steps. A monitor alone only
    /// pauses a machine and lets it go on.
    fn breaks(&self) -> bool {
        true
    }
    /// Lets it go on.
    fn resume(&mut self, how: Resume) -> Result<(), TargetError>;
    /// Asks it to stop; the stop comes from `poll`.
    fn interrupt(&mut self) -> Result<(), TargetError>;
    /// The next stop, if there is one by `until`; never blocks longer.
    fn poll(&mut self, until: Instant) -> Result<Option<Stop>, TargetError>;
    /// Sets a breakpoint.
    fn insert(&mut self, breakpoint: BreakpointAt) -> Result<(), TargetError>;
    /// Removes a breakpoint.
    fn remove(&mut self, breakpoint: BreakpointAt) -> Result<(), TargetError>;
}

/// Why a machine stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stop {
    /// The CPU that stopped, when the link says so.
    pub vcpu: Option<VcpuId>,
    /// The reason.
    pub reason: StopReason,
}

/// A reason to stop, as the link tells it. What it means is for `session` and
/// `diagnose`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum StopReason {
    /// A breakpoint or a step: the link does not tell these apart.
    Trap,
    /// A watchpoint.
    Watch {
        /// What it watched for.
        access: BreakpointKind,
        /// The address reported.
        address: VirtAddr,
    },
    /// Stopped on request.
    Interrupted,
    /// Stopped in its recorded past.
    InHistory {
        /// Where.
        at: InHistory,
    },
    /// The stub reports a signal of its own (an in-guest stub's fault).
    Signal {
        /// GDB's signal number.
        number: u8,
    },
    /// The machine shut down by itself and stands still.
    Shutdown(ShutdownCause),
    /// The machine is gone.
    Exited {
        /// Its exit status, when known.
        status: Option<i32>,
    },
}

/// What shut a machine down, as its emulator tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShutdownCause {
    /// The guest powered off.
    GuestShutdown,
    /// The guest reset itself: a triple fault, a reset by the keyboard
    /// controller, or the like. Which one, only the emulator's log says.
    GuestReset,
    /// The guest reported a panic.
    GuestPanic,
    /// The host asked for it.
    Host,
}
