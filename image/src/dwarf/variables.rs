//! Arguments and locals of one level of the inline chain at an address:
//! formal parameters and variables of the blocks around it (DWARF 5 §3.3.8,
//! §3.5, §4.1).

use gimli::{AttributeValue, EntriesRaw, UnitOffset};

use super::entries::next_abbreviation;
use super::functions::UnitFunction;
use super::names::describe;
use super::ranges::RangeAttributes;
use super::{Scope, Slice, constants};
use crate::{Expression, TypeId, Untrusted, Variable, VariableKind, VariableLocation};

/// References to follow for a value before giving up.
const MOST_REFERENCES: usize = 16;

/// No function is as long. GCC 12 writes an empty range in a split unit as one
/// of length -1, in 32 bits.
const MOST_LENGTH: u64 = 0xffff_0000;

/// A variable's entry, not yet read.
struct Found {
    die: UnitOffset,
    kind: VariableKind,
}

/// The variables visible at an address, in a function or, for a lower level,
/// in a call inlined into it.
pub(crate) fn variables<'data>(
    scope: Scope<'_, 'data>,
    function: &UnitFunction,
    address: u64,
    inline_level: usize,
) -> Vec<Variable<'data>> {
    let chain = function.inlines(scope).chain(address).map(|call| call.die);
    let Some(level) = chain.chain([function.die]).nth(inline_level) else {
        return Vec::new();
    };
    let frame_base = frame_base(scope, function.die, address);
    let mut found = Vec::new();
    // What was read before a malformed entry is kept.
    let _ = visible(scope, level, address, &mut found);
    add_dropped_arguments(scope, level, &mut found);
    let variables = found
        .iter()
        .filter_map(|found| variable(scope, found.die, found.kind, address, frame_base.as_ref()));
    variables.collect()
}

/// Entries of the variables of a function or inlined call whose block holds
/// the address.
fn visible(
    scope: Scope<'_, '_>,
    level: UnitOffset,
    address: u64,
    found: &mut Vec<Found>,
) -> gimli::Result<()> {
    let mut entries = scope.unit.dwarf.entries_raw(Some(level))?;
    if let Some(abbreviation) = next_abbreviation(&mut entries)? {
        entries.skip_attributes(abbreviation.attributes())?;
    }
    // Depth of the entry whose children are not wanted.
    let mut outside = isize::MAX;
    while entries.next_depth() > 0 {
        let die = entries.next_offset();
        let depth = entries.next_depth();
        let Some(abbreviation) = next_abbreviation(&mut entries)? else {
            continue;
        };
        if depth <= outside {
            outside = isize::MAX;
        }
        let kind = match abbreviation.tag() {
            _ if depth > outside => None,
            gimli::DW_TAG_formal_parameter => Some(VariableKind::Argument),
            gimli::DW_TAG_variable => Some(VariableKind::Local),
            gimli::DW_TAG_lexical_block | gimli::DW_TAG_try_block | gimli::DW_TAG_catch_block => {
                if !block_holds(scope, &mut entries, abbreviation.attributes(), address)? {
                    outside = depth;
                }
                continue;
            }
            _ => {
                outside = depth;
                None
            }
        };
        entries.skip_attributes(abbreviation.attributes())?;
        found.extend(kind.map(|kind| Found { die, kind }));
    }
    Ok(())
}

fn block_holds<'data>(
    scope: Scope<'_, 'data>,
    entries: &mut EntriesRaw<'_, Slice<'data>>,
    specifications: &[gimli::AttributeSpecification],
    address: u64,
) -> gimli::Result<bool> {
    let mut attributes = RangeAttributes::default();
    for &specification in specifications {
        attributes.note(scope, &entries.read_attribute(specification)?);
    }
    let ranges = attributes.ranges(scope);
    // A block without code of its own holds declarations only.
    Ok(!attributes.has_code() || ranges.iter().any(|range| range.contains(&address)))
}

/// Puts the arguments in the order of the abstract function, and adds those
/// which the compiler dropped from this copy of it.
fn add_dropped_arguments(scope: Scope<'_, '_>, level: UnitOffset, found: &mut Vec<Found>) {
    let Some(declared) = origin(scope, level).and_then(|origin| arguments(scope, origin)) else {
        return;
    };
    let (mut described, locals): (Vec<Found>, Vec<Found>) = found
        .drain(..)
        .partition(|found| found.kind == VariableKind::Argument);
    let mut origins: Vec<Option<UnitOffset>> = described
        .iter()
        .map(|found| origin(scope, found.die))
        .collect();
    for declared in declared {
        let place = origins.iter().position(|origin| *origin == Some(declared));
        let die = place.map_or(declared, |place| {
            origins.remove(place);
            described.remove(place).die
        });
        found.push(Found {
            die,
            kind: VariableKind::Argument,
        });
    }
    found.extend(described);
    found.extend(locals);
}

/// The abstract origin of an entry, when it is in the same unit.
fn origin(scope: Scope<'_, '_>, entry: UnitOffset) -> Option<UnitOffset> {
    let entry = scope.unit.dwarf.entry(entry).ok()?;
    let value = entry.attr_value(gimli::DW_AT_abstract_origin)?;
    let referenced = scope.referenced(value)?;
    referenced.unit.is_none().then_some(referenced.entry)
}

/// The formal parameters of an abstract function.
fn arguments(scope: Scope<'_, '_>, function: UnitOffset) -> Option<Vec<UnitOffset>> {
    let mut tree = scope.unit.dwarf.entries_tree(Some(function)).ok()?;
    let mut children = tree.root().ok()?.children();
    let mut arguments = Vec::new();
    while let Ok(Some(child)) = children.next() {
        if child.entry().tag() == gimli::DW_TAG_formal_parameter {
            arguments.push(child.entry().offset());
        }
        // Matching is quadratic; no function has so many.
        if arguments.len() > 1000 {
            return None;
        }
    }
    Some(arguments)
}

/// One variable; none when it has no name, or is only declared.
pub(super) fn variable<'data>(
    scope: Scope<'_, 'data>,
    die: UnitOffset,
    kind: VariableKind,
    address: u64,
    frame_base: Option<&Expression<'data>>,
) -> Option<Variable<'data>> {
    let description = describe(scope, die);
    let entry = scope.unit.dwarf.entry(die).ok()?;
    if entry.has_attr(gimli::DW_AT_declaration) {
        return None;
    }
    let name = match kind {
        VariableKind::Global => description.best_name(),
        _ => description.name,
    }?;
    Some(Variable {
        name: Untrusted::from_bytes(name),
        kind,
        ty: description.ty.map(TypeId),
        location: location(scope, die, address, frame_base, MOST_REFERENCES),
        declaration: description.declaration(scope),
    })
}

fn location<'data>(
    scope: Scope<'_, 'data>,
    die: UnitOffset,
    address: u64,
    frame_base: Option<&Expression<'data>>,
    references: usize,
) -> Option<VariableLocation<'data>> {
    let entry = scope.unit.dwarf.entry(die).ok()?;
    if let Some(value) = entry.attr_value(gimli::DW_AT_location) {
        let location = expression_at(scope, value, address)?;
        return Some(VariableLocation::Expression {
            location,
            frame_base: frame_base.cloned(),
        });
    }
    if let Some(value) = entry.attr(gimli::DW_AT_const_value) {
        return constants::bytes(&value.raw_value()).map(VariableLocation::Constant);
    }
    let value = entry.attr_value(gimli::DW_AT_abstract_origin)?;
    let referenced = scope.referenced(value)?;
    let left = references.checked_sub(1)?;
    location(
        referenced.scope(scope),
        referenced.entry,
        address,
        frame_base,
        left,
    )
}

/// The expression that an attribute gives, or its location list gives for an
/// address.
pub(super) fn expression_at<'data>(
    scope: Scope<'_, 'data>,
    value: AttributeValue<Slice<'data>>,
    address: u64,
) -> Option<Expression<'data>> {
    let expression = match value {
        AttributeValue::Exprloc(expression) => expression,
        value => {
            let mut list = scope.gimli().attr_locations(value).ok()??;
            loop {
                let entry = list.next().ok()??;
                let range = entry.range.begin..entry.range.end;
                if range.contains(&address) && range.end - range.start <= MOST_LENGTH {
                    break entry.data;
                }
            }
        }
    };
    Some(Expression {
        bytes: expression.0.slice(),
        encoding: scope.unit.dwarf.encoding(),
        unit: Some(scope.unit.offset),
    })
}

/// The frame base of a function (DWARF 5 §3.3.5).
pub(super) fn frame_base<'data>(
    scope: Scope<'_, 'data>,
    function: UnitOffset,
    address: u64,
) -> Option<Expression<'data>> {
    let entry = scope.unit.dwarf.entry(function).ok()?;
    expression_at(scope, entry.attr_value(gimli::DW_AT_frame_base)?, address)
}
