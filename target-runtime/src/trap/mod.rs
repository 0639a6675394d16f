//! Exceptions and interrupts: how they enter, what they save, who handles
//! them. What a fault leaves behind is `fault`'s.

mod debugger;
mod frame;

pub use debugger::{DebuggerHook, Disposition, Occasion, install_debugger};
pub use frame::{FxArea, TrapFrame};
