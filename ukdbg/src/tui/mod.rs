//! The terminal interface: a model that is plain data, an update that is total
//! and does no I/O, a view that changes nothing, and one worker that owns the
//! session. Only `runtime` knows a terminal.
//!
//! Adding a pane is described in `pane`; keys are one table in `keys`.

mod engine;
mod help;
mod keys;
mod layout;
mod listing;
mod message;
mod model;
mod notices;
mod pane;
mod row;
mod runtime;
mod sgr;
mod status;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod view;

use ukdbg_session::diagnose::VerdictKind;
use ukdbg_session::inspect::Stop;

pub(crate) use engine::Host;
pub(crate) use message::Quit;
pub(crate) use runtime::run;
pub(crate) use theme::Palette;

/// How the machine is when the interface opens.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// It runs.
    Running,
    /// It stands still, because of this.
    Stopped(Stop),
}

/// What leaving does to the machine; told, not done, by the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// The guest was started for this and ends.
    EndsGuest,
    /// The machine goes on as it was found.
    LeavesAsFound,
}

impl Leaving {
    fn words(self) -> &'static str {
        match self {
            Self::EndsGuest => "ends the guest",
            Self::LeavesAsFound => "leaves the machine as it was found",
        }
    }
}

/// What the interface is told at the start.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The machine, as the user named it.
    pub(crate) endpoint: String,
    /// The image's name.
    pub(crate) image: String,
    /// How the machine is.
    pub(crate) start: Start,
    /// What leaving does to it.
    pub(crate) leaving: Leaving,
    /// Whether colours are used.
    pub(crate) palette: Palette,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Farewell {
    /// Why it ended.
    pub(crate) quit: Quit,
    /// The verdict on the last stop, if there was one.
    pub(crate) verdict: Option<VerdictKind>,
}
