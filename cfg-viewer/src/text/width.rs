//! Text measured and made harmless for a layout in columns. Escaping for a
//! terminal happens once more where one is written to; here it is only that
//! nothing unprintable is counted.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns that printable text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// The text without control characters, cut to some columns.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let shown = printable(text);
    if columns(&shown) <= most {
        return shown;
    }
    let mut cut = String::new();
    let mut used = 1;
    for c in shown.chars() {
        used += c.width().unwrap_or(0);
        if used > most {
            break;
        }
        cut.push(c);
    }
    if most > 0 {
        cut.push('…');
    }
    cut
}

/// The text with all that takes no column, or more than it shows, written as
/// an escape.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.width() {
            Some(1..) => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out
}
