//! Types by the names that people type. A walk over all entries, made when it
//! is asked for: nothing else needs it.

use gimli::UnitOffset;

use super::entries::next_abbreviation;
use super::{Debug, Scope};
use crate::TypeId;
use crate::name_match::path_components;

/// Nesting of namespaces that real names stay far below.
const MOST_NESTING: usize = 64;

/// Described types of that name: the whole name, or the last components of
/// its path, with or without generic arguments.
pub(crate) fn types_named(debug: &Debug<'_>, name: &str) -> Vec<TypeId> {
    let query = path_components(name);
    let Some((&last, spaces)) = query.split_last() else {
        return Vec::new();
    };
    let wanted = Wanted {
        name: name.as_bytes(),
        last: last.as_bytes(),
        spaces,
    };
    debug.for_all_type_holders(|scope| {
        let mut found = Vec::new();
        // What was read before a malformed entry is kept.
        let _ = in_unit(scope, &wanted, &mut found);
        found
    })
}

struct Wanted<'a> {
    name: &'a [u8],
    last: &'a [u8],
    spaces: &'a [&'a str],
}

impl Wanted<'_> {
    fn is(&self, name: &[u8], spaces: &[(isize, Vec<u8>)]) -> bool {
        if name == self.name {
            return true;
        }
        let bare = name.split(|&byte| byte == b'<').next().unwrap_or(name);
        let same_name = bare == self.last;
        let mut around = spaces.iter().rev().map(|(_, space)| space.as_slice());
        same_name
            && self
                .spaces
                .iter()
                .rev()
                .all(|wanted| around.next() == Some(wanted.as_bytes()))
    }
}

fn in_unit(
    scope: Scope<'_, '_>,
    wanted: &Wanted<'_>,
    found: &mut Vec<TypeId>,
) -> gimli::Result<()> {
    let mut entries = scope.unit.dwarf.entries_raw(None)?;
    // Namespaces around the entry, each with its depth.
    let mut spaces: Vec<(isize, Vec<u8>)> = Vec::new();
    while !entries.is_empty() {
        let (die, depth) = (entries.next_offset(), entries.next_depth());
        let Some(abbreviation) = next_abbreviation(&mut entries)? else {
            continue;
        };
        while spaces.last().is_some_and(|&(outer, _)| outer >= depth) {
            spaces.pop();
        }
        let tag = abbreviation.tag();
        let is_space = tag == gimli::DW_TAG_namespace;
        if !is_space && !names_a_type(tag) {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let (mut name, mut declared_only) = (None, false);
        for &specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(specification)?;
            match attribute.name() {
                gimli::DW_AT_name => name = scope.string(attribute.value()),
                gimli::DW_AT_declaration => declared_only = true,
                _ => {}
            }
        }
        let Some(name) = name else { continue };
        if is_space {
            if spaces.len() < MOST_NESTING {
                spaces.push((depth, name.to_vec()));
            }
        } else if !declared_only && wanted.is(name, &spaces) {
            found.push(type_id(scope, die));
        }
    }
    Ok(())
}

fn type_id(scope: Scope<'_, '_>, die: UnitOffset) -> TypeId {
    TypeId(scope.unit.offset.saturating_add(die.0))
}

fn names_a_type(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_base_type
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_typedef
    )
}
