//! Pointers that own what they point to: `Box`, `Rc`, `Arc`.

use ukdbg_image::{Type, TypeId, TypeKind, Untrusted};

use super::fat_pointer::Second;
use super::read::{POINTER, Reader};
use super::search::{Place, Refusal, past};
use super::sequence::Run;
use super::{ShareCounts, Value};
use crate::VirtAddr;
use crate::memory::read_u64;

/// Whether a pointer's type is a `Box`.
pub(super) fn is_box(ty: &Type) -> bool {
    let name = ty.name.as_ref().map_or("", Untrusted::raw);
    name.starts_with("alloc::boxed::Box<")
}

impl Reader<'_, '_> {
    /// What is owned at an address.
    pub(super) fn owned(
        &mut self,
        address: VirtAddr,
        ty: Option<TypeId>,
        shared: Option<ShareCounts>,
        depth: usize,
    ) -> Value {
        let value = if depth < self.limits.depth {
            let storage = super::storage::Storage::Memory(address);
            self.value(ty, &storage, depth + 1)
        } else {
            Value::Elided
        };
        Value::Owned {
            address,
            value: Box::new(value),
            shared,
        }
    }

    /// `Rc<T>` and `Arc<T>`: two counts, then the value.
    pub(super) fn counted(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let pointer = self.find(place, "ptr")?;
        let pointer = self.peel(pointer);
        if let TypeKind::Pointer(inner) = pointer.ty.kind {
            let (address, _) = self.thin(pointer)?;
            let inner = self.place_at(inner, address)?;
            let (offset, ty) = self.counted_value(&inner)?;
            let shared = self.share_counts(&inner);
            return Ok(self.owned(past(address, offset), Some(ty), shared, depth));
        }
        let fat = self.fat_pointer(&pointer)?;
        let inner = self.place_at(fat.pointee, fat.address)?;
        match fat.second {
            Second::Length(length) => {
                let (offset, element) = self.counted_value(&inner)?;
                let at = past(fat.address, offset);
                let value = self.elements_or_text(&pointer.ty, element, at, length, depth)?;
                Ok(Value::Owned {
                    address: at,
                    value: Box::new(value),
                    shared: self.share_counts(&inner),
                })
            }
            Second::Table(table) => {
                let at = self.behind_counts(fat.address, table);
                Ok(self.object(&place.ty, at, table, depth))
            }
        }
    }

    /// Where an object is behind its counts, which are two words: at the next
    /// multiple of its own alignment, the table's third word.
    fn behind_counts(&mut self, address: VirtAddr, table: VirtAddr) -> VirtAddr {
        let counts = 2 * POINTER;
        let alignment = read_u64(self.memory, past(table, 2 * POINTER)).ok();
        let alignment = alignment.filter(|word| word.is_power_of_two()).unwrap_or(1);
        let offset = counts.checked_next_multiple_of(alignment).unwrap_or(counts);
        past(address, offset)
    }

    /// Where what an `Rc`, an `Arc` or a pointer to an object leads to is, and
    /// its type.
    pub(super) fn led_to(&mut self, place: &Place) -> Result<(VirtAddr, TypeId), Refusal> {
        let name = place.ty.name.as_ref().map_or("", Untrusted::raw);
        let counted = name.starts_with("Rc<") || name.starts_with("Arc<");
        let pointer = match counted {
            true => self.find(place, "ptr")?,
            false => place.clone(),
        };
        let pointer = self.peel(pointer);
        if let TypeKind::Pointer(inner) = pointer.ty.kind {
            if !counted {
                return Err(Refusal::Shape);
            }
            let (address, _) = self.thin(pointer)?;
            let inner = self.place_at(inner, address)?;
            let (offset, ty) = self.counted_value(&inner)?;
            return Ok((past(address, offset), ty));
        }
        let fat = self.fat_pointer(&pointer)?;
        let Second::Table(table) = fat.second else {
            return Err(Refusal::Shape);
        };
        let (ty, _) = self.concrete(table).ok_or(Refusal::Shape)?;
        let at = match counted {
            true => self.behind_counts(fat.address, table),
            false => fat.address,
        };
        Ok((at, ty))
    }

    /// The elements that an `Rc` or `Arc` of a slice shares.
    pub(super) fn shared_run(&mut self, place: &Place) -> Result<Run, Refusal> {
        let pointer = self.find(place, "ptr")?;
        let pointer = self.peel(pointer);
        let fat = self.fat_pointer(&pointer)?;
        let Second::Length(length) = fat.second else {
            return Err(Refusal::Shape);
        };
        let inner = self.place_at(fat.pointee, fat.address)?;
        let (offset, element) = self.counted_value(&inner)?;
        self.run(element, past(fat.address, offset), length)
    }

    /// Where the value is behind its counts, and its type.
    fn counted_value(&self, inner: &Place) -> Result<(u64, TypeId), Refusal> {
        let TypeKind::Struct { members, .. } = &inner.ty.kind else {
            return Err(Refusal::Shape);
        };
        let value = members.iter().find(|member| {
            let name = member.name.as_ref().map(Untrusted::raw);
            matches!(name, Some("value" | "data"))
        });
        let value = value.ok_or(Refusal::Shape)?;
        Ok((value.offset, value.ty.ok_or(Refusal::Shape)?))
    }

    fn share_counts(&mut self, inner: &Place) -> Option<ShareCounts> {
        let strong = self.whole_of(inner, "strong").ok()?;
        let weak = self.whole_of(inner, "weak").ok()?;
        Some(ShareCounts { strong, weak })
    }
}
