//! Lines as panes hold them: plain data that says what each part *is*; how
//! that looks is the theme's to say.
//!
//! Every text passes through here and is escaped here, so nothing that a guest
//! or an image supplied can reach the terminal as anything but text.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ukdbg_session::Untrusted;

use super::theme::Theme;
use crate::escape::escape_str;

/// The longest text that one part of a row holds; a name may be megabytes.
const LONGEST: usize = 2_000;

/// What a part of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Role {
    /// Ordinary text.
    #[default]
    Plain,
    /// A section's heading.
    Heading,
    /// Text that matters.
    Strong,
    /// Text that matters little: line numbers, rules.
    Muted,
    /// An address or a number.
    Address,
    /// A function's name.
    Function,
    /// A file and line.
    Path,
    /// A value that is not what it was at the last stop.
    Changed,
    /// What went wrong.
    Error,
    /// A guess, or something that could not be found out.
    Doubt,
    /// A command or key to type.
    Command,
    /// What the guest printed, in the colours it chose.
    Guest(Style),
}

/// A line of text, safe for a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Row {
    parts: Vec<(Role, String)>,
    /// It is where the guest stands, or what is selected.
    pub(crate) current: bool,
}

impl Row {
    /// An empty line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A line of one part.
    pub(crate) fn of(role: Role, text: impl AsRef<str>) -> Self {
        Self::new().with(role, text)
    }

    /// Adds a part.
    #[must_use]
    pub(crate) fn with(mut self, role: Role, text: impl AsRef<str>) -> Self {
        self.push(role, text.as_ref());
        self
    }

    /// Adds text from an image or a guest.
    #[must_use]
    pub(crate) fn untrusted(self, role: Role, text: &Untrusted) -> Self {
        self.with(role, text.raw())
    }

    /// Marks the line as the current one.
    #[must_use]
    pub(crate) fn current(mut self, current: bool) -> Self {
        self.current = current;
        self
    }

    /// Adds a part.
    pub(crate) fn push(&mut self, role: Role, text: &str) {
        let (clipped, cut) = match text.char_indices().nth(LONGEST) {
            Some((end, _)) => (&text[..end], true),
            None => (text, false),
        };
        let mut safe = escape_str(clipped);
        if cut {
            safe.push('…');
        }
        match self.parts.last_mut() {
            Some((last, part)) if *last == role => part.push_str(&safe),
            _ => self.parts.push((role, safe)),
        }
    }

    /// Adds the parts of another row.
    #[must_use]
    pub(crate) fn extend(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// Spaces up to a column, so that what follows lines up.
    #[must_use]
    pub(crate) fn pad_to(mut self, column: usize) -> Self {
        let missing = column.saturating_sub(self.width());
        self.push(Role::Plain, &" ".repeat(missing));
        self
    }

    /// Terminal columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.parts.iter().map(|(_, text)| columns(text)).sum()
    }

    /// Its text without roles.
    pub(crate) fn text(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// As ratatui draws it.
    pub(crate) fn line(&self, theme: &Theme) -> Line<'_> {
        let spans = self
            .parts
            .iter()
            .map(|(role, text)| Span::styled(text.as_str(), theme.style(*role)));
        Line::from_iter(spans)
    }
}

/// Terminal columns of a text.
pub(crate) fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// The end of a text that is too long: of a path or a qualified name it says
/// most.
pub(crate) fn tail(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let mut rest = text.chars();
    while columns(rest.as_str()) >= room.max(1) {
        rest.next();
    }
    format!("…{}", rest.as_str())
}

/// The start of a text that is too long.
pub(crate) fn head(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if columns(&kept) >= room {
            kept.pop();
            break;
        }
    }
    format!("{kept}…")
}

/// Tabs as spaces, up to the next multiple of `stop` columns.
pub(crate) fn expand_tabs(text: &str, stop: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        if c == '\t' {
            let missing = stop - column % stop;
            out.extend(std::iter::repeat_n(' ', missing));
            column += missing;
        } else {
            out.push(c);
            column += 1;
        }
    }
    out
}

/// Prose broken at spaces into lines of at most `width` columns; a word that is
/// longer stands on a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Role, Row, expand_tabs, head, tail, wrap};

    #[test]
    fn a_row_holds_no_control_characters_and_is_bounded() {
        let row = Row::of(Role::Plain, "\u{1b}[31mred\n");
        assert_eq!(row.text(), "\\u{1b}[31mred\\u{a}");
        let long = Row::of(Role::Plain, "x".repeat(1 << 20));
        assert_eq!(long.width(), LONGEST + 1);
    }

    #[test]
    fn of_a_long_text_the_end_is_kept() {
        let check = |text, room, expected| assert_eq!(tail(text, room), expected);
        check("src/a.rs", 8, "src/a.rs");
        check("src/a.rs", 5, "…a.rs");
        check("漢字.rs", 6, "…字.rs");
        check("src/a.rs", 0, "…");
        check("", 0, "");
    }

    #[test]
    fn of_a_long_text_the_start_is_kept() {
        let check = |text, room, expected| assert_eq!(head(text, room), expected);
        check("unix:/run/x", 11, "unix:/run/x");
        check("unix:/run/x", 6, "unix:…");
        check("漢字.rs", 4, "漢…");
        check("unix:/run/x", 0, "…");
    }

    #[test]
    fn tabs_end_at_stops() {
        let check = |text, expected| assert_eq!(expand_tabs(text, 4), expected);
        check("\tx", "    x");
        check("ab\tx", "ab  x");
        check("abcd\tx", "abcd    x");
    }

    #[test]
    fn prose_wraps_at_spaces() {
        let check = |text, width, expected: &[&str]| assert_eq!(wrap(text, width), expected);
        check("read of address 0x18", 12, &["read of", "address 0x18"]);
        check("", 12, &[""]);
        check("unbreakable", 4, &["unbreakable"]);
        check("a b", 0, &["a", "b"]);
    }
}
