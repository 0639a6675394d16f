//! Finding the parts of a library's type by the names and shapes of its
//! members, at whatever depth a version of the library keeps them. Not what
//! the parts mean.

use ukdbg_image::{Member, Type, TypeId, TypeKind, Untrusted};

use super::Missing;
use super::read::{MOST_ALIASES, POINTER, Reader, low_word};
use super::storage::Storage;
use crate::VirtAddr;

/// Levels of structures looked through for a member.
const MOST_LEVELS: usize = 6;
/// Types read in one search.
const MOST_TYPES: usize = 100;

/// A part of a value: its type and where it is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) ty: Type,
    pub(super) storage: Storage,
}

/// Why a value is not shown as what its type's name says.
pub(super) enum Refusal {
    /// The type is not built like that one.
    Shape,
    /// A part that is needed is not known.
    Missing(Missing),
}

impl From<Missing> for Refusal {
    fn from(why: Missing) -> Self {
        Self::Missing(why)
    }
}

impl Reader<'_, '_> {
    /// The member's place within a value.
    pub(super) fn part(&self, member: &Member, storage: &Storage) -> Result<Place, Refusal> {
        let ty = member.ty.and_then(|id| self.resolve(id));
        Ok(Place {
            ty: ty.ok_or(Refusal::Shape)?,
            storage: storage.at(member.offset),
        })
    }

    /// The member of that name nearest to the top.
    pub(super) fn find(&self, place: &Place, name: &str) -> Result<Place, Refusal> {
        let mut left = MOST_TYPES;
        let mut level = vec![place.clone()];
        for _ in 0..MOST_LEVELS {
            let mut next = Vec::new();
            for place in &level {
                for member in members(&place.ty.kind) {
                    left = left.checked_sub(1).ok_or(Refusal::Shape)?;
                    let Ok(part) = self.part(member, &place.storage) else {
                        continue;
                    };
                    if member.name.as_ref().map(Untrusted::raw) == Some(name) {
                        return Ok(part);
                    }
                    next.push(part);
                }
            }
            level = next;
        }
        Err(Refusal::Shape)
    }

    /// What is inside wrappers of one member (members without size do not
    /// count), and inside a union's `value`.
    pub(super) fn peel(&self, mut place: Place) -> Place {
        for _ in 0..MOST_ALIASES {
            match self.only_part(&place) {
                Some(part) => place = part,
                None => break,
            }
        }
        place
    }

    /// The only member with a size.
    pub(super) fn only_part(&self, place: &Place) -> Option<Place> {
        let (list, is_union) = match &place.ty.kind {
            TypeKind::Struct {
                members,
                variants: None,
            } => (members, false),
            TypeKind::Union { members } => (members, true),
            _ => return None,
        };
        let mut sized = list
            .iter()
            .filter(|member| member.bits.is_none())
            .filter_map(|member| self.part(member, &place.storage).ok())
            .filter(|part| part.ty.size != Some(0));
        let part = sized.next()?;
        let alone = sized.next().is_none() && (!is_union || list.len() == 2);
        alone.then_some(part)
    }

    /// A whole number, wrapped or not.
    pub(super) fn whole(&mut self, place: Place) -> Result<u64, Refusal> {
        let place = self.peel(place);
        match place.ty.kind {
            TypeKind::Base(_) => {
                let size = place.ty.size.filter(|&size| size <= POINTER);
                let size = size.ok_or(Refusal::Shape)?;
                Ok(low_word(place.storage.number(size, self.memory)?))
            }
            _ => Err(Refusal::Shape),
        }
    }

    /// The whole number that a member of that name holds.
    pub(super) fn whole_of(&mut self, place: &Place, name: &str) -> Result<u64, Refusal> {
        let part = self.find(place, name)?;
        self.whole(part)
    }

    /// A thin pointer, wrapped or not, and the type of what it points to.
    pub(super) fn thin(&mut self, place: Place) -> Result<(VirtAddr, Option<TypeId>), Refusal> {
        let place = self.peel(place);
        match place.ty.kind {
            TypeKind::Pointer(pointee) => {
                let bits = place.storage.number(POINTER, self.memory)?;
                Ok((VirtAddr(low_word(bits)), pointee))
            }
            _ => Err(Refusal::Shape),
        }
    }

    /// The thin pointer that a member of that name holds.
    pub(super) fn thin_of(
        &mut self,
        place: &Place,
        name: &str,
    ) -> Result<(VirtAddr, Option<TypeId>), Refusal> {
        let part = self.find(place, name)?;
        self.thin(part)
    }

    /// A value of a type in memory.
    pub(super) fn place_at(&self, ty: Option<TypeId>, at: VirtAddr) -> Result<Place, Refusal> {
        Ok(Place {
            ty: ty.and_then(|id| self.resolve(id)).ok_or(Refusal::Shape)?,
            storage: Storage::Memory(at),
        })
    }
}

/// The type that a generic type's parameter stands for.
pub(super) fn parameter(ty: &Type, name: &str) -> Result<TypeId, Refusal> {
    let named = ty
        .parameters
        .iter()
        .find(|parameter| parameter.name.as_ref().map(Untrusted::raw) == Some(name));
    named
        .and_then(|parameter| parameter.ty)
        .ok_or(Refusal::Shape)
}

/// Members, of the data-carrying variants of an enum too.
fn members(kind: &TypeKind) -> Vec<&Member> {
    match kind {
        TypeKind::Struct { members, variants } => {
            let variants = variants.iter().flat_map(|part| &part.variants);
            let of_variants = variants.flat_map(|variant| &variant.members);
            members.iter().chain(of_variants).collect()
        }
        TypeKind::Union { members } => members.iter().collect(),
        _ => Vec::new(),
    }
}

/// The address so many bytes on, in an address space that wraps.
pub(super) fn past(at: VirtAddr, bytes: u64) -> VirtAddr {
    VirtAddr(at.0.wrapping_add(bytes))
}
