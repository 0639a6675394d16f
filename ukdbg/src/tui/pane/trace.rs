//! The newest events of the guest's trace rings, oldest first.

use ukdbg_session::Reply;
use ukdbg_session::view::TraceView;

use super::parts::event_row;
use super::{Context, News, Pane};
use crate::tui::engine::Question;
use crate::tui::keys::Motion;
use crate::tui::listing::Listing;
use crate::tui::row::{Role, Row};

/// The pane.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    note: Option<String>,
    listing: Listing,
}

impl Trace {
    fn take(&mut self, view: &TraceView) {
        let gaps = view.gaps.iter().map(|gap| Row::of(Role::Doubt, gap));
        let mut rows: Vec<Row> = gaps.collect();
        if view.lost > 0 {
            rows.push(Row::of(
                Role::Doubt,
                format!("{} events were overwritten", view.lost),
            ));
        }
        rows.extend(view.events.iter().map(event_row));
        self.note = Some(format!("{} of {} events", view.events.len(), view.written));
        match rows.is_empty() {
            true => self.listing.clear("The rings are empty."),
            false => self.listing.set(rows),
        }
        self.listing.go(Motion::Last);
    }
}

impl Pane for Trace {
    fn learn(&mut self, news: &News<'_>) {
        match news {
            News::Reply(Question::Trace, Reply::Trace(view)) => self.take(view),
            News::Failed(Question::Trace, why) => {
                self.note = None;
                self.listing.clear(*why);
            }
            _ => {}
        }
    }

    fn wants(&self, context: &Context<'_>) -> Option<Question> {
        context.visible.then_some(Question::Trace)
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn waiting(&self) -> &'static str {
        "Events come when the guest stops."
    }

    fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}
