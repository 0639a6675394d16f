//! Run control: where a machine is to stop, how it goes on, and what its stops
//! mean.
//!
//! A front end asks ([`Request::Go`](crate::Request::Go), …) and polls
//! ([`Session::poll`](crate::Session::poll)); between the two the machine may
//! stop many times for reasons of ours, which are dealt with here: a condition
//! that does not hold, a step that is not done. It sees the stops that are
//! meant for it, and what happened on the way as
//! [`Event`](crate::view::Event)s. Nothing here waits longer than it is told,
//! opens a socket or prints.
//!
//! `table` holds the breakpoints, `place` finds where they are, `arm` puts them
//! into the machine; `judge` says what a stop means, `hits` whether a
//! breakpoint stops there; `go` begins a motion, `progress` carries it on, by
//! the source positions of `position`.

mod arm;
mod ask;
mod assign;
mod back;
mod breakpoints;
mod catch;
mod cpus;
pub(crate) mod evaluation;
mod go;
mod hits;
mod judge;
mod line_exits;
mod lines;
mod message;
mod motion;
mod place;
mod places;
mod position;
mod progress;
mod returned;
mod stop_view;
mod table;
mod watchpoint;

use std::collections::{BTreeMap, VecDeque};

use ukdbg_inspect::{StepInterrupts, VcpuId, VirtAddr};

pub use ask::{
    Arrival, Back, BreakAt, BreakpointChange, Calls, Life, Means, Motion, NewBreakpoint,
    NewWatchpoint, WatchAccess,
};
pub use message::MessageError;

use crate::view::{Event, StopView};
use arm::Armory;
use motion::{StepFor, UnderWay};
use table::Table;

/// What a session knows of a machine's execution.
#[derive(Default)]
pub(crate) struct Run {
    table: Table,
    armory: Armory,
    /// What the machine was let go for, until it is done.
    motion: Option<UnderWay>,
    /// A single step that was asked of the machine, and what for.
    step: Option<StepFor>,
    /// CPUs that stand at a place whose breakpoints have been dealt with.
    passed: BTreeMap<VcpuId, VirtAddr>,
    /// Whether rendezvous functions stop the machine.
    rendezvous: bool,
    /// Somebody asked for a stop that has not come.
    interrupted: bool,
    interrupts: StepInterrupts,
    /// Inlined calls that begin where the machine stands and that nobody has
    /// stepped into yet: they are not among the frames shown.
    pub(crate) hidden: usize,
    /// The same, where a breakpoint in an inlined call stopped the machine.
    meant: Option<usize>,
    /// The last stop was at the beginning of a statement.
    by_statement: bool,
    events: VecDeque<Event>,
    last: Option<StopView>,
}

/// Events kept for a front end that does not take them.
const MOST_EVENTS: usize = 10_000;

impl Run {
    fn tell(&mut self, event: Event) {
        if self.events.len() >= MOST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
