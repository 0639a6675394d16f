//! Trace events as text: one a line, columns aligned.

use std::fmt::Write;

use ukdbg_session::view::{EventView, TraceView};

use super::{Style, Styles};
use crate::escape::{escape, escape_str};

/// The events, with what was lost.
pub(crate) fn events(view: &TraceView, styles: Styles) -> String {
    let mut out = String::new();
    let name_width = view
        .events
        .iter()
        .map(|event| event.name.raw().chars().count())
        .max()
        .unwrap_or(0)
        .min(32);
    for event in &view.events {
        let fields: Vec<String> = event
            .fields
            .iter()
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        let name = format!("{:<name_width$}", escape(&event.name));
        let row = format!(
            "  {}  cpu{}  {}  {}",
            styles.paint(Style::Dim, time(event)),
            event.cpu,
            styles.paint(Style::Name, name),
            fields.join(" ")
        );
        let _ = writeln!(out, "{}", row.trim_end());
    }
    if view.lost > 0 {
        let _ = writeln!(
            out,
            "  {}",
            styles.paint(
                Style::Dim,
                format!("{} older events were overwritten", view.lost)
            )
        );
    }
    for gap in &view.gaps {
        let _ = writeln!(out, "  {}", styles.paint(Style::Dim, escape_str(gap)));
    }
    out
}

/// Milliseconds since the guest's start, or the bare counter.
fn time(event: &EventView) -> String {
    match event.nanoseconds {
        Some(nanoseconds) => {
            format!(
                "{:>10}.{:06} ms",
                nanoseconds / 1_000_000,
                nanoseconds % 1_000_000
            )
        }
        None => format!("tsc {:>16}", event.tsc),
    }
}
