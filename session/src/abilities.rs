//! What can be asked of a machine, by what its links offer. Asks nothing of the
//! guest.

use ukdbg_inspect::Target;

use crate::session::Session;
use crate::view::AbilitiesView;

impl<T: Target> Session<'_, T> {
    /// What the machine's links can do.
    pub(crate) fn abilities(&mut self) -> AbilitiesView {
        let target = self.target();
        let control = target.control().map(|control| control.breaks());
        AbilitiesView {
            runs: control.is_some(),
            breaks: control == Some(true),
            writes_memory: target.write().is_some(),
            writes_registers: target.write_registers().is_some(),
            physical_memory: target.physical().is_some(),
            live_memory: target.live().is_some(),
            history: target.history().is_some(),
        }
    }
}
