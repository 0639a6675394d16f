//! What the types of places are called, and how large they are.

use ukdbg_image::{BaseEncoding, Image, Type, TypeId, TypeKind};

use super::super::read::POINTER;
use super::{MOST_WRAPPERS, PlaceType};

/// The type behind names and qualifiers.
pub(super) fn resolve(image: &Image<'_>, id: TypeId) -> Option<Type> {
    let mut ty = image.type_of(id)?;
    for _ in 0..MOST_WRAPPERS * 4 {
        let TypeKind::Alias(next) = ty.kind else {
            return Some(ty);
        };
        ty = image.type_of(next?)?;
    }
    None
}

/// Bytes that a value takes.
pub(super) fn size_of(image: Option<&Image<'_>>, ty: &PlaceType) -> Option<u64> {
    match ty {
        PlaceType::Base { size, .. } => Some(*size),
        PlaceType::Pointer(_) => Some(POINTER),
        PlaceType::Array { element, length } => size_of(image, element)?.checked_mul(*length),
        PlaceType::Unknown => None,
        PlaceType::Described(id) => {
            let ty = resolve(image?, *id)?;
            match (ty.kind, ty.size) {
                (_, Some(size)) => Some(size),
                (TypeKind::Array { element, counts }, None) => {
                    let element = size_of(image, &PlaceType::Described(element?))?;
                    let mut counts = counts.into_iter();
                    counts.try_fold(element, |size, count| size.checked_mul(count?))
                }
                _ => None,
            }
        }
    }
}

/// What a type is called.
pub(super) fn type_name(image: Option<&Image<'_>>, ty: &PlaceType) -> String {
    match ty {
        PlaceType::Described(id) => described_name(image, *id, MOST_WRAPPERS),
        PlaceType::Base { encoding, size } => {
            let bits = size * 8;
            match encoding {
                BaseEncoding::Unsigned | BaseEncoding::Address => format!("u{bits}"),
                BaseEncoding::Signed => format!("i{bits}"),
                BaseEncoding::Float => format!("f{bits}"),
                BaseEncoding::ComplexFloat => format!("complex f{}", bits / 2),
                BaseEncoding::Boolean => "bool".to_owned(),
                BaseEncoding::Unicode => "char".to_owned(),
                BaseEncoding::SignedCharacter | BaseEncoding::UnsignedCharacter => {
                    "c_char".to_owned()
                }
            }
        }
        PlaceType::Pointer(None) => "*const ()".to_owned(),
        PlaceType::Pointer(Some(pointee)) => format!("*const {}", type_name(image, pointee)),
        PlaceType::Array { element, length } => {
            format!("[{}; {length}]", type_name(image, element))
        }
        PlaceType::Unknown => "a symbol without a type".to_owned(),
    }
}

fn described_name(image: Option<&Image<'_>>, id: TypeId, depth: usize) -> String {
    let ty = image.and_then(|image| image.type_of(id));
    let inner = |id: Option<TypeId>| match (id, depth.checked_sub(1)) {
        (Some(id), Some(depth)) => described_name(image, id, depth),
        (None, _) => "()".to_owned(),
        (_, None) => "…".to_owned(),
    };
    match ty {
        None => "an unknown type".to_owned(),
        Some(Type {
            name: Some(name), ..
        }) => name.raw().to_owned(),
        Some(ty) => match ty.kind {
            TypeKind::Pointer(pointee) => format!("*const {}", inner(pointee)),
            TypeKind::Array { element, counts } => match counts.first() {
                Some(Some(count)) => format!("[{}; {count}]", inner(element)),
                _ => format!("[{}]", inner(element)),
            },
            TypeKind::Alias(of) => inner(of),
            TypeKind::Function => "fn".to_owned(),
            _ => "an unnamed type".to_owned(),
        },
    }
}
