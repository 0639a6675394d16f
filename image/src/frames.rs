//! The inline chain at an address, put together from the function, its
//! inlined calls and the line table.

use rayon::prelude::*;

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
    let scope = unit.as_ref().map(|(debug, unit)| Scope { debug, unit });
    in_scope(scope, address, symbol, symbol_at_entry)
}

/// The chains of many addresses, in their order, without keeping what is read.
pub(crate) fn source_frames_of_all(
    debug: Option<&Debug<'_>>,
    addresses: &[u64],
    symbol: &(dyn Fn(u64) -> Option<FunctionName> + Sync),
    symbol_at_entry: &SymbolAt<'_>,
) -> Vec<Vec<SourceFrame>> {
    // By unit, so that each is read once.
    let unit_of = |address| debug.and_then(|debug| debug.unit_offset_at(address));
    let numbered = addresses.iter().enumerate();
    let mut order: Vec<(Option<usize>, u64, usize)> = numbered
        .map(|(place, &address)| (unit_of(address), address, place))
        .collect();
    order.sort_unstable();
    let units: Vec<_> = order.chunk_by(|one, next| one.0 == next.0).collect();
    let answers = units.into_par_iter().flat_map_iter(|asked| {
        let unit = asked.first().and_then(|&(unit, ..)| unit);
        let unit = debug.and_then(|debug| Some((debug, debug.unit_for_once(unit?)?)));
        asked.iter().map(move |&(_, address, place)| {
            let scope = unit.as_ref().map(|(debug, unit)| Scope { debug, unit });
            let name = || symbol(address);
            (place, in_scope(scope, address, name, symbol_at_entry))
        })
    });
    let mut frames = vec![Vec::new(); addresses.len()];
    for (place, answer) in answers.collect::<Vec<_>>() {
        frames[place] = answer;
    }
    frames
}

fn in_scope(
    scope: Option<Scope<'_, '_>>,
    address: u64,
    symbol: impl Fn() -> Option<FunctionName>,
    symbol_at_entry: &SymbolAt<'_>,
) -> Vec<SourceFrame> {
    let described = scope.map(|scope| described(scope, address, &symbol, symbol_at_entry));
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
