//! Exceptions and interrupts: how they enter, what they save, who handles
//! them. What a fault leaves behind is `fault`'s.

mod debugger;
mod dispatch;
mod frame;
mod table;
mod vector;

pub(crate) use debugger::offer;
pub use debugger::{DebuggerHook, Disposition, Occasion, install_debugger};
pub use frame::{FxArea, TrapFrame};
pub(crate) use table::init;
pub(crate) use vector::{DEBUGGER_PORT, SPURIOUS, TIMER, name};
