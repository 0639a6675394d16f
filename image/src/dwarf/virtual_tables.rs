//! Tables of traits' functions, by address. rustc describes each as a constant
//! whose type says, by `DW_AT_containing_type`, which type it is for.

use std::collections::BTreeMap;

use gimli::{Operation, UnitOffset};

use super::names::describe;
use super::{Debug, Scope};
use crate::{TypeId, Untrusted, VirtualTable};

/// How rustc ends such a constant's name.
pub(super) const SUFFIX: &[u8] = b"{vtable}";

/// All tables of an image.
pub(super) struct VirtualTables(BTreeMap<u64, Table>);

struct Table {
    name: Vec<u8>,
    concrete: Option<TypeId>,
}

impl VirtualTables {
    pub(super) fn new<'names>(
        entries: impl Iterator<Item = (&'names [u8], usize, UnitOffset)>,
        debug: &Debug<'_>,
    ) -> Self {
        let mut tables = BTreeMap::<u64, Table>::new();
        for (name, unit, die) in entries {
            let Some(unit) = debug.unit(unit) else {
                continue;
            };
            let scope = Scope { debug, unit: &unit };
            let Some(address) = address(scope, die) else {
                continue;
            };
            let concrete = concrete(scope, die);
            tables
                .entry(address)
                // An optimiser makes one of equal constants. Units that share a
                // table describe it once each, under one name.
                .and_modify(|table| {
                    if table.name != name {
                        table.concrete = None;
                    }
                })
                .or_insert_with(|| Table {
                    name: name.to_vec(),
                    concrete,
                });
        }
        Self(tables)
    }

    pub(super) fn at(&self, address: u64) -> Option<VirtualTable> {
        let table = self.0.get(&address)?;
        Some(VirtualTable {
            name: Untrusted::from_bytes(&table.name),
            concrete: table.concrete,
        })
    }
}

/// Where a variable is, when its location is an address alone.
fn address(scope: Scope<'_, '_>, die: UnitOffset) -> Option<u64> {
    let entry = scope.unit.dwarf.entry(die).ok()?;
    let location = entry.attr_value(gimli::DW_AT_location)?.exprloc_value()?;
    let mut operations = location.operations(scope.unit.dwarf.encoding());
    let address = match operations.next().ok()?? {
        Operation::Address { address } => address,
        Operation::AddressIndex { index } => scope.gimli().address(index).ok()?,
        _ => return None,
    };
    operations.next().ok()?.is_none().then_some(address)
}

/// The type that a table is for.
fn concrete(scope: Scope<'_, '_>, die: UnitOffset) -> Option<TypeId> {
    let offset = describe(scope, die).ty?;
    let unit = scope.debug.unit_containing(offset)?;
    let scope = Scope {
        debug: scope.debug,
        unit: &unit,
    };
    let entry = UnitOffset(offset.checked_sub(unit.offset)?);
    let entry = unit.dwarf.entry(entry).ok()?;
    let value = entry.attr_value(gimli::DW_AT_containing_type)?;
    scope.position(value).map(TypeId)
}
