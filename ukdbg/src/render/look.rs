//! Variables and memory as text.

use std::fmt::Write;

use ukdbg_session::view::{LocalsView, MemoryView};

use super::{Style, Styles, place};
use crate::escape::escape;

/// Each frame with its variables.
pub(crate) fn locals(view: &LocalsView, styles: Styles) -> String {
    let mut out = String::new();
    let several = view.frames.len() > 1;
    for frame in &view.frames {
        if several {
            let name = frame
                .function
                .as_ref()
                .map_or_else(|| "(no symbol)".to_owned(), |name| escape(&name.demangled));
            let _ = write!(
                out,
                "#{:<3} {}",
                frame.frame,
                styles.paint(Style::Name, name)
            );
            if let Some(location) = &frame.location {
                let _ = write!(out, " at {}", place::location(location));
            }
            out.push('\n');
        }
        let indent = if several { "     " } else { "" };
        for variable in &frame.variables {
            let _ = writeln!(
                out,
                "{indent}{} = {}",
                styles.paint(Style::Strong, escape(&variable.name)),
                escape(&variable.text)
            );
        }
        if frame.variables.is_empty() {
            let none = styles.paint(Style::Dim, "no variables are described here");
            let _ = writeln!(out, "{indent}{none}");
        }
    }
    out
}

/// Rows of memory, as GDB lays them out.
pub(crate) fn memory(view: &MemoryView, styles: Styles) -> String {
    let mut out = String::new();
    for row in &view.rows {
        let mut head = row.address.to_string();
        if let Some(symbol) = &row.symbol {
            head.push_str(&format!(" <{}>", escape(symbol)));
        }
        let units: Vec<String> = row.units.iter().map(escape).collect();
        let _ = writeln!(
            out,
            "{}:\t{}",
            styles.paint(Style::Dim, head),
            units.join("\t")
        );
    }
    if let Some(at) = view.unreadable {
        let _ = writeln!(
            out,
            "{}",
            styles.paint(Style::Bad, format!("the memory at {at} cannot be read"))
        );
    }
    out
}
