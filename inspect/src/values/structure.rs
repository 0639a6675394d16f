//! Structures, unions, bit-fields and enums with data. A library type that is
//! known by its name and members is handed on.

use ukdbg_image::{BaseEncoding, Member, Type, TypeKind, Untrusted, Variant, VariantPart};

use super::read::{Reader, base, enumerator, sign_extend};
use super::storage::Storage;
use super::{Field, InvalidValue, Missing, Value};

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
        if let Some(value) = self.known(ty, storage, depth) {
            return value;
        }
        self.members(ty, members, storage, depth)
    }

    /// A structure as its members.
    fn members(&mut self, ty: &Type, members: &[Member], storage: &Storage, depth: usize) -> Value {
        if depth >= self.limits.depth && !members.is_empty() {
            return Value::Elided;
        }
        let mut fields = Vec::new();
        for member in members.iter().take(self.limits.width) {
            if self.left == 0 {
                break;
            }
            fields.push(Field {
                name: member.name.as_ref().map(captured),
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
            Some(TypeKind::Base(BaseEncoding::Signed | BaseEncoding::SignedCharacter)) => {
                Value::Signed {
                    value: sign_extend(bits, size),
                    bits: size,
                }
            }
            Some(TypeKind::Base(
                encoding @ (BaseEncoding::Boolean | BaseEncoding::UnsignedCharacter),
            )) => base(encoding, bits, 1),
            Some(TypeKind::Enumeration {
                enumerators,
                signed,
            }) => enumerator(&enumerators, signed, bits, size),
            _ => Value::Unsigned {
                value: bits,
                bits: size,
            },
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
        let name = self.variant_name(member);
        let value = match self.payload(member, storage, depth) {
            // The variant is known even where its data is left out.
            Value::Elided => Value::Structure {
                name,
                fields: Vec::new(),
                omitted: 1,
            },
            Value::Structure {
                fields, omitted, ..
            } => Value::Structure {
                name,
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

    /// A state of a function that waits has its number for a member's name,
    /// and its own as that of its type.
    fn variant_name(&self, member: &Member) -> Option<Untrusted> {
        let name = member.name.as_ref()?;
        if !name.raw().bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(name.clone());
        }
        member.ty.and_then(|id| self.resolve(id))?.name
    }

    /// The data of a variant, whose name is the only one to show.
    fn payload(&mut self, member: &Member, storage: &Storage, depth: usize) -> Value {
        let Ok(part) = self.part(member, storage) else {
            return Missing::Undescribed.into();
        };
        match &part.ty.kind {
            TypeKind::Struct {
                members,
                variants: None,
            } => self.members(&part.ty, members, &part.storage, depth),
            _ => self.value(member.ty, &part.storage, depth + 1),
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
}

/// A closure's captured variable by the variable's name.
fn captured(member: &Untrusted) -> Untrusted {
    let name = member.raw().strip_prefix("_ref__");
    name.map_or_else(|| member.clone(), Untrusted::from)
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
