//! Every function of an image in one list: from DWARF and from the symbol
//! table, each once, with its name not yet demangled.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dwarf::functions::{SymbolAt, UnitFunction};
use crate::dwarf::inlined_copies::entries_of_copies;
use crate::dwarf::names::describe;
use crate::dwarf::{Debug, Scope};
use crate::name_match::{self, ends_with, path_components, verbatim_part};
use crate::symbols::Symbols;
use crate::{Function, FunctionOrigin, LinkAddr, demangle};

/// All functions, ascending by entry.
#[derive(Serialize, Deserialize)]
pub(crate) struct FunctionIndex<'data> {
    #[serde(borrow)]
    functions: Vec<IndexedFunction<'data>>,
}

#[derive(Serialize, Deserialize)]
struct IndexedFunction<'data> {
    entry: u64,
    /// The linkage name, or the only name there is.
    name: &'data [u8],
    source: Source,
}

#[derive(Serialize, Deserialize)]
enum Source {
    /// By unit offset and place among the unit's functions.
    Dwarf { unit: usize, place: usize },
    /// The symbol table's, up to there.
    Symbol { end: u64, sized: bool },
}

impl<'data> FunctionIndex<'data> {
    pub(crate) fn new(debug: Option<&Debug<'data>>, symbols: Option<&Symbols<'data>>) -> Self {
        let mut described = debug.map_or_else(Vec::new, |debug| {
            debug.for_all_units(|scope| in_unit(scope, symbols))
        });
        let mut covered: Vec<Range<u64>> = Vec::new();
        let mut functions = Vec::new();
        for (function, ranges) in described.drain(..) {
            covered.extend(ranges);
            functions.push(function);
        }
        covered.sort_unstable_by_key(|range| range.start);
        let named = symbols.map_or_else(Vec::new, Symbols::functions);
        let undescribed = named.into_iter().filter(|function| {
            let after = covered.partition_point(|range| range.start <= function.range.start);
            let before = after.checked_sub(1).and_then(|index| covered.get(index));
            !before.is_some_and(|range| range.contains(&function.range.start))
        });
        functions.extend(undescribed.map(|function| IndexedFunction {
            entry: function.range.start,
            name: function.symbol.name,
            source: Source::Symbol {
                end: function.range.end,
                sized: function.origin == FunctionOrigin::Symbol,
            },
        }));
        functions.sort_by_key(|function| function.entry);
        // The same inline function, emitted in several units and kept once.
        functions.dedup_by(|next, kept| next.entry == kept.entry && next.name == kept.name);
        Self { functions }
    }

    pub(crate) fn all(&self, debug: Option<&Debug<'data>>, symbol: &SymbolAt<'_>) -> Vec<Function> {
        let functions = self.functions.par_iter();
        functions
            .filter_map(|function| function.to_function(debug, symbol))
            .collect()
    }

    pub(crate) fn named(
        &self,
        name: &str,
        debug: Option<&Debug<'data>>,
        symbol: &SymbolAt<'_>,
    ) -> Vec<Function> {
        let query = Query::new(name);
        let functions = self.functions.par_iter();
        let functions = functions.filter(|function| query.matches(function.name));
        functions
            .filter_map(|function| function.to_function(debug, symbol))
            .collect()
    }

    /// Names whose last component is close to the query's, best first.
    pub(crate) fn near(&self, name: &str, most: usize) -> Vec<String> {
        let query = path_components(name);
        let Some(&wanted) = query.last() else {
            return Vec::new();
        };
        let limit = (wanted.chars().count() / 3).clamp(1, 4);
        let close = self.functions.par_iter().filter_map(|function| {
            let linkage = String::from_utf8_lossy(function.name);
            let demangled = demangle::demangled(&linkage).unwrap_or_else(|| linkage.into_owned());
            let edits = {
                let components = path_components(&demangled);
                let last = components.last()?;
                name_match::distance(wanted, last, limit)
                    .or_else(|| (wanted.len() > 2 && last.starts_with(wanted)).then_some(limit))?
            };
            Some((edits, demangled))
        });
        let mut close: Vec<(usize, String)> = close.collect();
        close.sort();
        close.dedup();
        close.into_iter().take(most).map(|(_, name)| name).collect()
    }
}

/// Functions of a name without an index of all: by the symbols of that name,
/// and what DWARF says at their addresses. None where that could miss one:
/// the table holds no local symbols, or none of that name.
pub(crate) fn named_by_symbols<'data>(
    name: &str,
    debug: Option<&Debug<'data>>,
    symbols: &Symbols<'data>,
    symbol_at: &SymbolAt<'_>,
) -> Option<Vec<Function>> {
    let query = Query::new(name);
    if query.part.is_empty() || !symbols.has_local_functions() {
        return None;
    }
    let mut entries: Vec<u64> = symbols
        .code()
        .filter(|symbol| query.may_match_copy(symbol.name))
        .map(|symbol| symbol.address)
        .collect();
    entries.dedup();
    if entries.len() > MOST_SYMBOLS {
        return None;
    }
    let mut functions: BTreeMap<u64, Function> = BTreeMap::new();
    for entry in entries {
        let unit = debug.and_then(|debug| Some((debug, debug.unit_at(entry)?)));
        let scope = unit.as_ref().map(|(debug, unit)| Scope { debug, unit });
        let Some((scope, function)) = scope.and_then(|it| Some((it, it.function_at(entry)?)))
        else {
            // It may be a label, which the index knows.
            return None;
        };
        let known = indexed_name(scope, function, Some(symbols));
        if known.is_some_and(|known| query.matches(known))
            && let Some(function) = function.to_function(scope, symbol_at)
        {
            functions.insert(function.entry.0, function);
        }
    }
    (!functions.is_empty()).then(|| functions.into_values().collect())
}

/// Where copies of the functions of a name were inlined.
pub(crate) fn copies_named(name: &str, debug: &Debug<'_>) -> Vec<u64> {
    let query = Query::new(name);
    let mut entries = entries_of_copies(debug, query.part, &|linkage| query.matches(linkage));
    entries.sort_unstable();
    entries.dedup();
    entries
}

/// Symbols of one name beyond which an index is the faster way.
const MOST_SYMBOLS: usize = 64;

/// What functions are searched by.
struct Query<'a> {
    name: &'a str,
    components: Vec<&'a str>,
    /// A part that a matching linkage name holds.
    part: &'a [u8],
}

impl<'a> Query<'a> {
    fn new(name: &'a str) -> Self {
        let components = path_components(name);
        let part = verbatim_part(&components).as_bytes();
        Self {
            name,
            components,
            part,
        }
    }

    fn matches(&self, linkage: &[u8]) -> bool {
        if linkage == self.name.as_bytes() {
            return true;
        }
        if !contains(linkage, self.part) {
            return false;
        }
        let linkage = String::from_utf8_lossy(linkage);
        let demangled = demangle::demangled(&linkage);
        let demangled = demangled.as_deref().unwrap_or(&linkage);
        demangled == self.name || ends_with(demangled, &self.components)
    }

    /// As a linker's symbol, which may name a copy (`.isra.0`, `.cold`).
    fn may_match_copy(&self, symbol: &[u8]) -> bool {
        contains(symbol, self.part)
            && (self.matches(symbol)
                || symbol
                    .iter()
                    .position(|&byte| byte == b'.')
                    .is_some_and(|dot| self.matches(&symbol[..dot])))
    }
}

fn in_unit<'data>(
    scope: Scope<'_, 'data>,
    symbols: Option<&Symbols<'data>>,
) -> Vec<(IndexedFunction<'data>, Vec<Range<u64>>)> {
    let functions = scope.functions().all().iter().enumerate();
    let named = functions.filter_map(|(place, function)| {
        let indexed = IndexedFunction {
            entry: function.entry,
            name: indexed_name(scope, function, symbols)?,
            source: Source::Dwarf {
                unit: scope.unit.offset,
                place,
            },
        };
        Some((indexed, function.ranges.to_vec()))
    });
    named.collect()
}

/// The name a function is found by.
fn indexed_name<'data>(
    scope: Scope<'_, 'data>,
    function: &UnitFunction,
    symbols: Option<&Symbols<'data>>,
) -> Option<&'data [u8]> {
    let description = describe(scope, function.die);
    let fuller = symbols.filter(|_| description.linkage.is_none() && scope.mangles_names());
    let fuller = fuller.and_then(|symbols| symbols.function_at_entry(function.entry));
    fuller.or_else(|| description.best_name())
}

impl<'data> IndexedFunction<'data> {
    fn to_function(&self, debug: Option<&Debug<'data>>, symbol: &SymbolAt<'_>) -> Option<Function> {
        match self.source {
            Source::Symbol { end, sized } => Some(Function {
                name: demangle::function_name(self.name),
                entry: LinkAddr(self.entry),
                ranges: vec![LinkAddr(self.entry)..LinkAddr(end)],
                origin: if sized {
                    FunctionOrigin::Symbol
                } else {
                    FunctionOrigin::UnsizedSymbol
                },
                noreturn: false,
                declaration: None,
            }),
            Source::Dwarf { unit, place } => {
                let debug = debug?;
                let unit = debug.unit(unit)?;
                let scope = Scope { debug, unit: &unit };
                let function = scope.functions().all().get(place)?;
                // An index that was kept is not believed against the image.
                let same = function.entry == self.entry;
                same.then(|| function.to_function(scope, symbol))?
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    let Some((&first, rest)) = part.split_first() else {
        return true;
    };
    // A word is compared only where its first letter is.
    let mut places = text.iter().enumerate().filter(|&(_, &byte)| byte == first);
    places.any(|(place, _)| text[place + 1..].starts_with(rest))
}
