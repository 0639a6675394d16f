//! Time travel: going back in a machine whose execution was recorded.

mod why;

use ukdbg_inspect::{Moment, Target};

use crate::session::Session;

impl<T: Target> Session<'_, T> {
    /// The moment at which the machine stands; none if it has no history.
    pub fn moment(&mut self) -> Option<Moment> {
        self.target.history()?.now().ok()
    }

    /// Whether the machine stands at the end of its recorded history.
    pub fn is_at_end_of_history(&mut self) -> bool {
        let end = self.target.history().and_then(|history| history.end());
        end.is_some() && self.moment() >= end
    }
}
