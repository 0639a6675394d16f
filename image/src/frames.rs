//! The inline chain at an address, put together from the function, its
//! inlined calls and the line table.

use crate::dwarf::functions::SymbolAt;
use crate::dwarf::{Debug, Scope};
use crate::{FunctionName, SourceFrame, SourceLocation};

/// The chain, innermost first. The symbol table, here by an address within a
/// function and by its entry, names it where DWARF does not.
pub(crate) fn source_frames(
    debug: Option<&Debug<'_>>,
    address: u64,
    symbol: impl Fn() -> Option<FunctionName>,
    symbol_at_entry: &SymbolAt<'_>,
) -> Vec<SourceFrame> {
    let unit = debug.and_then(|debug| Some((debug, debug.unit_at(address)?)));
    let described = unit
        .as_ref()
        .map(|(debug, unit)| described(Scope { debug, unit }, address, &symbol, symbol_at_entry));
    if let Some(frames) = described.filter(|frames| !frames.is_empty()) {
        return frames;
    }
    let frame = symbol().map(|name| SourceFrame {
        function: Some(name),
        location: None,
        inlined: false,
    });
    frame.into_iter().collect()
}

fn described(
    scope: Scope<'_, '_>,
    address: u64,
    symbol: impl Fn() -> Option<FunctionName>,
    symbol_at_entry: &SymbolAt<'_>,
) -> Vec<SourceFrame> {
    let line = scope.lines().at(address);
    let mut location: Option<SourceLocation> = line.and_then(|line| line.location(scope));
    let Some(function) = scope.function_at(address) else {
        // An assembler describes lines, and leaves functions to the symbols.
        let frame = location.map(|location| SourceFrame {
            function: symbol(),
            location: Some(location),
            inlined: false,
        });
        return frame.into_iter().collect();
    };
    let mut frames = Vec::new();
    for call in function.inlines(scope).chain(address) {
        frames.push(SourceFrame {
            function: call.name(scope),
            location,
            inlined: true,
        });
        location = call.place.location(scope);
    }
    frames.push(SourceFrame {
        function: function.name(scope, symbol_at_entry),
        location,
        inlined: false,
    });
    frames
}
