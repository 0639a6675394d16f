//! Exceptions and interrupts: how they enter, what they save, who handles
//! them. What a fault leaves behind is `fault`'s.

mod debugger;
mod dispatch;
mod frame;
mod table;
mod vector;

pub use debugger::{DebuggerHook, Disposition, Occasion, install_debugger};
pub(crate) use debugger::{IN_DEBUGGER, offer};
pub use frame::{FxArea, TrapFrame};
pub(crate) use table::{entry_code, init};
pub(crate) use vector::{DEBUGGER_PORT, SPURIOUS, TIMER, name};
