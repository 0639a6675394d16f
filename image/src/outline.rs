//! Every function in outline: what a survey of a whole image needs, without
//! the names' readable forms and without their declarations.

use std::collections::HashMap;
use std::ops::Range;

use crate::demangle::function_name;
use crate::dwarf::names::describe;
use crate::dwarf::{Debug, Scope};
use crate::symbols::Symbols;
use crate::{Function, FunctionName, FunctionOrigin, LinkAddr};

/// A function, as far as its code is concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outline<'data> {
    /// Where it is entered.
    pub entry: LinkAddr,
    /// Every range of its code, ascending, hot and cold parts alike.
    pub ranges: Vec<Range<LinkAddr>>,
    /// Where it is known from.
    pub origin: FunctionOrigin,
    /// The compiler says it never returns.
    pub noreturn: bool,
    linkage: &'data [u8],
}

impl Outline<'_> {
    /// Its name. Code that only its unwind rules tell of is named by its
    /// address.
    pub fn name(&self) -> FunctionName {
        match self.linkage {
            b"" => function_name(format!("code_{:x}", self.entry.0).as_bytes()),
            linkage => function_name(linkage),
        }
    }

    /// The function that it is the outline of.
    pub fn to_function(&self) -> Function {
        Function {
            name: self.name(),
            entry: self.entry,
            ranges: self.ranges.clone(),
            origin: self.origin,
            noreturn: self.noreturn,
            declaration: None,
        }
    }
}

/// Functions that DWARF describes, then what the symbol table adds, then code
/// that has unwind rules and nothing else. Ascending by entry, one for each.
pub(crate) fn outlines<'data>(
    debug: Option<&Debug<'data>>,
    symbols: Option<&Symbols<'data>>,
    unwind_ranges: Vec<Range<u64>>,
) -> Vec<Outline<'data>> {
    let mut outlines = debug.map_or_else(Vec::new, |debug| {
        debug.for_all_units_once(|scope| in_unit(scope, symbols))
    });
    let covered = Covered::by(&outlines);
    let named = symbols.map_or_else(Vec::new, Symbols::functions);
    let added = named
        .into_iter()
        .filter(|function| !covered.holds(function.range.start));
    let added = added.map(|function| Outline {
        entry: LinkAddr(function.range.start),
        ranges: vec![LinkAddr(function.range.start)..LinkAddr(function.range.end)],
        origin: function.origin,
        noreturn: false,
        linkage: function.symbol.name,
    });
    outlines.extend(join_cold_parts(added.collect()));
    let covered = Covered::by(&outlines);
    let nameless = unwind_ranges
        .into_iter()
        .filter(|range| range.start < range.end && !covered.holds(range.start));
    outlines.extend(nameless.map(|range| Outline {
        entry: LinkAddr(range.start),
        ranges: vec![LinkAddr(range.start)..LinkAddr(range.end)],
        origin: FunctionOrigin::UnwindRules,
        noreturn: false,
        linkage: b"",
    }));
    outlines.sort_by_key(|outline| (outline.entry, !outline.noreturn));
    // The same inline function, emitted in several units and kept once.
    outlines.dedup_by_key(|outline| outline.entry);
    outlines
}

fn in_unit<'data>(
    scope: Scope<'_, 'data>,
    symbols: Option<&Symbols<'data>>,
) -> Vec<Outline<'data>> {
    let functions = scope.functions().all().iter();
    let outlines = functions.map(|function| {
        let description = describe(scope, function.die);
        let fuller = symbols.filter(|_| description.linkage.is_none() && scope.mangles_names());
        let fuller = fuller.and_then(|symbols| symbols.function_at_entry(function.entry));
        let ranges = function.ranges.iter();
        Outline {
            entry: LinkAddr(function.entry),
            ranges: ranges
                .map(|range| LinkAddr(range.start)..LinkAddr(range.end))
                .collect(),
            origin: FunctionOrigin::Dwarf,
            noreturn: description.noreturn,
            linkage: fuller
                .or_else(|| description.best_name())
                .unwrap_or_default(),
        }
    });
    outlines.collect()
}

/// GCC puts what it takes for unlikely into a part of its own, `f.cold`: it
/// belongs to the one function `f`.
fn join_cold_parts(mut outlines: Vec<Outline<'_>>) -> Vec<Outline<'_>> {
    let mut by_name: HashMap<&[u8], Option<usize>> = HashMap::new();
    for (place, outline) in outlines.iter().enumerate() {
        // Two of a name: nobody knows whose the part is.
        let known = by_name.entry(outline.linkage).or_insert(Some(place));
        if *known != Some(place) {
            *known = None;
        }
    }
    let parts: Vec<(usize, usize)> = outlines
        .iter()
        .enumerate()
        .filter_map(|(place, outline)| {
            let whole = outline.linkage.strip_suffix(b".cold")?;
            Some((place, (*by_name.get(whole)?)?))
        })
        .collect();
    for &(part, whole) in &parts {
        let ranges = std::mem::take(&mut outlines[part].ranges);
        outlines[whole].ranges.extend(ranges);
        outlines[whole].ranges.sort_by_key(|range| range.start);
    }
    outlines.retain(|outline| !outline.ranges.is_empty());
    outlines
}

/// Code that belongs to functions known so far.
struct Covered {
    /// Ascending by start, each with the furthest end so far.
    ranges: Vec<(u64, u64)>,
}

impl Covered {
    fn by(outlines: &[Outline<'_>]) -> Self {
        let all = outlines.iter().flat_map(|outline| &outline.ranges);
        let mut ranges: Vec<(u64, u64)> = all.map(|range| (range.start.0, range.end.0)).collect();
        ranges.sort_unstable();
        let mut furthest = 0;
        for (_, end) in &mut ranges {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        Self { ranges }
    }

    fn holds(&self, address: u64) -> bool {
        let after = self.ranges.partition_point(|&(start, _)| start <= address);
        after
            .checked_sub(1)
            .is_some_and(|place| address < self.ranges[place].1)
    }
}
