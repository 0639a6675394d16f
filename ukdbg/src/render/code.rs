//! A function's instructions as text.

use std::fmt::Write;

use ukdbg_session::view::{CodeLine, CodeView};

use super::{Style, Styles, place};
use crate::escape::{escape, escape_str};

/// What is shown beside the instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodeStyle {
    /// The source lines they come from.
    pub(crate) source: bool,
    /// Their bytes.
    pub(crate) bytes: bool,
}

/// Columns of the usual instruction's bytes.
const BYTES_WIDTH: usize = 24;

/// The instructions, one a line.
pub(crate) fn code(view: &CodeView, shown: CodeStyle, styles: Styles) -> String {
    let mut out = String::new();
    if let Some(name) = &view.function {
        let _ = writeln!(
            out,
            "{}:",
            styles.paint(Style::Name, escape(&name.demangled))
        );
    }
    let mut expected = None;
    for line in &view.lines {
        if expected.is_some_and(|next| next != line.instruction.address) {
            let text = format!("elsewhere, at {}:", line.instruction.address);
            let _ = writeln!(out, "{}", styles.paint(Style::Dim, text));
        }
        let length = line.instruction.bytes.split(' ').count() as u64;
        expected = line.instruction.address.checked_add(length);
        if shown.source {
            source(&mut out, line, styles);
        }
        let instruction = &line.instruction;
        let mark = if instruction.selected { "=>" } else { "  " };
        let address = styles.paint(Style::Dim, instruction.address.to_string());
        let bytes = match shown.bytes {
            true => format!("{:<BYTES_WIDTH$} ", instruction.bytes),
            false => String::new(),
        };
        let _ = writeln!(
            out,
            "{mark} {address}  {bytes}{}",
            escape(&instruction.text)
        );
    }
    out
}

fn source(out: &mut String, line: &CodeLine, styles: Styles) {
    let Some(location) = &line.instruction.location else {
        return;
    };
    let place = styles.paint(Style::Heading, place::location(location));
    let text = line.source.as_ref().map_or_else(String::new, |source| {
        escape_str(source.text.raw().replace('\t', "    ").trim())
    });
    let _ = writeln!(out, "{}", format!("{place}  {text}").trim_end());
}
