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
    listing: Listing,
}

impl Disassembly {
    fn take(&mut self, view: &DisassemblyView) {
        let name = view.function.as_ref();
        self.function = name.map(|name| name.demangled.raw().to_owned());
        match view.lines.is_empty() {
            true => self.listing.clear("No instructions there."),
            false => self
                .listing
                .set_centered(view.lines.iter().flat_map(rows).collect()),
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
    fn learn(&mut self, news: &News<'_>) {
        match news {
            News::Reply(_, Reply::Disassembly(view)) => self.take(view),
            News::Failed(Question::Disassembly { .. }, why) => {
                self.function = None;
                self.listing.clear(*why);
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

    fn waiting(&self) -> &'static str {
        "Instructions come when the guest stops."
    }

    fn note(&self) -> Option<&str> {
        self.function.as_deref()
    }
}
