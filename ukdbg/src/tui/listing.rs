//! A scrollable list of rows: what every pane is made of. Holds no meaning;
//! a pane puts rows in and takes motions out.

use std::collections::VecDeque;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::{Paragraph, Widget};

use super::keys::{Direction, Motion};
use super::row::Row;
use super::theme::Theme;

/// Columns of one step sideways.
const SIDEWAYS: usize = 8;

/// Rows, and the part of them that is in sight.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    rows: VecDeque<Row>,
    widest: usize,
    size: Size,
    top: usize,
    left: usize,
    found: Option<usize>,
    /// The current row goes to the middle when the room changes.
    centered: bool,
    /// Why there are no rows.
    reason: Option<String>,
}

impl Listing {
    /// Replaces the rows; the position is kept as far as they reach.
    pub(crate) fn set(&mut self, rows: Vec<Row>) {
        self.widest = rows.iter().map(Row::width).max().unwrap_or(0);
        self.rows = rows.into();
        self.found = None;
        self.centered = false;
        self.reason = None;
        self.clamp();
    }

    /// Replaces the rows and puts the current one in the middle, also when the
    /// room changes.
    pub(crate) fn set_centered(&mut self, rows: Vec<Row>) {
        self.set(rows);
        self.centered = true;
        self.center();
    }

    /// Takes the rows away and says why there are none.
    pub(crate) fn clear(&mut self, reason: impl Into<String>) {
        self.set(Vec::new());
        self.reason = Some(reason.into());
    }

    /// Why there are no rows, once that was said.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Adds a row and drops the oldest beyond `most`. Stays at the end if it
    /// was there.
    pub(crate) fn push(&mut self, row: Row, most: usize) {
        let follows = self.at_end();
        self.widest = self.widest.max(row.width());
        self.rows.push_back(row);
        while self.rows.len() > most {
            self.rows.pop_front();
            self.top = self.top.saturating_sub(1);
            self.found = self.found.and_then(|found| found.checked_sub(1));
        }
        if follows {
            self.top = self.last_top();
        }
    }

    /// The last row.
    pub(crate) fn last(&self) -> Option<&Row> {
        self.rows.back()
    }

    /// Changes the last row, if there is one.
    pub(crate) fn change_last(&mut self, change: impl FnOnce(&mut Row)) {
        if let Some(last) = self.rows.back_mut() {
            change(last);
            self.widest = self.widest.max(last.width());
        }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Takes note of the room there is.
    pub(crate) fn fit(&mut self, size: Size) {
        let follows = self.at_end();
        let changed = self.size != size;
        self.size = size;
        self.clamp();
        if self.centered && changed {
            return self.center();
        }
        if follows && !self.rows.is_empty() && self.top > 0 {
            self.top = self.last_top();
        }
    }

    /// The room there is.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Moves what is in sight.
    pub(crate) fn go(&mut self, motion: Motion) {
        let page = usize::from(self.size.height).saturating_sub(1).max(1);
        match motion {
            Motion::Up => self.top = self.top.saturating_sub(1),
            Motion::Down => self.top = self.top.saturating_add(1),
            Motion::PageUp => self.top = self.top.saturating_sub(page),
            Motion::PageDown => self.top = self.top.saturating_add(page),
            Motion::Left => self.left = self.left.saturating_sub(SIDEWAYS),
            Motion::Right => self.left = self.left.saturating_add(SIDEWAYS),
            Motion::First => (self.top, self.left) = (0, 0),
            Motion::Last => self.top = usize::MAX,
        }
        self.clamp();
    }

    /// Brings rows into sight, moving as little as possible.
    pub(crate) fn reveal(&mut self, first: usize, last: usize) {
        let height = usize::from(self.size.height).max(1);
        if last >= self.top.saturating_add(height) {
            self.top = last + 1 - height;
        }
        if first < self.top {
            self.top = first;
        }
        self.clamp();
    }

    /// Puts the current row in the middle, as far as there are rows around it,
    /// and starts at the left edge.
    fn center(&mut self) {
        if let Some(row) = self.rows.iter().position(|row| row.current) {
            self.top = row.saturating_sub(usize::from(self.size.height) / 2);
            self.left = 0;
            self.clamp();
        }
    }

    /// Finds text, from the last find or from what is in sight, around the end
    /// if need be. Capitals count only if the text has some.
    pub(crate) fn find(&mut self, text: &str, direction: Direction) -> bool {
        let count = self.rows.len();
        if text.is_empty() || count == 0 {
            return false;
        }
        let exact = text.chars().any(char::is_uppercase);
        let matches = |row: &Row| match exact {
            true => row.text().contains(text),
            false => row.text().to_lowercase().contains(text),
        };
        let start = match (self.found, direction) {
            (Some(found), Direction::Forward) => found + 1,
            (Some(found), Direction::Backward) => found + count - 1,
            (None, _) => self.top,
        };
        let found = (0..count)
            .map(|step| match direction {
                Direction::Forward => (start + step) % count,
                Direction::Backward => (start + count - step) % count,
            })
            .find(|&index| matches(&self.rows[index]));
        if let Some(index) = found {
            self.found = Some(index);
            self.reveal(index, index);
        }
        found.is_some()
    }

    /// Whether the last row is in sight.
    pub(crate) fn at_end(&self) -> bool {
        self.top >= self.last_top()
    }

    /// Where in the rows this is, when not all are in sight.
    pub(crate) fn position(&self) -> Option<String> {
        let (height, count) = (usize::from(self.size.height), self.rows.len());
        let last = self.top.saturating_add(height).min(count);
        let sideways = match self.left {
            0 => String::new(),
            left => format!("+{left} "),
        };
        (count > height || self.left > 0)
            .then(|| format!(" {sideways}{}–{last}/{count} ", self.top + 1))
    }

    /// Draws what is in sight.
    pub(crate) fn view(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        let rows = self.rows.iter().enumerate().skip(self.top);
        let shown = rows.take(usize::from(area.height));
        let left = u16::try_from(self.left).unwrap_or(u16::MAX);
        let lines: Vec<_> = shown.clone().map(|(_, row)| row.line(theme)).collect();
        Paragraph::new(lines).scroll((0, left)).render(area, buffer);
        for ((index, row), y) in shown.zip(area.top()..area.bottom()) {
            let line = Rect::new(area.x, y, area.width, 1);
            if row.current {
                buffer.set_style(line, theme.current());
            }
            if self.found == Some(index) {
                buffer.set_style(line, theme.found());
            }
        }
    }

    fn last_top(&self) -> usize {
        self.rows
            .len()
            .saturating_sub(usize::from(self.size.height))
    }

    fn clamp(&mut self) {
        self.top = self.top.min(self.last_top());
        let most = self.widest.saturating_sub(usize::from(self.size.width));
        self.left = self.left.min(most);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Size;

    use super::Listing;
    use crate::tui::keys::{Direction, Motion};
    use crate::tui::row::{Role, Row};

    fn listing(rows: usize, height: u16) -> Listing {
        let mut listing = Listing::default();
        listing.fit(Size::new(20, height));
        let row = |number| Row::of(Role::Plain, format!("row {number}"));
        listing.set((0..rows).map(row).collect());
        listing
    }

    #[test]
    fn motions_stay_within_the_rows() {
        let check = |motions: &[Motion], expected: usize| {
            let mut listing = listing(30, 10);
            motions.iter().for_each(|motion| listing.go(*motion));
            assert_eq!(listing.top, expected, "{motions:?}");
        };
        check(&[], 0);
        check(&[Motion::Up], 0);
        check(&[Motion::Down], 1);
        check(&[Motion::PageDown], 9);
        check(&[Motion::Last], 20);
        check(&[Motion::Last, Motion::Down], 20);
        check(&[Motion::Last, Motion::PageUp], 11);
        check(&[Motion::Last, Motion::First], 0);
        check(&[Motion::Right], 0);
    }

    #[test]
    fn a_search_goes_around() {
        let mut listing = listing(30, 10);
        let mut check = |text: &str, direction, expected: Option<usize>| {
            let found = listing.find(text, direction);
            assert_eq!(found.then_some(listing.found).flatten(), expected, "{text}");
        };
        check("row 2", Direction::Forward, Some(2));
        check("row 2", Direction::Forward, Some(20));
        check("row 2", Direction::Backward, Some(2));
        check("row 2", Direction::Backward, Some(29));
        check("ROW", Direction::Forward, None);
        check("", Direction::Forward, None);
    }

    #[test]
    fn the_end_is_followed_until_one_looks_back() {
        let mut listing = listing(10, 10);
        listing.push(Row::of(Role::Plain, "new"), 100);
        assert_eq!(listing.top, 1);
        listing.go(Motion::Up);
        listing.push(Row::of(Role::Plain, "newer"), 100);
        assert_eq!(listing.top, 0);
        listing.push(Row::of(Role::Plain, "newest"), 12);
        assert_eq!((listing.len(), listing.top), (12, 0));
    }
}
