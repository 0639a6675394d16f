//! What `set` changes and `show` tells.

use ukdbg_session::Syntax;
use ukdbg_session::inspect::StepInterrupts;

/// Source lines that `list` shows.
const LIST_SIZE: u32 = 10;

/// How answers are given.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Source lines that `list` shows.
    pub(crate) list_size: u32,
    /// How instructions are written.
    pub(crate) flavor: Syntax,
    /// What interrupts do while one steps.
    pub(crate) step_interrupts: StepInterrupts,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            list_size: LIST_SIZE,
            flavor: Syntax::Intel,
            step_interrupts: StepInterrupts::default(),
        }
    }
}
