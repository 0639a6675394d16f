//! Instructions around the selected frame's place.

use ukdbg_session::Reply;
use ukdbg_session::view::{DisassemblyLine, DisassemblyView};

use super::parts::{executes, place};
use super::{Context, News, Pane};
use crate::tui::engine::Question;
use crate::tui::listing::Listing;
use crate::tui::row::{Role, Row};

/// Columns up to an instruction's text: mark, address, and the bytes of most.
const TEXT: usize = 36;

/// The pane.
#[derive(Debug, Default)]
pub(crate) struct Disassembly {
    function: Option<String>,
    failure: Option<String>,
    listing: Listing,
}

impl Disassembly {
    fn take(&mut self, view: &DisassemblyView) {
        let name = view.function.as_ref();
        self.function = name.map(|name| name.demangled.raw().to_owned());
        self.failure = view
            .lines
            .is_empty()
            .then(|| "No instructions there.".to_owned());
        self.listing.set(view.lines.iter().flat_map(rows).collect());
        self.center();
    }

    fn center(&mut self) {
        if let Some(current) = self.listing.current() {
            self.listing.center(current);
        }
    }
}

/// The instruction, under its source line when that is another than before.
fn rows(line: &DisassemblyLine) -> impl Iterator<Item = Row> {
    let heading = line
        .location
        .as_ref()
        .map(|location| Row::of(Role::Path, place(location)));
    let mark = if line.selected { "▶ " } else { "  " };
    let instruction = Row::of(Role::Plain, mark)
        .with(Role::Address, line.address.to_string())
        .with(Role::Muted, format!("  {}", line.bytes))
        .with(Role::Plain, "  ")
        .pad_to(TEXT)
        .untrusted(Role::Plain, &line.text)
        .current(line.selected);
    heading.into_iter().chain([instruction])
}

impl Pane for Disassembly {
    fn update(&mut self, news: &News<'_>) {
        match news {
            News::Fit(size) if *size != self.listing.size() => {
                self.listing.fit(*size);
                self.center();
            }
            News::Move(motion) => self.listing.go(*motion),
            News::Reply(_, Reply::Disassembly(view)) => self.take(view),
            News::Failed(Question::Disassembly { .. }, why) => {
                self.failure = Some((*why).to_owned());
                self.function = None;
                self.listing.set(Vec::new());
            }
            _ => {}
        }
    }

    fn wants(&self, context: &Context<'_>) -> Option<Question> {
        let frame = context.frame.filter(|_| context.visible)?;
        Some(Question::Disassembly {
            at: executes(frame),
        })
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
            .unwrap_or("Instructions come when the guest stops.")
    }

    fn note(&self) -> Option<&str> {
        self.function.as_deref()
    }
}
