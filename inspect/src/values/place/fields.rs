//! From a place to a field of it.

use ukdbg_image::{BaseEncoding, Member, TypeKind, Untrusted, VariantPart};

use super::super::Missing;
use super::super::read::sign_extend;
use super::super::structure::select;
use super::{MOST_WRAPPERS, Number, Place, PlaceError, PlaceType};
use crate::Memory;

impl<'data> Place<'data> {
    /// A field by name, of a structure, of what a pointer points to, or of the
    /// variant that an enum holds.
    pub fn field(&self, name: &str, memory: &mut dyn Memory) -> Result<Self, PlaceError> {
        let mut place = self.clone();
        for _ in 0..MOST_WRAPPERS {
            match place.own_field(name, MOST_WRAPPERS, memory)? {
                Found::Field(field) => return Ok(*field),
                Found::Known(known) => {
                    // How many share it lies beside it.
                    if matches!(name, "strong" | "weak")
                        && let Ok((_, Some(counts))) = place.plain_target(memory)
                        && let Ok(Found::Field(field)) =
                            counts.own_field(name, MOST_WRAPPERS, memory)
                    {
                        return Ok(*field);
                    }
                    // `p.x` of a pointer, a box or a reference-counted one.
                    let next = place.target(memory).ok().and_then(|(_, next)| next);
                    let Some(next) = next else {
                        return Err(no_field(&place.type_name(), name, known));
                    };
                    place = next;
                }
            }
        }
        Err(no_field(&self.type_name(), name, Vec::new()))
    }

    fn own_field(
        &self,
        name: &str,
        depth: usize,
        memory: &mut dyn Memory,
    ) -> Result<Found<'data>, PlaceError> {
        // A structure can say that it contains itself.
        let Some(depth) = depth.checked_sub(1) else {
            return Ok(Found::Known(Vec::new()));
        };
        let Some(ty) = self.described() else {
            return Ok(Found::Known(Vec::new()));
        };
        let (members, variants) = match ty.kind {
            TypeKind::Struct { members, variants } => (members, variants),
            TypeKind::Union { members } => (members, None),
            _ => return Ok(Found::Known(Vec::new())),
        };
        if let Some(part) = variants {
            let variant = self.variant(&part, memory)?;
            let field = variant.own_field(name, depth, memory)?;
            // `opt.Some.0` as well as `opt.0`.
            if let Found::Known(_) = field
                && variant.variant_name(&part).as_deref() == Some(name)
            {
                return Ok(Found::Field(Box::new(variant)));
            }
            return Ok(field);
        }
        let found = members.iter().find(|member| is_called(member, name));
        if let Some(member) = found {
            return self.whole_member(member, memory).map(Found::field);
        }
        // C's anonymous structures and unions lend their members.
        for member in members.iter().filter(|member| member.name.is_none()) {
            if let Ok(Found::Field(field)) = self.member(member).own_field(name, depth, memory) {
                return Ok(Found::Field(field));
            }
        }
        let names = members.iter().filter_map(|member| member.name.as_ref());
        Ok(Found::Known(
            names.map(|name| name.raw().to_owned()).collect(),
        ))
    }

    /// A member; a bit-field becomes a number.
    fn whole_member(&self, member: &Member, memory: &mut dyn Memory) -> Result<Self, PlaceError> {
        let Some((offset, width)) = member.bits else {
            return Ok(self.member(member));
        };
        let shift = offset % 8;
        let size = width.saturating_add(shift).div_ceil(8);
        let whole = self.storage.at(offset / 8).number(size, memory)?;
        let encoding = match self.member(member).scalar() {
            Some((encoding, _)) => encoding,
            None => BaseEncoding::Unsigned,
        };
        let unused = 128_u64.saturating_sub(width.max(1));
        let unused = u32::try_from(unused).unwrap_or(0).min(127);
        let bits = (whole >> shift) << unused;
        let value = match encoding {
            BaseEncoding::Signed | BaseEncoding::SignedCharacter => bits.cast_signed() >> unused,
            _ => (bits >> unused).cast_signed(),
        };
        Ok(Self::number(Number {
            value,
            encoding,
            size: 16,
        }))
    }

    /// The data of the variant that an enum holds.
    fn variant(&self, part: &VariantPart, memory: &mut dyn Memory) -> Result<Self, PlaceError> {
        let selected = match &part.discriminant {
            None => part.variants.first(),
            Some(discriminant) => {
                let place = self.member(discriminant);
                let size = place.size().ok_or(Missing::Undescribed)?;
                let bits = place.storage.number(size, memory)?;
                select(&part.variants, bits, sign_extend(bits, size * 8))
            }
        };
        let member = selected.and_then(|variant| variant.members.first());
        let member = member.ok_or(Missing::Undescribed)?;
        Ok(self.member(member))
    }

    fn variant_name(&self, part: &VariantPart) -> Option<String> {
        let members = part
            .variants
            .iter()
            .filter_map(|variant| variant.members.first());
        let own = members
            .filter(|member| member.ty.map(PlaceType::Described).as_ref() == Some(&self.ty))
            .find_map(|member| member.name.as_ref());
        own.map(|name| name.raw().to_owned())
    }
}

enum Found<'data> {
    Field(Box<Place<'data>>),
    /// No such field; the names of those there are.
    Known(Vec<String>),
}

impl<'data> Found<'data> {
    fn field(place: Place<'data>) -> Self {
        Self::Field(Box::new(place))
    }
}

/// A field by its name; a tuple's by its number, which rustc writes `__0`.
pub(super) fn is_called(member: &Member, name: &str) -> bool {
    let own = member.name.as_ref().map(Untrusted::raw);
    own.is_some_and(|own| own == name || own.strip_prefix("__") == Some(name))
}

fn no_field(ty: &str, field: &str, known: Vec<String>) -> PlaceError {
    let (ty, field) = (ty.to_owned(), field.to_owned());
    if known.is_empty() {
        PlaceError::NoFields { ty }
    } else {
        PlaceError::NoField { ty, field, known }
    }
}
