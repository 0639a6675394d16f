//! Pointers of two words: to a slice or to text with its length, and to an
//! object with its table of functions.

use ukdbg_image::{Type, TypeId, TypeKind, Untrusted};

use super::Value;
use super::read::{POINTER, Reader, low_word};
use super::search::{Place, Refusal};
use super::storage::Storage;
use crate::VirtAddr;

/// The two words of such a pointer.
pub(super) struct FatPointer {
    pub(super) address: VirtAddr,
    /// What the first word points to, as far as it says.
    pub(super) pointee: Option<TypeId>,
    pub(super) second: Second,
}

/// The second word.
pub(super) enum Second {
    /// Elements behind the address.
    Length(u64),
    /// The table of a trait's functions.
    Table(VirtAddr),
}

impl Reader<'_, '_> {
    /// A fat pointer's two words; rustc names them.
    pub(super) fn fat_pointer(&mut self, place: &Place) -> Result<FatPointer, Refusal> {
        let TypeKind::Struct { members, .. } = &place.ty.kind else {
            return Err(Refusal::Shape);
        };
        let [data, second] = members.as_slice() else {
            return Err(Refusal::Shape);
        };
        let names = [data, second].map(|member| member.name.as_ref().map_or("", Untrusted::raw));
        let make = match names {
            ["data_ptr", "length"] => Second::Length,
            ["pointer", "vtable"] => |word| Second::Table(VirtAddr(word)),
            _ => return Err(Refusal::Shape),
        };
        let TypeKind::Pointer(pointee) = self.part(data, &place.storage)?.ty.kind else {
            return Err(Refusal::Shape);
        };
        let mut word = |offset| place.storage.at(offset).number(POINTER, self.memory);
        Ok(FatPointer {
            address: VirtAddr(low_word(word(data.offset)?)),
            pointee,
            second: make(low_word(word(second.offset)?)),
        })
    }

    /// What a fat pointer points to.
    pub(super) fn behind_fat_pointer(
        &mut self,
        ty: &Type,
        storage: &Storage,
        depth: usize,
    ) -> Result<Value, Refusal> {
        let place = Place {
            ty: ty.clone(),
            storage: storage.clone(),
        };
        let fat = self.fat_pointer(&place)?;
        match fat.second {
            Second::Length(length) => {
                let element = fat.pointee.ok_or(Refusal::Shape)?;
                self.elements_or_text(ty, element, fat.address, length, depth)
            }
            Second::Table(table) => Ok(self.object(ty, fat.address, table, depth)),
        }
    }

    /// Elements, or text when the pointer's type says that it is that.
    pub(super) fn elements_or_text(
        &mut self,
        pointer: &Type,
        element: TypeId,
        address: VirtAddr,
        length: u64,
        depth: usize,
    ) -> Result<Value, Refusal> {
        let run = self.run(element, address, length)?;
        if let Some(invalid) = run.contradiction() {
            return Ok(invalid);
        }
        let name = pointer.name.as_ref().map_or("", Untrusted::raw);
        if is_text(name) {
            return Ok(self.text(address, length));
        }
        let element = self.resolve(element);
        let name = element.as_ref().and_then(|ty| ty.name.as_ref());
        if name.map(Untrusted::raw) == Some("CStr") {
            return Ok(self.text(address, length.saturating_sub(1)));
        }
        Ok(self.slice(&run, depth))
    }
}

/// Whether a pointer's name says that it points to text: `&str`,
/// `alloc::boxed::Box<str, …>`, `*const alloc::rc::RcInner<str>`.
pub(super) fn is_text(pointer: &str) -> bool {
    let words = pointer.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let mut words = words.filter(|word| !word.is_empty());
    let first = words.find(|word| {
        let path = ["mut", "const", "alloc", "boxed", "rc", "sync"];
        let wrapper = ["Box", "Rc", "Arc", "RcInner", "RcBox", "ArcInner"];
        !path.contains(word) && !wrapper.contains(word)
    });
    first == Some("str") && !pointer.contains('[')
}
