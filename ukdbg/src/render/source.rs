//! Source lines with their numbers, the selected one marked.

use std::fmt::Write;

use ukdbg_session::view::SourceView;

use super::{Style, Styles};
use crate::escape::escape_str;

/// The lines, indented by two.
pub(crate) fn source(view: &SourceView, styles: Styles) -> String {
    let width = view
        .lines
        .last()
        .map_or(1, |line| line.number.to_string().len());
    let mut out = String::new();
    for line in &view.lines {
        let text = escape_str(&line.text.raw().replace('\t', "    "));
        let mark = if line.selected { ">" } else { " " };
        let number = format!("{mark} {:>width$} |", line.number);
        let row = if line.selected {
            format!(
                "{} {}",
                styles.paint(Style::Bad, number),
                styles.paint(Style::Strong, text)
            )
        } else {
            format!("{} {text}", styles.paint(Style::Dim, number))
        };
        let _ = writeln!(out, "  {}", row.trim_end());
    }
    out
}
