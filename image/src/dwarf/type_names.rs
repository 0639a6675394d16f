//! Types by the names that people type. A walk over all entries, made when it
//! is asked for: nothing else needs it.

use gimli::UnitOffset;

use super::abbreviation_lengths::Kinds;
use super::skim::Skim;
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
    fn is(&self, name: &[u8], spaces: &[(isize, &[u8])]) -> bool {
        if name == self.name {
            return true;
        }
        let bare = name.split(|&byte| byte == b'<').next().unwrap_or(name);
        let same_name = bare == self.last;
        let mut around = spaces.iter().rev().map(|&(_, space)| space);
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
    let mut entries = Skim::whole(scope)?;
    // Namespaces around the entry, each with its depth.
    let mut spaces: Vec<(isize, &[u8])> = Vec::new();
    while let Some(entry) = entries.next_of(Kinds::NAMESPACE.or(Kinds::NAMED_TYPE)) {
        while spaces.pop_if(|it| it.0 >= entry.least_depth).is_some() {}
        let mut name = None;
        entries.attributes(|attribute| {
            if attribute.name() == gimli::DW_AT_name {
                name = scope.string(attribute.value());
            }
        })?;
        let Some(name) = name else { continue };
        if entry.kinds.meets(Kinds::NAMED_TYPE) {
            if wanted.is(name, &spaces) {
                found.push(type_id(scope, entry.offset));
            }
        } else if spaces.len() < MOST_NESTING {
            spaces.push((entry.depth, name));
        }
    }
    Ok(())
}

fn type_id(scope: Scope<'_, '_>, die: UnitOffset) -> TypeId {
    TypeId(scope.unit.offset.saturating_add(die.0))
}
