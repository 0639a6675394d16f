//! Source around the selected frame's line.

use ukdbg_session::Reply;
use ukdbg_session::view::SourceView;

use super::parts::{place, source_rows};
use super::{Context, News, Pane};
use crate::tui::engine::Question;
use crate::tui::listing::Listing;

/// The pane.
#[derive(Debug, Default)]
pub(crate) struct Source {
    place: Option<String>,
    listing: Listing,
}

impl Source {
    fn take(&mut self, view: &SourceView) {
        let place = place(&view.location);
        match view.lines.is_empty() {
            true => self.listing.clear(format!(
                "{place} was not found. If it is elsewhere on this machine, start with --source-map FROM=TO."
            )),
            false => self.listing.set_centered(source_rows(view)),
        }
        self.place = Some(place);
    }
}

impl Pane for Source {
    fn learn(&mut self, news: &News<'_>) {
        match news {
            News::Reply(_, Reply::Source(view)) => self.take(view),
            News::Failed(Question::Source { .. }, why) => {
                self.place = None;
                self.listing.clear(*why);
            }
            _ => {}
        }
    }

    fn wants(&self, context: &Context<'_>) -> Option<Question> {
        let frame = context.frame.filter(|_| context.visible)?;
        Some(Question::Source { frame: frame.index })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn waiting(&self) -> &'static str {
        "The source of the selected frame comes when the guest stops."
    }

    fn note(&self) -> Option<&str> {
        self.place.as_deref()
    }
}
