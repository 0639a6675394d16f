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
    failure: Option<String>,
    listing: Listing,
}

impl Source {
    fn take(&mut self, view: &SourceView) {
        self.failure = view.lines.is_empty().then(|| {
            format!(
                "{} was not found. If it is elsewhere on this machine, start with --source-map FROM=TO.",
                place(&view.location)
            )
        });
        self.place = Some(place(&view.location));
        self.listing.set(source_rows(view));
        self.center();
    }

    fn center(&mut self) {
        if let Some(current) = self.listing.current() {
            self.listing.center(current);
        }
    }
}

impl Pane for Source {
    fn update(&mut self, news: &News<'_>) {
        match news {
            News::Fit(size) if *size != self.listing.size() => {
                self.listing.fit(*size);
                self.center();
            }
            News::Move(motion) => self.listing.go(*motion),
            News::Reply(_, Reply::Source(view)) => self.take(view),
            News::Failed(Question::Source { .. }, why) => {
                self.failure = Some((*why).to_owned());
                self.place = None;
                self.listing.set(Vec::new());
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

    fn nothing(&self) -> &str {
        self.failure
            .as_deref()
            .unwrap_or("The source of the selected frame comes when the guest stops.")
    }

    fn note(&self) -> Option<&str> {
        self.place.as_deref()
    }
}
