//! The functions of a unit: every `DW_TAG_subprogram` with code, by address.
//! Read in one pass over the unit's entries; names and inlined calls are read
//! when a question needs them.

use std::ops::Range;
use std::sync::OnceLock;

use gimli::{AttributeValue, UnitOffset};

use super::Scope;
use super::abbreviation_lengths::Kinds;
use super::inlines::{InlineTree, Wanted};
use super::names::describe;
use super::ranges::RangeAttributes;
use super::skim::Skim;
use crate::intervals::Intervals;
use crate::{Function, FunctionName, FunctionOrigin, LinkAddr};

/// The functions of one unit.
#[derive(Default)]
pub(crate) struct UnitFunctions {
    functions: Vec<UnitFunction>,
    by_address: Intervals<u32>,
}

/// A function with code.
pub(crate) struct UnitFunction {
    pub(crate) die: UnitOffset,
    pub(crate) entry: u64,
    pub(crate) ranges: Box<[Range<u64>]>,
    name: OnceLock<Option<FunctionName>>,
    inlines: OnceLock<InlineTree>,
}

/// How much of a unit is read for its functions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Functions within functions (GNU C, Fortran) are passed over where the
    /// compiler says where the next entry is (`DW_AT_sibling`): a third of
    /// the time on a kernel.
    Outer,
    /// Every entry.
    All,
}

impl UnitFunctions {
    pub(crate) fn read(scope: Scope<'_, '_>, depth: Depth) -> Self {
        let mut functions = Vec::new();
        // What was read before a malformed entry is kept.
        let _ = read_entries(scope, depth, &mut functions);
        let numbered = functions.iter().zip(0u32..);
        let ranges = numbered.flat_map(|(function, number): (&UnitFunction, u32)| {
            let ranges = function.ranges.iter();
            ranges.map(move |range| (range.clone(), (), number))
        });
        let by_address = Intervals::new(ranges.collect());
        Self {
            functions,
            by_address,
        }
    }

    /// The function whose code holds an address: the inner one of nested
    /// functions.
    pub(crate) fn at(&self, address: u64) -> Option<&UnitFunction> {
        let (_, number) = self.by_address.get(address)?;
        self.functions.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn all(&self) -> &[UnitFunction] {
        &self.functions
    }

    pub(crate) fn all_ranges(&self) -> Vec<Range<u64>> {
        let functions = self.functions.iter();
        functions
            .flat_map(|function| function.ranges.iter().cloned())
            .collect()
    }
}

fn read_entries(
    scope: Scope<'_, '_>,
    depth: Depth,
    functions: &mut Vec<UnitFunction>,
) -> gimli::Result<()> {
    let kinds = match depth {
        Depth::Outer => Kinds::FUNCTION.or(Kinds::PASSABLE),
        Depth::All => Kinds::FUNCTION,
    };
    let mut entries = Skim::whole(scope)?;
    while let Some(entry) = entries.next_of(kinds) {
        if entry.kinds.meets(Kinds::FUNCTION) && entry.has_code {
            let (attributes, sibling) = subprogram(scope, &mut entries)?;
            if attributes.has_code() {
                functions.extend(UnitFunction::new(scope, entry.offset, &attributes));
            }
            if depth == Depth::Outer && entry.has_children {
                entries.go_to_sibling(sibling);
            }
        } else if depth == Depth::Outer {
            entries.pass_children(entry);
        }
    }
    Ok(())
}

/// Reads what matters of a function's attributes, and where its sibling is.
fn subprogram<'data>(
    scope: Scope<'_, 'data>,
    entries: &mut Skim<'_, 'data>,
) -> gimli::Result<(RangeAttributes<'data>, Option<UnitOffset>)> {
    let mut attributes = RangeAttributes::default();
    let mut sibling = None;
    entries.attributes(|attribute| {
        if attribute.name() == gimli::DW_AT_sibling
            && let AttributeValue::UnitRef(next) = attribute.value()
        {
            sibling = Some(next);
        }
        attributes.note(scope, attribute);
    })?;
    Ok((attributes, sibling))
}

impl UnitFunction {
    fn new<'data>(
        scope: Scope<'_, 'data>,
        die: UnitOffset,
        attributes: &RangeAttributes<'data>,
    ) -> Option<Self> {
        let mut ranges = attributes.kept_ranges(scope);
        let entry = attributes.entry(&ranges)?;
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
        Some(Self {
            die,
            entry,
            ranges: ranges.into(),
            name: OnceLock::new(),
            inlines: OnceLock::new(),
        })
    }

    /// The calls inlined into it.
    pub(crate) fn inlines<'a>(&'a self, scope: Scope<'_, '_>) -> &'a InlineTree {
        self.inlines
            .get_or_init(|| InlineTree::read(scope, self.die, Wanted::Every))
    }

    /// The calls inlined into it at some addresses, for one question.
    pub(crate) fn inlines_at(&self, scope: Scope<'_, '_>, addresses: &[u64]) -> InlineTree {
        InlineTree::read(scope, self.die, Wanted::At(addresses))
    }

    /// Everything DWARF says about it; none when it has no name. `symbol`
    /// names the code at its entry.
    pub(crate) fn to_function(
        &self,
        scope: Scope<'_, '_>,
        symbol: &SymbolAt<'_>,
    ) -> Option<Function> {
        let description = describe(scope, self.die);
        let link = |range: &Range<u64>| LinkAddr(range.start)..LinkAddr(range.end);
        Some(Function {
            name: self.name(scope, symbol)?,
            entry: LinkAddr(self.entry),
            ranges: self.ranges.iter().map(link).collect(),
            origin: FunctionOrigin::Dwarf,
            noreturn: description.noreturn,
            declaration: description.declaration(scope),
        })
    }

    /// Its name. Where the compiler was asked for few details, DWARF leaves
    /// out linkage names, and with them paths: the symbol table has them.
    pub(crate) fn name(&self, scope: Scope<'_, '_>, symbol: &SymbolAt<'_>) -> Option<FunctionName> {
        let read = || {
            let description = describe(scope, self.die);
            let complete = description.linkage.is_some() || !scope.mangles_names();
            let bare = || {
                description
                    .best_name()
                    .map(|name| scope.debug.names.get(name))
            };
            if complete {
                bare().or_else(|| symbol(self.entry))
            } else {
                symbol(self.entry).or_else(bare)
            }
        };
        self.name.get_or_init(read).clone()
    }
}

/// The symbol table's name for the code that begins at an address.
pub(crate) type SymbolAt<'a> = dyn Fn(u64) -> Option<FunctionName> + Sync + 'a;
