//! A machine whose execution was recorded, and that can go back in it. A
//! capability like the others of [`Target`](crate::Target): a machine that
//! only goes forward has none.

use serde::{Deserialize, Serialize};

use crate::TargetError;

/// A moment of a recorded execution: how many instructions were executed
/// before it.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// So many instructions earlier, or the beginning.
    #[must_use]
    pub fn earlier(self, instructions: u64) -> Self {
        Self(self.0.saturating_sub(instructions))
    }

    /// So many instructions later.
    #[must_use]
    pub fn later(self, instructions: u64) -> Self {
        Self(self.0.saturating_add(instructions))
    }
}

/// Going back and forth in a recorded execution. The machine stands still
/// when it is asked; where it then stops comes from
/// [`Control::poll`](crate::Control::poll), as
/// [`StopReason::InHistory`](crate::StopReason).
pub trait History {
    /// Where it stands, or is just now.
    fn now(&mut self) -> Result<Moment, TargetError>;
    /// The last moment that was recorded, where that is known.
    fn end(&self) -> Option<Moment>;
    /// Goes to a moment, earlier or later; breakpoints do not stop it.
    fn seek(&mut self, to: Moment) -> Result<(), TargetError>;
    /// Goes back to the last moment before this one at which a breakpoint or
    /// watchpoint would have stopped it, or to the beginning. The stop does
    /// not say which it was.
    fn run_back(&mut self) -> Result<(), TargetError>;
}

/// Where a recorded execution stopped, if not at a breakpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InHistory {
    /// At the moment that was sought.
    Sought,
    /// Somewhere on the way back, where a breakpoint or watchpoint hits.
    Back,
    /// At its beginning.
    Beginning,
    /// At its end.
    End,
}
