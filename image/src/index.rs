//! Every function of an image in one list: from DWARF and from the symbol
//! table, each once, with its name not yet demangled.

use std::ops::Range;

use rayon::prelude::*;

use crate::dwarf::functions::SymbolAt;
use crate::dwarf::names::describe;
use crate::dwarf::{Debug, Scope};
use crate::name_match::{self, ends_with, path_components, verbatim_part};
use crate::symbols::{SymbolFunction, Symbols};
use crate::{Function, demangle};

/// All functions, ascending by entry.
pub(crate) struct FunctionIndex<'data> {
    functions: Vec<IndexedFunction<'data>>,
}

struct IndexedFunction<'data> {
    entry: u64,
    /// The linkage name, or the only name there is.
    name: &'data [u8],
    source: Source<'data>,
}

enum Source<'data> {
    /// By unit offset and place among the unit's functions.
    Dwarf {
        unit: usize,
        place: usize,
    },
    Symbol(SymbolFunction<'data>),
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
            source: Source::Symbol(function),
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
        let query = path_components(name);
        let part = verbatim_part(&query).as_bytes();
        let functions = self.functions.par_iter().filter(|function| {
            if function.name == name.as_bytes() {
                return true;
            }
            if !contains(function.name, part) {
                return false;
            }
            let linkage = String::from_utf8_lossy(function.name);
            let demangled = demangle::demangled(&linkage);
            let demangled = demangled.as_deref().unwrap_or(&linkage);
            demangled == name || ends_with(demangled, &query)
        });
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

fn in_unit<'data>(
    scope: Scope<'_, 'data>,
    symbols: Option<&Symbols<'data>>,
) -> Vec<(IndexedFunction<'data>, Vec<Range<u64>>)> {
    let functions = scope.functions().all().iter().enumerate();
    let mangles = scope.mangles_names();
    let named = functions.filter_map(|(place, function)| {
        let description = describe(scope, function.die);
        let fuller = symbols.filter(|_| mangles && description.linkage.is_none());
        let fuller = fuller.and_then(|symbols| symbols.function_at_entry(function.entry));
        let indexed = IndexedFunction {
            entry: function.entry,
            name: fuller.or_else(|| description.best_name())?,
            source: Source::Dwarf {
                unit: scope.unit.offset,
                place,
            },
        };
        Some((indexed, function.ranges.to_vec()))
    });
    named.collect()
}

impl<'data> IndexedFunction<'data> {
    fn to_function(&self, debug: Option<&Debug<'data>>, symbol: &SymbolAt<'_>) -> Option<Function> {
        match &self.source {
            Source::Symbol(function) => Some(function.to_function()),
            Source::Dwarf { unit, place } => {
                let debug = debug?;
                let unit = debug.unit(*unit)?;
                let scope = Scope { debug, unit: &unit };
                scope
                    .functions()
                    .all()
                    .get(*place)?
                    .to_function(scope, symbol)
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}
