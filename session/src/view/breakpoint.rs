//! Breakpoints and watchpoints as they are shown.

use serde::Serialize;
use ukdbg_image::{FunctionName, SourceLocation, Untrusted};
use ukdbg_inspect::VirtAddr;

use crate::run::{BreakAt, Life, Means, WatchAccess};

/// Every breakpoint and watchpoint, by number.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BreakpointsView {
    /// They share one sequence of numbers.
    pub breakpoints: Vec<BreakpointView>,
}

/// A breakpoint or watchpoint.
#[derive(Debug, Clone, Serialize)]
pub struct BreakpointView {
    /// Its number, from 1; never given twice in a session.
    pub number: u32,
    /// What it stops on.
    pub what: BreakpointKindView,
    /// Whether it can stop the machine.
    pub enabled: bool,
    /// Whether it goes with its first stop.
    pub life: Life,
    /// The condition, as typed.
    pub condition: Option<String>,
    /// The message of a log point, as typed.
    pub log: Option<String>,
    /// How often it was reached while its condition held.
    pub hits: u64,
    /// How often it is still to be passed.
    pub ignore: u64,
    /// Where; empty while no image has such a place.
    pub locations: Vec<BreakpointLocation>,
}

/// What a breakpoint or watchpoint stops on.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum BreakpointKindView {
    /// Code that is reached.
    Breakpoint {
        /// As asked for.
        at: BreakAt,
        /// What it is made of.
        means: Means,
    },
    /// Memory that is used.
    Watchpoint {
        /// The expression, as typed.
        expression: String,
        /// What it stops on.
        access: WatchAccess,
        /// The first address watched.
        address: VirtAddr,
        /// How many bytes.
        length: u64,
        /// The type of what is there.
        type_name: Untrusted,
        /// The value when it was last looked at, in one line.
        value: Untrusted,
    },
}

/// One place of a breakpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BreakpointLocation {
    /// Its number within the breakpoint, from 1.
    pub number: usize,
    /// Where it is in the machine.
    pub address: VirtAddr,
    /// The function there; for a place in an inlined copy, that function.
    pub function: Option<FunctionName>,
    /// The function it was inlined into.
    pub inlined_into: Option<FunctionName>,
    /// The line there.
    pub location: Option<SourceLocation>,
    /// Whether it can stop the machine, unless its breakpoint is disabled.
    pub enabled: bool,
    /// How it is armed.
    pub armed: Armed,
}

/// Places in the code that a text means.
#[derive(Debug, Clone, Serialize)]
pub struct PlacesView {
    /// At least one.
    pub places: Vec<PlaceView>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceView {
    /// Where it is in the machine.
    pub address: VirtAddr,
    /// The function there; for a place in an inlined copy, that function.
    pub function: Option<FunctionName>,
    /// The function it was inlined into.
    pub inlined_into: Option<FunctionName>,
    /// The line there.
    pub location: Option<SourceLocation>,
}

/// How a location is armed in the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Armed {
    /// Not: it, or its breakpoint, is disabled.
    Off,
    /// It is put into the machine when that goes on.
    AtResume,
    /// By an instruction, or by the emulator's equivalent.
    Software,
    /// By the processor's comparison.
    Hardware,
    /// By the processor's comparison for now: the code is not in place yet (it
    /// is not loaded, or not mapped), and writing there would change nothing
    /// or something else. It is armed anew once the code is.
    HardwareUntilInPlace,
    /// Not, and why: the machine refused.
    Refused {
        /// What it said.
        why: String,
    },
}
