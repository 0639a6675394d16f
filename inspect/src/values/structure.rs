//! Structures, and the enums and fat pointers that are made of them.

use ukdbg_image::{BaseEncoding, Member, Type, TypeKind, Untrusted, Variant, VariantPart};

use super::read::{POINTER, Reader, base, low_word, sign_extend};
use super::storage::Storage;
use super::{Field, InvalidValue, Missing, Value};
use crate::VirtAddr;

impl Reader<'_, '_> {
    pub(super) fn structure(
        &mut self,
        ty: &Type,
        members: &[Member],
        variants: Option<&VariantPart>,
        storage: &Storage,
        depth: usize,
    ) -> Value {
        if let Some(part) = variants {
            return self.variant(ty, part, storage, depth);
        }
        if let Some(fat) = self.fat_pointer(ty, members, storage, depth) {
            return fat;
        }
        if depth >= self.limits.depth && !members.is_empty() {
            return Value::Elided;
        }
        let mut fields = Vec::new();
        for member in members.iter().take(self.limits.width) {
            if self.left == 0 {
                break;
            }
            fields.push(Field {
                name: member.name.clone(),
                value: self.member(member, storage, depth + 1),
            });
        }
        Value::Structure {
            name: ty.name.clone(),
            omitted: members.len() - fields.len(),
            fields,
        }
    }

    fn member(&mut self, member: &Member, storage: &Storage, depth: usize) -> Value {
        match member.bits {
            None => self.value(member.ty, &storage.at(member.offset), depth),
            Some((offset, size)) => self.bit_field(member, offset, size, storage),
        }
    }

    fn bit_field(&mut self, member: &Member, offset: u64, size: u64, storage: &Storage) -> Value {
        let shift = offset % 8;
        let Some(bytes) = size.checked_add(shift).map(|bits| bits.div_ceil(8)) else {
            return Missing::Undescribed.into();
        };
        let whole = match storage.at(offset / 8).number(bytes, self.memory) {
            Ok(whole) => whole,
            Err(why) => return why.into(),
        };
        let bits = (whole >> shift) & low_mask(size);
        let kind = member.ty.and_then(|id| self.resolve(id)).map(|ty| ty.kind);
        match kind {
            Some(TypeKind::Base(BaseEncoding::Signed)) => Value::Signed {
                value: sign_extend(bits, size),
            },
            Some(TypeKind::Base(encoding)) => base(encoding, bits, 16),
            _ => Value::Unsigned { value: bits },
        }
    }

    /// The variant that the discriminant selects (DWARF 5 §5.7.10).
    fn variant(&mut self, ty: &Type, part: &VariantPart, storage: &Storage, depth: usize) -> Value {
        let selected = match &part.discriminant {
            None => part.variants.first().ok_or(Missing::Undescribed),
            Some(discriminant) => match self.discriminant(discriminant, storage) {
                Err(why) => Err(why),
                Ok((bits, signed)) => match select(&part.variants, bits, signed) {
                    Some(variant) => Ok(variant),
                    None => {
                        return Value::Invalid {
                            why: InvalidValue::Discriminant,
                            bits,
                        };
                    }
                },
            },
        };
        let variant = match selected {
            Ok(variant) => variant,
            Err(why) => return why.into(),
        };
        let Some(member) = variant.members.first() else {
            return Missing::Undescribed.into();
        };
        let value = match self.member(member, storage, depth) {
            // The variant is known even where its data is left out.
            Value::Elided => Value::Structure {
                name: member.name.clone(),
                fields: Vec::new(),
                omitted: 1,
            },
            Value::Structure {
                fields, omitted, ..
            } => Value::Structure {
                name: member.name.clone(),
                fields,
                omitted,
            },
            other => other,
        };
        Value::Variant {
            name: ty.name.clone(),
            value: Box::new(value),
        }
    }

    /// The discriminant's bits, and the same as a signed number.
    fn discriminant(
        &mut self,
        member: &Member,
        storage: &Storage,
    ) -> Result<(u128, i128), Missing> {
        let size = member.ty.and_then(|id| self.size_of(id));
        let size = size.ok_or(Missing::Undescribed)?;
        let bits = storage.at(member.offset).number(size, self.memory)?;
        Ok((bits, sign_extend(bits, size * 8)))
    }

    /// A pointer with a length: `&str`, `&[T]` and what is built like them.
    fn fat_pointer(
        &mut self,
        ty: &Type,
        members: &[Member],
        storage: &Storage,
        depth: usize,
    ) -> Option<Value> {
        let [data, length] = members else { return None };
        let named = |member: &Member, name| member.name.as_ref().map(Untrusted::raw) == Some(name);
        if !named(data, "data_ptr") || !named(length, "length") {
            return None;
        }
        let TypeKind::Pointer(Some(element)) = self.resolve(data.ty?)?.kind else {
            return None;
        };
        let words =
            [data, length].map(|member| storage.at(member.offset).number(POINTER, self.memory));
        let [Ok(address), Ok(length)] = words else {
            let why = words.into_iter().find_map(Result::err)?;
            return Some(why.into());
        };
        let (address, length) = (VirtAddr(low_word(address)), low_word(length));
        if is_text(ty) {
            return Some(self.text(address, length));
        }
        if depth >= self.limits.depth {
            return Some(Value::Elided);
        }
        let step = self.size_of(element).unwrap_or(0);
        let mut elements = Vec::new();
        for index in 0..length.min(self.limits.width as u64) {
            if self.left == 0 {
                break;
            }
            let at = VirtAddr(address.0.wrapping_add(index.wrapping_mul(step)));
            elements.push(self.value(Some(element), &Storage::Memory(at), depth + 1));
        }
        Some(Value::Slice {
            address,
            elements,
            length,
        })
    }
}

fn is_text(ty: &Type) -> bool {
    let name = ty.name.as_ref().map_or("", Untrusted::raw);
    let name = name.trim_end_matches('>');
    name.rsplit(|letter: char| !letter.is_ascii_alphanumeric())
        .next()
        == Some("str")
}

fn low_mask(bits: u64) -> u128 {
    match u32::try_from(bits) {
        Ok(bits @ 0..128) => (1 << bits) - 1,
        _ => u128::MAX,
    }
}

/// A variant that names the discriminant, else the one that names none.
/// Producers differ in whether they give it signed.
pub(super) fn select(variants: &[Variant], bits: u128, signed: i128) -> Option<&Variant> {
    let names = |variant: &&Variant| {
        variant.discriminant.as_ref().is_some_and(|ranges| {
            ranges
                .iter()
                .any(|range| range.contains(&bits.cast_signed()) || range.contains(&signed))
        })
    };
    variants.iter().find(names).or_else(|| {
        variants
            .iter()
            .find(|variant| variant.discriminant.is_none())
    })
}
