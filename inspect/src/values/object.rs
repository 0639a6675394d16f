//! `&dyn Trait` and `Box<dyn Trait>`: the table of functions says what the
//! value is.

use ukdbg_image::{Type, TypeId, TypeKind, Untrusted};

use super::read::{POINTER, Reader};
use super::search::past;
use super::storage::Storage;
use super::{Follow, Value};
use crate::VirtAddr;
use crate::memory::read_u64;

impl Reader<'_, '_> {
    /// The value at `address`, whose type a table of functions knows.
    pub(super) fn object(
        &mut self,
        pointer: &Type,
        address: VirtAddr,
        table: VirtAddr,
        depth: usize,
    ) -> Value {
        let value = self.concrete(table).map(|(ty, path)| {
            let name = pointer.name.as_ref().map_or("", Untrusted::raw);
            let follow = self.limits.follow == Follow::Everything || !name.starts_with(['&', '*']);
            Box::new(self.object_value(ty, &path, address, follow, depth))
        });
        Value::Object {
            name: pointer.name.clone(),
            address,
            table,
            value,
        }
    }

    /// The type that a table is for, and its path. The table's second word is
    /// the type's size: another size, and it is no such table.
    fn concrete(&mut self, table: VirtAddr) -> Option<(TypeId, String)> {
        let (module, link) = self.modules.find(table)?;
        if !std::ptr::eq(&raw const *module.image, self.image) {
            return None;
        }
        let known = self.image.virtual_table_at(link)?;
        let ty = known.concrete?;
        let size = read_u64(self.memory, past(table, POINTER)).ok()?;
        (self.size_of(ty)? == size).then(|| (ty, implementor(known.name.raw()).to_owned()))
    }

    fn object_value(
        &mut self,
        id: TypeId,
        path: &str,
        address: VirtAddr,
        follow: bool,
        depth: usize,
    ) -> Value {
        let resolved = self.resolve(id);
        let kind = resolved.as_ref().map(|ty| &ty.kind);
        let mut value = match kind {
            Some(TypeKind::Struct {
                members,
                variants: None,
            }) if !follow || depth >= self.limits.depth => Value::Structure {
                name: resolved.as_ref().and_then(|ty| ty.name.clone()),
                fields: Vec::new(),
                omitted: members.len(),
            },
            _ => self.value(Some(id), &Storage::Memory(address), depth + 1),
        };
        // A closure's own name says nothing of where it is from.
        if let Value::Structure {
            name: Some(name), ..
        } = &mut value
            && name.raw().starts_with('{')
        {
            *name = Untrusted::from(path);
        }
        value
    }
}

/// The type in `<Type as Trait>::{vtable}`.
fn implementor(table: &str) -> &str {
    let mut depth = 0_i32;
    let mut end = None;
    for (at, letter) in table.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            // The arrow of a function's type closes nothing.
            '>' if table[..at].ends_with('-') => {}
            '>' | ')' | ']' => depth -= 1,
            ' ' if depth == 1 && table[at..].starts_with(" as ") => {
                end = Some(at);
                break;
            }
            _ => {}
        }
    }
    end.and_then(|end| table.get(1..end)).unwrap_or(table)
}

#[cfg(test)]
mod tests {
    use super::implementor;

    #[test]
    fn the_type_that_a_table_is_for() {
        let check = |table: &str, expected: &str| assert_eq!(implementor(table), expected);
        check("<a::Monitor as a::Observer>::{vtable}", "a::Monitor");
        check(
            "<a::B<<c::D as e::F>::G> as h::I>::{vtable}",
            "a::B<<c::D as e::F>::G>",
        );
        check("<fn(u8) -> u8 as a::T>::{vtable}", "fn(u8) -> u8");
        check(
            "<a::main::{closure_env#0} as b::C<()>>::{vtable}",
            "a::main::{closure_env#0}",
        );
        check("", "");
        check("<<<", "<<<");
    }
}
