//! Globals and statics of an image: variables at a fixed address, found by
//! name.

use std::sync::OnceLock;

use gimli::{AttributeValue, UnitOffset};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::abbreviation_lengths::Kinds;
use super::names::describe;
use super::skim::Skim;
use super::variables::variable;
use super::virtual_tables::{self, VirtualTables};
use super::{Debug, Scope};
use crate::name_match::{ends_with, path_components};
use crate::{Untrusted, Variable, VariableKind, VirtualTable, demangle};

/// All variables at fixed addresses, in the order of `.debug_info`.
#[derive(Serialize, Deserialize)]
pub(crate) struct GlobalIndex<'data> {
    #[serde(borrow)]
    globals: Vec<Global<'data>>,
    #[serde(skip)]
    virtual_tables: OnceLock<VirtualTables>,
}

#[derive(Serialize, Deserialize)]
struct Global<'data> {
    /// The linkage name, or the only name there is.
    name: &'data [u8],
    unit: usize,
    /// Offset in the unit.
    die: usize,
}

impl<'data> GlobalIndex<'data> {
    pub(crate) fn new(debug: &Debug<'data>) -> Self {
        Self {
            globals: debug.for_all_units_once(|scope| {
                let mut globals = Vec::new();
                // What was read before a malformed entry is kept.
                let _ = in_unit(scope, &mut globals);
                globals
            }),
            virtual_tables: OnceLock::new(),
        }
    }

    /// The table of a trait's functions that begins at an address.
    pub(crate) fn virtual_table_at(
        &self,
        address: u64,
        debug: &Debug<'data>,
    ) -> Option<VirtualTable> {
        let tables = self.virtual_tables.get_or_init(|| {
            let entries = self.globals.iter().filter_map(|global| {
                let is_table = global.name.ends_with(virtual_tables::SUFFIX);
                is_table.then_some((global.name, global.unit, UnitOffset(global.die)))
            });
            VirtualTables::new(entries, debug)
        });
        tables.at(address)
    }

    pub(crate) fn named(&self, name: &str, debug: &Debug<'data>) -> Vec<Variable<'data>> {
        let query = path_components(name);
        let globals = self.globals.par_iter().filter_map(|global| {
            let linkage = String::from_utf8_lossy(global.name);
            let demangled = demangle::demangled(&linkage).unwrap_or_else(|| linkage.to_string());
            let wanted = linkage == name || demangled == name || ends_with(&demangled, &query);
            if !wanted {
                return None;
            }
            let unit = debug.unit(global.unit)?;
            let scope = Scope { debug, unit: &unit };
            let die = UnitOffset(global.die);
            // An index that was kept is not believed against the image.
            if describe(scope, die).best_name() != Some(global.name) {
                return None;
            }
            let mut variable = variable(scope, die, VariableKind::Global, 0, None)?;
            variable.name = Untrusted::from(demangled);
            Some(variable)
        });
        globals.collect()
    }
}

fn in_unit<'data>(scope: Scope<'_, 'data>, globals: &mut Vec<Global<'data>>) -> gimli::Result<()> {
    let mut entries = Skim::whole(scope)?;
    while let Some(entry) = entries.next_of(Kinds::PLACED_VARIABLE) {
        let mut fixed = false;
        entries.attributes(|attribute| {
            if attribute.name() == gimli::DW_AT_location
                && let AttributeValue::Exprloc(expression) = attribute.value()
            {
                fixed = begins_with_address(expression.0.slice());
            }
        })?;
        if fixed && let Some(name) = describe(scope, entry.offset).best_name() {
            globals.push(Global {
                name,
                unit: scope.unit.offset,
                die: entry.offset.0,
            });
        }
    }
    Ok(())
}

fn begins_with_address(expression: &[u8]) -> bool {
    let operation = expression.first().map(|&first| gimli::DwOp(first));
    matches!(
        operation,
        Some(gimli::DW_OP_addr | gimli::DW_OP_addrx | gimli::DW_OP_GNU_addr_index)
    )
}
