//! What can happen, and what can come of it: the two sides of `update`.

use ratatui::layout::Size;

use super::engine::{Event, Ticket};
use super::keys::Key;

/// Something happened.
#[derive(Debug)]
pub(crate) enum Message {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize(Size),
    /// The engine tells something.
    Engine(Event),
    /// The engine ended, of a defect.
    EngineEnded,
    /// The shell wants the terminal for a while.
    Suspend,
    /// A signal asks for the end.
    Signal(i32),
}

/// Something is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Ask the engine.
    Ask(Ticket),
    /// Let the guest run.
    Resume,
    /// Stop the guest.
    Interrupt,
    /// Give the shell the terminal for a while.
    Suspend,
    /// Leave.
    Quit(Quit),
}

/// Why the terminal interface ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quit {
    /// The user wants to.
    Asked,
    /// This signal came.
    Signal(i32),
    /// The engine ended by itself.
    EngineEnded,
}
