//! Reading a value by its type.

use ukdbg_image::{BaseEncoding, Image, LinkAddr, Type, TypeId, TypeKind, Untrusted};

use super::boxes::is_box;
use super::storage::Storage;
use super::symbol::symbol_text;
use super::{Follow, InvalidValue, Missing, Value, ValueLimits};
use crate::modules::Modules;
use crate::{Memory, VirtAddr};

/// Names and qualifiers followed from one type to what it stands for.
pub(super) const MOST_ALIASES: usize = 32;
/// Size of a pointer.
pub(super) const POINTER: u64 = 8;

/// Reads values of one image's types from one machine.
pub(super) struct Reader<'a, 'data> {
    pub(super) modules: &'a Modules<'data>,
    pub(super) image: &'a Image<'data>,
    pub(super) memory: &'a mut dyn Memory,
    pub(super) limits: ValueLimits,
    /// Values that may still be read.
    pub(super) left: usize,
}

impl Reader<'_, '_> {
    /// The value of a type at a place, `depth` levels down.
    pub(super) fn value(&mut self, ty: Option<TypeId>, storage: &Storage, depth: usize) -> Value {
        let Some(left) = self.left.checked_sub(1) else {
            return Value::Elided;
        };
        self.left = left;
        let Some(ty) = ty.and_then(|id| self.resolve(id)) else {
            return Missing::Undescribed.into();
        };
        self.value_in(&ty, storage, depth)
    }

    /// As [`Reader::value`], of a type that was read and is no alias.
    pub(super) fn value_in(&mut self, ty: &Type, storage: &Storage, depth: usize) -> Value {
        // What has no bytes has no place either, and is known all the same.
        let nothing = ty.size == Some(0) || self.has_no_bytes(ty);
        if let Some(why) = storage.missing().filter(|_| !nothing) {
            return why.into();
        }
        let scalar = |number: Result<u128, Missing>, of: &dyn Fn(u128) -> Value| {
            number.map_or_else(Value::from, of)
        };
        let size = ty.size.unwrap_or(0);
        match &ty.kind {
            // rustc describes `()` as a number without bytes.
            TypeKind::Base(_) if ty.size == Some(0) => Value::Structure {
                name: ty.name.clone(),
                fields: Vec::new(),
                omitted: 0,
            },
            TypeKind::Base(BaseEncoding::ComplexFloat) => self.complex(ty, storage),
            TypeKind::Base(encoding) => scalar(storage.number(size, self.memory), &|bits| {
                let name = ty.name.as_ref().map_or("", Untrusted::raw);
                super::extended::value(name, bits, size)
                    .unwrap_or_else(|| base(*encoding, bits, size))
            }),
            TypeKind::Enumeration {
                enumerators,
                signed,
            } => scalar(storage.number(size, self.memory), &|bits| {
                enumerator(enumerators, *signed, bits, size * 8)
            }),
            TypeKind::Pointer(pointee) => match storage.number(POINTER, self.memory) {
                Ok(bits) => self.pointer(ty, VirtAddr(low_word(bits)), *pointee, depth),
                Err(why) => why.into(),
            },
            TypeKind::Array { element, counts } => self.array(*element, counts, storage, depth),
            TypeKind::Struct { members, variants } => {
                self.structure(ty, members, variants.as_ref(), storage, depth)
            }
            TypeKind::Union { members } => self.structure(ty, members, None, storage, depth),
            TypeKind::Alias(_) | TypeKind::Function | TypeKind::Incomplete => {
                Missing::Undescribed.into()
            }
        }
    }

    /// An array without elements, or of those without bytes.
    fn has_no_bytes(&self, ty: &Type) -> bool {
        let TypeKind::Array { element, counts } = &ty.kind else {
            return false;
        };
        counts.contains(&Some(0)) || element.is_some_and(|id| self.size_of(id) == Some(0))
    }

    /// Two numbers, each of half the size.
    fn complex(&mut self, ty: &Type, storage: &Storage) -> Value {
        let size = ty.size.unwrap_or(0) / 2;
        let name = ty.name.as_ref().map_or("", Untrusted::raw);
        let mut part = |offset| match storage.at(offset).number(size, self.memory) {
            Ok(bits) => super::extended::value(name, bits, size)
                .unwrap_or_else(|| base(BaseEncoding::Float, bits, size)),
            Err(why) => why.into(),
        };
        Value::Complex {
            real: Box::new(part(0)),
            imaginary: Box::new(part(size)),
        }
    }

    /// The type behind names and qualifiers.
    pub(super) fn resolve(&self, id: TypeId) -> Option<Type> {
        let mut ty = self.image.type_of(id)?;
        for _ in 0..MOST_ALIASES {
            let TypeKind::Alias(next) = ty.kind else {
                return Some(ty);
            };
            ty = self.image.type_of(next?)?;
        }
        None
    }

    /// Size of a value of a type.
    pub(super) fn size_of(&self, id: TypeId) -> Option<u64> {
        self.size_within(id, MOST_ALIASES)
    }

    fn size_within(&self, id: TypeId, depth: usize) -> Option<u64> {
        // An array can say that it is made of itself.
        let depth = depth.checked_sub(1)?;
        let ty = self.resolve(id)?;
        match (&ty.kind, ty.size) {
            (_, Some(size)) => Some(size),
            (TypeKind::Pointer(_), None) => Some(POINTER),
            (TypeKind::Array { element, counts }, None) => {
                let element = self.size_within((*element)?, depth)?;
                counts
                    .iter()
                    .try_fold(element, |size, count| size.checked_mul((*count)?))
            }
            _ => None,
        }
    }

    pub(super) fn pointer(
        &mut self,
        ty: &Type,
        address: VirtAddr,
        pointee: Option<TypeId>,
        depth: usize,
    ) -> Value {
        if is_box(ty) {
            return self.owned(address, pointee, None, depth);
        }
        let target = pointee.and_then(|id| self.resolve(id));
        let kind = target.as_ref().map(|ty| &ty.kind);
        if let Some(TypeKind::Base(BaseEncoding::SignedCharacter | BaseEncoding::UnsignedCharacter)) =
            kind
            && let Some(text) = self.c_string(address)
        {
            return text;
        }
        let function = matches!(kind, Some(TypeKind::Function))
            .then(|| self.function_at(address))
            .flatten();
        let symbol = match function {
            Some(_) => None,
            None => symbol_text(self.modules, address),
        };
        let scalar = matches!(kind, Some(TypeKind::Base(_) | TypeKind::Enumeration { .. }));
        let all = self.limits.follow == Follow::Everything
            && !matches!(kind, None | Some(TypeKind::Function | TypeKind::Incomplete));
        let follow = address.0 != 0 && (scalar || all) && depth < self.limits.depth;
        let pointee =
            follow.then(|| Box::new(self.value(pointee, &Storage::Memory(address), depth + 1)));
        Value::Pointer {
            address,
            pointee,
            function,
            symbol,
        }
    }

    fn function_at(&self, address: VirtAddr) -> Option<ukdbg_image::FunctionName> {
        let (module, link): (_, LinkAddr) = self.modules.find(address)?;
        let function = module.image.function_at(link)?;
        (function.entry == link).then_some(function.name)
    }

    pub(super) fn array(
        &mut self,
        element: Option<TypeId>,
        counts: &[Option<u64>],
        storage: &Storage,
        depth: usize,
    ) -> Value {
        let Some((&length, inner)) = counts.split_first() else {
            return self.value(element, storage, depth);
        };
        if inner.is_empty()
            && let Some(text) = self.character_array(element, length, storage)
        {
            return text;
        }
        if depth >= self.limits.depth {
            return Value::Elided;
        }
        let size = element.and_then(|element| self.size_of(element));
        let step = inner
            .iter()
            .try_fold(size.unwrap_or(0), |size, count| {
                size.checked_mul(count.unwrap_or(0))
            })
            .unwrap_or(0);
        let shown = length.unwrap_or(0).min(self.limits.width as u64);
        let mut elements = Vec::new();
        for index in 0..shown {
            if self.left == 0 {
                break;
            }
            let place = storage.at(index.wrapping_mul(step));
            elements.push(match inner {
                [] => self.value(element, &place, depth + 1),
                inner => self.array(element, inner, &place, depth + 1),
            });
        }
        Value::Array { elements, length }
    }
}

/// A named number; `size` in bits.
pub(super) fn enumerator(
    enumerators: &[(Untrusted, i128)],
    signed: bool,
    bits: u128,
    size: u64,
) -> Value {
    let value = if signed {
        sign_extend(bits, size)
    } else {
        bits.cast_signed()
    };
    let name = enumerators.iter().find(|(_, number)| *number == value);
    if name.is_none()
        && !signed
        && let Some(flags) = flags(enumerators, bits, size)
    {
        return flags;
    }
    Value::Enumerator {
        name: name.map(|(name, _)| name.clone()),
        value,
        bits: size,
    }
}

/// A number that is made of enumerators which are all single bits, as GDB's
/// `flag_enum`; none for other enumerations.
fn flags(enumerators: &[(Untrusted, i128)], bits: u128, size: u64) -> Option<Value> {
    let numbers = enumerators.iter().map(|(_, number)| number.cast_unsigned());
    let mut numbers = numbers.filter(|&number| number != 0);
    if bits == 0 || !numbers.all(u128::is_power_of_two) {
        return None;
    }
    let set = |(_, number): &&(Untrusted, i128)| bits & number.cast_unsigned() != 0;
    let set = enumerators.iter().filter(set);
    let known = set.clone().fold(0, |known, (_, number)| known | number);
    let names: Vec<Untrusted> = set.map(|(name, _)| name.clone()).collect();
    (!names.is_empty()).then(|| Value::Flags {
        names,
        rest: bits & !known.cast_unsigned(),
        value: bits,
        bits: size,
    })
}

/// The low 64 bits of a number.
pub(super) fn low_word(bits: u128) -> u64 {
    (bits & u128::from(u64::MAX)) as u64
}

/// A number of so many bits as a signed one.
pub(super) fn sign_extend(bits: u128, size: u64) -> i128 {
    match u32::try_from(128_u64.saturating_sub(size)) {
        Ok(unused @ 1..128) => (bits << unused).cast_signed() >> unused,
        _ => bits.cast_signed(),
    }
}

/// A base type's value; `size` in bytes.
pub(super) fn base(encoding: BaseEncoding, bits: u128, size: u64) -> Value {
    match encoding {
        BaseEncoding::Unsigned | BaseEncoding::Address => Value::Unsigned {
            value: bits,
            bits: size.saturating_mul(8),
        },
        BaseEncoding::Signed => Value::Signed {
            value: sign_extend(bits, size.saturating_mul(8)),
            bits: size.saturating_mul(8),
        },
        BaseEncoding::Boolean => match bits {
            0 | 1 => Value::Boolean { value: bits == 1 },
            _ => Value::Invalid {
                why: InvalidValue::Boolean,
                bits,
            },
        },
        BaseEncoding::Float => match size {
            4 => Value::Single {
                value: f32::from_bits(low_word(bits) as u32),
            },
            8 => Value::Float {
                value: f64::from_bits(low_word(bits)),
            },
            _ => super::extended::value("", bits, size).unwrap_or(Missing::Undescribed.into()),
        },
        BaseEncoding::ComplexFloat => Missing::Undescribed.into(),
        BaseEncoding::Unicode => match u32::try_from(bits).ok().and_then(char::from_u32) {
            Some(value) => Value::Character { value },
            None => Value::Invalid {
                why: InvalidValue::Character,
                bits,
            },
        },
        BaseEncoding::SignedCharacter => Value::Byte {
            value: i16::from((bits as u8).cast_signed()),
        },
        BaseEncoding::UnsignedCharacter => Value::Byte {
            value: i16::from(bits as u8),
        },
    }
}
