//! What happened while a machine ran, and why it stopped.

use serde::Serialize;
use ukdbg_image::Untrusted;
use ukdbg_inspect::{InHistory, StepInterrupts, Stop, VcpuId, VirtAddr};

use super::FrameView;
use crate::run::WatchAccess;

/// Something that happened to a machine. In order, a front end shows each.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum Event {
    /// A log point was reached, and the machine went on.
    Logged(LogView),
    /// The code of a breakpoint is in place now, and it is armed as it should
    /// be: [`Armed::HardwareUntilInPlace`](super::Armed) has ended.
    BreakpointArmed {
        /// Its number.
        number: u32,
    },
    /// A breakpoint is gone by itself: after its one stop, or with the frame of
    /// what it watched.
    BreakpointDeleted {
        /// Its number.
        number: u32,
    },
    /// The machine stands still.
    Stopped(Box<StopView>),
}

impl Event {
    /// Name and version of the JSON document an event makes.
    pub const SCHEMA: &'static str = "ukdbg.event/1";
}

/// A machine that was let go.
#[derive(Debug, Clone, Serialize)]
pub struct RunningView {
    /// It runs; false when there was nothing to wait for (a step into an
    /// inlined function moves no register), and the stop is already among the
    /// events.
    pub running: bool,
}

/// How steps are done.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SteppingView {
    /// What interrupts do meanwhile.
    pub interrupts: StepInterrupts,
}

/// What a log point said.
#[derive(Debug, Clone, Serialize)]
pub struct LogView {
    /// The breakpoint.
    pub number: u32,
    /// The CPU.
    pub cpu: Option<VcpuId>,
    /// Where.
    pub pc: Option<VirtAddr>,
    /// Its message, with the values in place.
    pub text: Untrusted,
}

/// A stop.
#[derive(Debug, Clone, Serialize)]
pub struct StopView {
    /// As the link told it.
    pub stop: Stop,
    /// What it means. Several, when several things came together: two
    /// breakpoints at one place, a step that ends at a breakpoint.
    pub causes: Vec<Cause>,
    /// The CPU that stopped.
    pub cpu: Option<VcpuId>,
    /// The innermost frame; none when the machine is gone or tells nothing.
    pub frame: Option<FrameView>,
    /// The frame is another than at the stop before: another function, or
    /// another call of the same. Front ends show the function then.
    pub new_frame: bool,
}

impl StopView {
    /// Name and version of the JSON document it makes.
    pub const SCHEMA: &'static str = "ukdbg.stop/1";
}

/// Why a machine stopped.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Cause {
    /// A breakpoint.
    Breakpoint {
        /// Its number.
        number: u32,
        /// The location, from 1.
        location: usize,
        /// Why its condition has no value, which is why it stopped.
        condition_error: Option<String>,
    },
    /// A watchpoint.
    Watchpoint {
        /// Its number.
        number: u32,
        /// What it watches, as typed.
        expression: String,
        /// What it stops on.
        access: WatchAccess,
        /// The value before; none for a read.
        old: Option<Untrusted>,
        /// The value now.
        new: Untrusted,
        /// Why its condition has no value.
        condition_error: Option<String>,
    },
    /// What a watchpoint watched does not exist any more: its frame has ended.
    /// The watchpoint is gone.
    WatchpointEnded {
        /// Its number.
        number: u32,
        /// What it watched, as typed.
        expression: String,
    },
    /// A step is done.
    Stepped,
    /// A frame has returned.
    Returned {
        /// What it returned.
        value: Returned,
    },
    /// A fault of the guest's: its record is complete.
    Fault,
    /// The place that a motion was to is reached.
    Arrived,
    /// A handler of the processor's was entered.
    Trap {
        /// The vector, where the machine's tables tell it.
        vector: Option<u8>,
    },
    /// A trap that is none of ours: an `int3` in the guest's own code, another
    /// debugger's breakpoint.
    OtherTrap,
    /// Somebody asked for it.
    Interrupted,
    /// It stopped in its recorded past.
    InHistory {
        /// Where.
        at: InHistory,
    },
    /// The guest's stub reports a signal.
    Signal {
        /// GDB's number.
        number: u8,
    },
    /// The machine shut down, and stands still.
    Shutdown,
    /// The machine is gone.
    Exited,
}

/// What a function returned.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Returned {
    /// A value.
    Value {
        /// Its type.
        type_name: Untrusted,
        /// The value in one line.
        text: Untrusted,
    },
    /// The function returns nothing.
    Nothing,
    /// Nobody knows, and why.
    Unknown {
        /// Why.
        why: String,
    },
}

/// The CPUs of a machine.
#[derive(Debug, Clone, Serialize)]
pub struct CpusView {
    /// Each of them.
    pub cpus: Vec<CpuView>,
}

/// One CPU.
#[derive(Debug, Clone, Serialize)]
pub struct CpuView {
    /// Which one.
    pub id: VcpuId,
    /// It is the one that requests are about.
    pub selected: bool,
    /// Where it executes.
    pub frame: Option<FrameView>,
}
