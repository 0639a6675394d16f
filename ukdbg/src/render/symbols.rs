//! Symbols as a table: address, size, kind, name.

use std::fmt::Write;

use ukdbg_session::{SymbolKind, SymbolsView};

use super::{Style, Styles};
use crate::escape::escape;

/// The table; `mangled` for the linker's names.
pub(crate) fn symbols(view: &SymbolsView, mangled: bool, styles: Styles) -> String {
    let mut out = String::new();
    for symbol in &view.symbols {
        let address = format!("{:#018x}", symbol.address.0);
        let size = symbol
            .size
            .map_or_else(|| "?".to_owned(), |size| size.to_string());
        let name = if mangled {
            &symbol.name.linkage
        } else {
            &symbol.name.demangled
        };
        let name = escape(name);
        let name = match symbol.kind {
            SymbolKind::Function => styles.paint(Style::Name, name),
            _ => name,
        };
        let _ = writeln!(
            out,
            "{} {size:>8} {:8} {name}",
            styles.paint(Style::Dim, address),
            kind(symbol.kind)
        );
    }
    out
}

fn kind(kind: SymbolKind) -> &'static str {
    match kind {
        SymbolKind::Function => "function",
        SymbolKind::Data => "data",
        SymbolKind::ReadOnly => "rodata",
        SymbolKind::Absolute => "absolute",
    }
}
