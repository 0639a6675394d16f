//! What a machine's links can do, as a view.

use serde::Serialize;

/// What can be asked of a machine. Registers and virtual memory of one that
/// stands still can always be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer of its own, and a member of the document"
)]
pub struct AbilitiesView {
    /// It can be let go and stopped.
    pub runs: bool,
    /// It takes breakpoints and single steps.
    pub breaks: bool,
    /// Memory can be written.
    pub writes_memory: bool,
    /// Registers can be written.
    pub writes_registers: bool,
    /// Physical memory can be read.
    pub physical_memory: bool,
    /// Memory can be read while the guest runs.
    pub live_memory: bool,
    /// It can go back in a recording.
    pub history: bool,
}
