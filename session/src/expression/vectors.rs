//! The x87 and SSE registers in expressions: `$xmm0`, and its lanes by GDB's
//! names for them (`$xmm0.v2_double[0]`).

use ukdbg_image::BaseEncoding;
use ukdbg_inspect::{FoundBy, Frame, Memory, Number, Place, PlaceType, VectorRegister};

use crate::ExpressionErrorKind;

/// A vector register of a frame; none when none is called so.
pub(super) fn register<'data>(
    frame: Option<(&Frame, usize)>,
    name: &str,
    memory: &mut dyn Memory,
) -> Result<Option<Place<'data>>, ExpressionErrorKind> {
    let Some(register) = VectorRegister::named(name) else {
        return Ok(None);
    };
    let (frame, _) = frame.ok_or(ExpressionErrorKind::NoRegisters)?;
    // A call may destroy all of them: only the innermost frame's are there.
    let value = match frame.found_by {
        FoundBy::Stop => memory.vector_registers().get(register),
        _ => None,
    };
    let value = value.ok_or_else(|| ExpressionErrorKind::RegisterUnavailable {
        name: name.to_owned(),
    })?;
    Ok(Some(Place::number(Number {
        value: value.cast_signed(),
        encoding: match register.size() {
            10 => BaseEncoding::Float,
            _ => BaseEncoding::Unsigned,
        },
        size: register.size() as u64,
    })))
}

/// A register's bytes as lanes of a kind; none for what is no kind of lanes,
/// or not of a register that has some.
pub(super) fn lanes<'data>(
    register: &str,
    place: &Place<'data>,
    kind: &str,
) -> Option<Place<'data>> {
    if !register.starts_with("xmm") {
        return None;
    }
    let (encoding, size, length) = match kind {
        "v4_float" => (BaseEncoding::Float, 4, 4),
        "v2_double" => (BaseEncoding::Float, 8, 2),
        "v16_int8" => (BaseEncoding::Signed, 1, 16),
        "v8_int16" => (BaseEncoding::Signed, 2, 8),
        "v4_int32" => (BaseEncoding::Signed, 4, 4),
        "v2_int64" => (BaseEncoding::Signed, 8, 2),
        "uint128" => return Some(place.clone()),
        _ => return None,
    };
    let element = Box::new(PlaceType::Base { encoding, size });
    Some(place.seen_as(None, PlaceType::Array { element, length }))
}
