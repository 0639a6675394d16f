//! Registers of the selected frame. Those that are not what they were at the
//! last stop stand out, for the innermost frame: other frames of two stops have
//! nothing to do with each other.

use std::collections::HashMap;

use ukdbg_session::Reply;
use ukdbg_session::inspect::Register;
use ukdbg_session::view::{RegisterValue, RegistersView, Word};

use super::{Context, News, Pane};
use crate::tui::engine::Question;
use crate::tui::listing::Listing;
use crate::tui::row::{Role, Row};

/// Columns of the longest register's name, and two more.
const NAME: usize = 9;

/// The pane.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    /// The innermost frame's values.
    now: HashMap<Register, Option<Word>>,
    /// The same at the stop before.
    before: HashMap<Register, Option<Word>>,
    note: Option<String>,
    listing: Listing,
}

impl Registers {
    fn take(&mut self, frame: usize, view: &RegistersView) {
        let innermost = frame == 0;
        if innermost {
            let values = view.registers.iter();
            self.now = values.map(|value| (value.register, value.value)).collect();
        }
        let changed = |value: &RegisterValue| {
            let before = self.before.get(&value.register);
            innermost && before.is_some_and(|before| *before != value.value)
        };
        let values = view.registers.iter();
        let rows = values.map(|value| row(value, changed(value))).collect();
        self.listing.set(rows);
        self.note = (!innermost).then(|| "of a caller".to_owned());
    }
}

fn row(value: &RegisterValue, changed: bool) -> Row {
    let row = Row::of(Role::Muted, value.register.name()).pad_to(NAME);
    let Some(word) = value.value else {
        return row.with(Role::Muted, "<unavailable>");
    };
    let role = if changed {
        Role::Changed
    } else {
        Role::Address
    };
    let row = row.with(role, format!("{:#018x}", word.0));
    match &value.points_at {
        Some(name) => row.with(Role::Plain, "  ").untrusted(Role::Plain, name),
        None => row,
    }
}

impl Pane for Registers {
    fn learn(&mut self, news: &News<'_>) {
        match news {
            News::Stopped if !self.now.is_empty() => self.before = std::mem::take(&mut self.now),
            News::Reply(Question::Registers { frame }, Reply::Registers(view)) => {
                self.take(*frame, view);
            }
            News::Failed(Question::Registers { .. }, why) => self.listing.clear(*why),
            _ => {}
        }
    }

    /// Seen or not: what changes from stop to stop shows only if each stop's
    /// are known.
    fn wants(&self, context: &Context<'_>) -> Option<Question> {
        let frame = context.frame?;
        Some(Question::Registers {
            frame: frame.physical,
        })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn waiting(&self) -> &'static str {
        "Registers come when the guest stops."
    }

    fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}
