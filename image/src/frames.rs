//! The inline chain at an address, put together from the function, its
//! inlined calls and the line table.

use rayon::prelude::*;

use crate::dwarf::functions::{SymbolAt, UnitFunction};
use crate::dwarf::inlines::InlineTree;
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
    let place = scope.map(|scope| {
        let function = scope.function_at(address);
        let calls = function.map(|function| function.inlines(scope));
        Place {
            scope,
            function,
            calls,
        }
    });
    chain(place, address, symbol, symbol_at_entry)
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
        let scope = unit.as_ref().map(|(debug, unit)| Scope { debug, unit });
        let addresses: Vec<u64> = asked.iter().map(|&(_, address, _)| address).collect();
        let frames = in_unit(scope, &addresses, symbol, symbol_at_entry);
        let places = asked.iter().map(|&(.., place)| place);
        places.zip(frames).collect::<Vec<_>>()
    });
    let mut frames = vec![Vec::new(); addresses.len()];
    for (place, answer) in answers.collect::<Vec<_>>() {
        frames[place] = answer;
    }
    frames
}

/// The chains of ascending addresses, of which a unit holds all or none.
fn in_unit(
    scope: Option<Scope<'_, '_>>,
    addresses: &[u64],
    symbol: &(dyn Fn(u64) -> Option<FunctionName> + Sync),
    symbol_at_entry: &SymbolAt<'_>,
) -> Vec<Vec<SourceFrame>> {
    let function_of = |address: u64| scope.and_then(|scope| scope.function_at(address));
    let mut frames = Vec::with_capacity(addresses.len());
    let mut rest = addresses;
    while let Some(&first) = rest.first() {
        let function = function_of(first);
        // Of one function together, so that its inlined calls are read once.
        let same = |&&address: &&u64| match (function, function_of(address)) {
            (Some(one), Some(other)) => std::ptr::eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let (together, others) = rest.split_at(rest.iter().take_while(same).count().max(1));
        let calls = function
            .zip(scope)
            .map(|(function, scope)| function.inlines_at(scope, together));
        frames.extend(together.iter().map(|&address| {
            let name = || symbol(address);
            let place = scope.map(|scope| Place {
                scope,
                function,
                calls: calls.as_ref(),
            });
            chain(place, address, name, symbol_at_entry)
        }));
        rest = others;
    }
    frames
}

/// The debugging information around an address.
struct Place<'a, 'data> {
    scope: Scope<'a, 'data>,
    function: Option<&'a UnitFunction>,
    calls: Option<&'a InlineTree>,
}

fn chain(
    place: Option<Place<'_, '_>>,
    address: u64,
    symbol: impl Fn() -> Option<FunctionName>,
    symbol_at_entry: &SymbolAt<'_>,
) -> Vec<SourceFrame> {
    let described = place.map(|place| described(&place, address, &symbol, symbol_at_entry));
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
    &Place {
        scope,
        function,
        calls,
    }: &Place<'_, '_>,
    address: u64,
    symbol: impl Fn() -> Option<FunctionName>,
    symbol_at_entry: &SymbolAt<'_>,
) -> Vec<SourceFrame> {
    let line = scope.lines().at(address);
    let mut location: Option<SourceLocation> = line.and_then(|line| line.location(scope));
    let (Some(function), Some(calls)) = (function, calls) else {
        // An assembler describes lines, and leaves functions to the symbols.
        let frame = location.map(|location| SourceFrame {
            function: symbol(),
            location: Some(location),
            inlined: false,
        });
        return frame.into_iter().collect();
    };
    let mut frames = Vec::new();
    for call in calls.chain(address) {
        frames.push(SourceFrame {
            function: call.name(scope),
            location,
            inlined: true,
        });
        location = call.place().location(scope);
    }
    frames.push(SourceFrame {
        function: function.name(scope, symbol_at_entry),
        location,
        inlined: false,
    });
    frames
}
