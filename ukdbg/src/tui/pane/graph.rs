//! The control-flow graph of the selected frame's function, in text form.

use super::{Context, News, Pane};
use crate::tui::engine::Question;
use crate::tui::listing::Listing;

/// The pane.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    failure: Option<String>,
    listing: Listing,
}

impl Pane for Graph {
    fn update(&mut self, news: &News<'_>) {
        match news {
            News::Fit(size) => self.listing.fit(*size),
            News::Move(motion) => self.listing.go(*motion),
            News::Failed(Question::Graph { .. }, why) => {
                self.failure = Some((*why).to_owned());
                self.listing.set(Vec::new());
            }
            _ => {}
        }
    }

    fn wants(&self, context: &Context<'_>) -> Option<Question> {
        let frame = context.frame.filter(|_| context.visible)?;
        Some(Question::Graph { at: frame.pc })
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
            .unwrap_or("The graph comes when the guest stops.")
    }
}
