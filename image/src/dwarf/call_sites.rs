//! Calls as compilers describe them (DWARF 5 §3.4, and GNU's form of it in
//! DWARF 4): what a caller still knows of the arguments it passed, and which
//! functions are left by a jump to another. Whose caller it is, and whether it
//! called just this function, is for those to say who see the machine.

use std::collections::BTreeSet;

use gimli::{AttributeValue, Operation, UnitOffset};

use super::entries::next_abbreviation;
use super::functions::UnitFunction;
use super::variables::{expression_at, frame_base};
use super::{Debug, Scope, Slice};
use crate::{CallSite, DwarfRegister, Expression};

/// Functions looked at for a way back to the first.
const MOST_FUNCTIONS: usize = 256;
/// Arguments of one call.
const MOST_ARGUMENTS: usize = 64;

/// A call's entry.
#[derive(Default)]
struct Call<'data> {
    die: Option<UnitOffset>,
    returns_to: Option<u64>,
    is_tail: bool,
    origin: Option<AttributeValue<Slice<'data>>>,
    target: Option<AttributeValue<Slice<'data>>>,
}

/// The call that returns to an address.
pub(crate) fn call_site<'data>(debug: &Debug<'data>, returns_to: u64) -> Option<CallSite<'data>> {
    let at = returns_to.checked_sub(1)?;
    let unit = debug.unit_at(at)?;
    let scope = Scope { debug, unit: &unit };
    let function = scope.function_at(at)?;
    let calls = calls(scope, function.die);
    let call = calls
        .iter()
        .find(|call| call.returns_to == Some(returns_to))?;
    let expression = |value| expression_at(scope, value, at);
    Some(CallSite {
        arguments: arguments(scope, call.die?, &expression),
        target: call.target.and_then(expression),
        frame_base: frame_base(scope, function.die, at),
    })
}

/// What is known of the registers at the callee's entry.
fn arguments<'data>(
    scope: Scope<'_, 'data>,
    call: UnitOffset,
    expression: &impl Fn(AttributeValue<Slice<'data>>) -> Option<Expression<'data>>,
) -> Vec<(DwarfRegister, Expression<'data>)> {
    let mut arguments = Vec::new();
    let Ok(mut tree) = scope.unit.dwarf.entries_tree(Some(call)) else {
        return arguments;
    };
    let Ok(root) = tree.root() else {
        return arguments;
    };
    let mut children = root.children();
    while let Ok(Some(child)) = children.next() {
        let entry = child.entry();
        let is_argument = matches!(
            entry.tag(),
            gimli::DW_TAG_call_site_parameter | gimli::DW_TAG_GNU_call_site_parameter
        );
        let value = entry
            .attr_value(gimli::DW_AT_call_value)
            .or_else(|| entry.attr_value(gimli::DW_AT_GNU_call_site_value));
        let location = entry.attr_value(gimli::DW_AT_location);
        let location = location.and_then(|location| location.exprloc_value());
        if is_argument
            && let (Some(location), Some(value)) = (location, value.and_then(expression))
            && let Some(register) = only_register(location.0, scope.unit.dwarf.encoding())
            && arguments.len() < MOST_ARGUMENTS
        {
            arguments.push((register, value));
        }
    }
    arguments
}

/// The register that an expression is, if it is nothing else.
pub(super) fn only_register(
    expression: Slice<'_>,
    encoding: gimli::Encoding,
) -> Option<DwarfRegister> {
    let mut operations = gimli::Expression(expression).operations(encoding);
    let first = operations.next().ok()??;
    match (first, operations.next().ok()?) {
        (Operation::Register { register }, None) => Some(DwarfRegister(register.0)),
        _ => None,
    }
}

/// Whether a function may be entered again by jumps, of its own or of those it
/// jumps to, without a call: its frame then says nothing of how its caller
/// called it. True unless the compiler describes every such jump.
pub(crate) fn may_jump_back(
    debug: &Debug<'_>,
    entry: u64,
    symbols: impl Fn(&[u8]) -> Vec<u64>,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![entry];
    while let Some(function) = next.pop() {
        let Some(targets) = jumps(debug, function, &symbols) else {
            return true;
        };
        for target in targets {
            if target == entry || seen.len() > MOST_FUNCTIONS {
                return true;
            }
            if seen.insert(target) {
                next.push(target);
            }
        }
    }
    false
}

/// Entries of the functions that one is left to by jumps; none when they are
/// not all known.
fn jumps(debug: &Debug<'_>, entry: u64, symbols: &impl Fn(&[u8]) -> Vec<u64>) -> Option<Vec<u64>> {
    let unit = debug.unit_at(entry)?;
    let scope = Scope { debug, unit: &unit };
    let function = scope.function_at(entry)?;
    if function.entry != entry || !describes_jumps(scope, function) {
        return None;
    }
    let mut targets = Vec::new();
    for call in calls(scope, function.die) {
        if call.is_tail {
            let found = entries_of(scope, call.origin?, symbols);
            if found.is_empty() {
                return None;
            }
            targets.extend(found);
        }
    }
    Some(targets)
}

/// Whether every jump out of a function has an entry (DWARF 5 §3.3.1.3).
fn describes_jumps(scope: Scope<'_, '_>, function: &UnitFunction) -> bool {
    let Ok(entry) = scope.unit.dwarf.entry(function.die) else {
        return false;
    };
    [
        gimli::DW_AT_call_all_calls,
        gimli::DW_AT_call_all_source_calls,
        gimli::DW_AT_call_all_tail_calls,
        gimli::DW_AT_GNU_all_call_sites,
        gimli::DW_AT_GNU_all_tail_call_sites,
        gimli::DW_AT_GNU_all_source_call_sites,
    ]
    .into_iter()
    .any(|name| entry.attr_value(name) == Some(AttributeValue::Flag(true)))
}

/// Where the functions that an entry stands for are entered: all copies of an
/// abstract one, and every symbol of a declared one's name.
fn entries_of<'data>(
    scope: Scope<'_, 'data>,
    origin: AttributeValue<Slice<'data>>,
    symbols: &impl Fn(&[u8]) -> Vec<u64>,
) -> Vec<u64> {
    let Some(origin) = scope.referenced(origin) else {
        return Vec::new();
    };
    let unit = origin.scope(scope);
    let same_unit = unit.unit.offset == scope.unit.offset;
    let copies = scope.functions().all().iter().filter(|function| {
        let refers = |name| {
            let entry = scope.unit.dwarf.entry(function.die).ok()?;
            scope.position(entry.attr_value(name)?)
        };
        let position = unit.unit.offset.checked_add(origin.entry.0);
        (same_unit && function.die == origin.entry)
            || (position.is_some()
                && (refers(gimli::DW_AT_abstract_origin) == position
                    || refers(gimli::DW_AT_specification) == position))
    });
    let mut entries: Vec<u64> = copies.map(|function| function.entry).collect();
    if let Some(name) = super::names::describe(unit, origin.entry).best_name() {
        entries.extend(symbols(name));
    }
    entries
}

/// The calls of a function, those in its blocks and inlined calls included.
fn calls<'data>(scope: Scope<'_, 'data>, function: UnitOffset) -> Vec<Call<'data>> {
    let mut calls = Vec::new();
    // What was read before a malformed entry is kept.
    let _ = read_calls(scope, function, &mut calls);
    calls
}

fn read_calls<'data>(
    scope: Scope<'_, 'data>,
    function: UnitOffset,
    calls: &mut Vec<Call<'data>>,
) -> gimli::Result<()> {
    let mut entries = scope.unit.dwarf.entries_raw(Some(function))?;
    if let Some(abbreviation) = next_abbreviation(&mut entries)? {
        entries.skip_attributes(abbreviation.attributes())?;
    }
    while entries.next_depth() > 0 {
        let die = entries.next_offset();
        let Some(abbreviation) = next_abbreviation(&mut entries)? else {
            continue;
        };
        let is_call = matches!(
            abbreviation.tag(),
            gimli::DW_TAG_call_site | gimli::DW_TAG_GNU_call_site
        );
        if !is_call {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let mut call = Call {
            die: Some(die),
            ..Call::default()
        };
        for &specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(specification)?;
            call.note(scope, &attribute);
        }
        calls.push(call);
    }
    Ok(())
}

impl<'data> Call<'data> {
    fn note(&mut self, scope: Scope<'_, 'data>, attribute: &gimli::Attribute<Slice<'data>>) {
        let value = attribute.value();
        match attribute.name() {
            // GNU's form gives the same address under another name.
            gimli::DW_AT_call_return_pc | gimli::DW_AT_low_pc => {
                self.returns_to = scope.gimli().attr_address(value).ok().flatten();
            }
            gimli::DW_AT_call_tail_call | gimli::DW_AT_GNU_tail_call => {
                self.is_tail = value == AttributeValue::Flag(true);
            }
            gimli::DW_AT_call_origin | gimli::DW_AT_abstract_origin => self.origin = Some(value),
            gimli::DW_AT_call_target | gimli::DW_AT_GNU_call_site_target => {
                self.target = Some(value);
            }
            _ => {}
        }
    }
}
