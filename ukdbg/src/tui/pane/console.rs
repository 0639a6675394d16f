//! What the guest prints, in the colours it chose; the newest lines of it.

use ratatui::style::Style;

use super::{Context, News, Pane};
use crate::console::ConsoleFilter;
use crate::tui::engine::Question;
use crate::tui::listing::Listing;
use crate::tui::row::{Role, Row};
use crate::tui::sgr;

/// Lines kept.
const SCROLLBACK: usize = 10_000;
/// Characters after which a line is broken: a guest may never end one, and may
/// print characters that take no column.
const LONGEST_LINE: usize = 1_000;
/// Columns of a tab.
const TAB: usize = 8;

/// The pane.
#[derive(Debug, Default)]
pub(crate) struct Console {
    filter: ConsoleFilter,
    style: Style,
    /// The last line is not finished.
    open: bool,
    listing: Listing,
}

impl Console {
    fn print(&mut self, bytes: &[u8]) {
        let text = self.filter.push(bytes);
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.end_line();
            }
            self.append(line);
        }
    }

    fn end_line(&mut self) {
        if !self.open {
            self.listing.push(Row::new(), SCROLLBACK);
        }
        self.open = false;
    }

    fn append(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (run, code, after) = sgr::next(rest);
            self.text(run);
            if let Some(code) = code {
                self.style = sgr::apply(self.style, code);
            }
            rest = after;
        }
    }

    fn text(&mut self, run: &str) {
        for piece in run.split_inclusive('\t') {
            let (text, tab) = match piece.strip_suffix('\t') {
                Some(text) => (text, true),
                None => (piece, false),
            };
            self.put(text);
            if tab {
                let column = self.column();
                self.put(&" ".repeat(TAB - column % TAB));
            }
        }
    }

    fn put(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let room = LONGEST_LINE.saturating_sub(self.characters());
            let end = rest
                .char_indices()
                .nth(room)
                .map_or(rest.len(), |(end, _)| end);
            let (now, later) = rest.split_at(end);
            if now.is_empty() {
                self.open = false;
                continue;
            }
            if !self.open {
                self.listing.push(Row::new(), SCROLLBACK);
                self.open = true;
            }
            let role = Role::Guest(self.style);
            self.listing.change_last(|row| row.push(role, now));
            rest = later;
        }
    }

    fn characters(&self) -> usize {
        let last = self.listing.last().filter(|_| self.open);
        last.map_or(0, |row| row.text().chars().count())
    }

    fn column(&self) -> usize {
        let last = self.listing.last().filter(|_| self.open);
        last.map_or(0, Row::width)
    }
}

impl Pane for Console {
    fn learn(&mut self, news: &News<'_>) {
        if let News::Console(bytes) = news {
            self.print(bytes);
        }
    }

    /// Its text comes by itself.
    fn wants(&self, _context: &Context<'_>) -> Option<Question> {
        None
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn waiting(&self) -> &'static str {
        "No console output has come so far."
    }
}
