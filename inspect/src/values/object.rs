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
        let guess = match value {
            Some(_) => None,
            None => self.guess(table).map(Untrusted::from),
        };
        Value::Object {
            name: pointer.name.clone(),
            address,
            table,
            value,
            guess,
        }
    }

    /// The type that the functions of a table are named after. The table
    /// begins with the function that drops the type, its size and its
    /// alignment; a type that needs no dropping has none.
    fn guess(&mut self, table: VirtAddr) -> Option<String> {
        const FIRST_METHOD: u64 = 3 * POINTER;
        let mut function = |offset| {
            let code = read_u64(self.memory, past(table, offset)).ok()?;
            let (module, link) = self.modules.find_executable(VirtAddr(code))?;
            let function = module.image.function_at(link)?;
            (function.entry == link).then(|| function.name.demangled.raw().to_owned())
        };
        // What drops a type is merged with what drops its only field.
        let implements = function(FIRST_METHOD).and_then(|name| {
            let of = implementor(&name);
            (of != name).then(|| of.to_owned())
        });
        implements.or_else(|| dropped(&function(0)?).map(str::to_owned))
    }

    /// The type that a table is for, and its path. The table's second word is
    /// the type's size: another size, and it is no such table.
    pub(super) fn concrete(&mut self, table: VirtAddr) -> Option<(TypeId, String)> {
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

/// The type in `core::ptr::drop_in_place::<Type>`.
fn dropped(function: &str) -> Option<&str> {
    let (_, rest) = function.split_once("drop_in_place")?;
    let rest = rest.strip_prefix("::").unwrap_or(rest);
    rest.strip_prefix('<')?.strip_suffix('>')
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
    use super::{dropped, implementor};

    #[test]
    fn the_type_that_is_dropped() {
        let check = |function: &str, expected| assert_eq!(dropped(function), expected);
        check("core::ptr::drop_in_place::<a::B<c::D>>", Some("a::B<c::D>"));
        check("core::ptr::drop_in_place<a::B>", Some("a::B"));
        check("core::ptr::drop_in_place", None);
        check("a::drop", None);
    }

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
