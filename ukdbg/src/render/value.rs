//! A value as text.

use ukdbg_session::view::PrintView;

use crate::escape::{escape, escape_lines};

/// In one line; laid out where that does not fit.
pub(crate) fn value(view: &PrintView, width: usize) -> String {
    let line = escape(&view.text);
    match line.chars().count() > width {
        true => escape_lines(view.laid_out.raw()),
        false => line,
    }
}
