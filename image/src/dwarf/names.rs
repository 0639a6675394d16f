//! What entries are called: names through `DW_AT_abstract_origin` and
//! `DW_AT_specification`, and where they are declared.

use std::num::NonZeroU32;

use gimli::{AttributeValue, UnitOffset};

use super::{Scope, Slice};
use crate::SourceLocation;

/// References to follow before giving up: real chains have three.
const MOST_REFERENCES: usize = 16;

/// What an entry, or an entry it refers to, says about itself.
#[derive(Default)]
pub(crate) struct Description<'data> {
    /// The linkage name.
    pub(crate) linkage: Option<&'data [u8]>,
    /// The name in the source.
    pub(crate) name: Option<&'data [u8]>,
    /// Whether it is said never to return.
    pub(crate) noreturn: bool,
    /// Where it is declared, with the offset of the unit that says so.
    declared: Option<(Place, usize)>,
    /// The position of its type.
    pub(crate) ty: Option<usize>,
}

impl<'data> Description<'data> {
    /// The name that a linker knows, or else the only one there is.
    pub(crate) fn best_name(&self) -> Option<&'data [u8]> {
        self.linkage.or(self.name)
    }

    /// Where it is declared, for the scope it was described in.
    pub(crate) fn declaration(&self, scope: Scope<'_, '_>) -> Option<SourceLocation> {
        let (place, offset) = self.declared?;
        if offset == scope.unit.offset {
            return place.location(scope);
        }
        let unit = scope.debug.unit(offset)?;
        let debug = scope.debug;
        place.location(Scope { debug, unit: &unit })
    }
}

/// Describes an entry. What is said nearer to it outranks what is said
/// further along the chain.
pub(crate) fn describe<'data>(scope: Scope<'_, 'data>, entry: UnitOffset) -> Description<'data> {
    let mut description = Description::default();
    describe_into(&mut description, scope, entry, MOST_REFERENCES);
    description
}

fn describe_into<'data>(
    description: &mut Description<'data>,
    scope: Scope<'_, 'data>,
    entry: UnitOffset,
    references: usize,
) {
    let Ok(entry) = scope.unit.dwarf.entry(entry) else {
        return;
    };
    let mut next = None;
    let mut place = Place::default();
    for attribute in entry.attrs() {
        let value = attribute.value();
        match attribute.name() {
            gimli::DW_AT_linkage_name | gimli::DW_AT_MIPS_linkage_name => {
                description.linkage = description.linkage.or_else(|| scope.string(value));
            }
            gimli::DW_AT_name => {
                description.name = description.name.or_else(|| scope.string(value));
            }
            gimli::DW_AT_noreturn => description.noreturn |= value == AttributeValue::Flag(true),
            gimli::DW_AT_decl_file => place.file = file_index(value),
            gimli::DW_AT_decl_line => place.line = value.udata_value(),
            gimli::DW_AT_decl_column => place.column = value.udata_value(),
            gimli::DW_AT_type => {
                description.ty = description.ty.or_else(|| scope.position(value));
            }
            gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => next = Some(value),
            _ => {}
        }
    }
    if description.declared.is_none() && place.file.is_some() {
        description.declared = Some((place, scope.unit.offset));
    }
    if let Some(value) = next
        && let Some(left) = references.checked_sub(1)
        && let Some(referenced) = scope.referenced(value)
    {
        describe_into(description, referenced.scope(scope), referenced.entry, left);
    }
}

/// A file attribute's index.
pub(crate) fn file_index(value: AttributeValue<Slice<'_>>) -> Option<u64> {
    match value {
        AttributeValue::FileIndex(index) => Some(index),
        value => value.udata_value(),
    }
}

/// A place as attributes give it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) file: Option<u64>,
    pub(crate) line: Option<u64>,
    pub(crate) column: Option<u64>,
}

impl Place {
    /// The place with its file read from the unit's line table.
    pub(crate) fn location(self, scope: Scope<'_, '_>) -> Option<SourceLocation> {
        let number = |value: Option<u64>| {
            value
                .and_then(|value| u32::try_from(value).ok())
                .and_then(NonZeroU32::new)
        };
        Some(SourceLocation {
            file: super::files::file_path(scope, self.file?)?,
            line: number(self.line),
            column: number(self.column),
        })
    }
}
