//! Arithmetic on numbers of any size, checked.

use ukdbg_image::BaseEncoding;
use ukdbg_inspect::Number;

use super::error::ExpressionErrorKind;
use super::syntax::Binary;

type Computed = Result<Number, ExpressionErrorKind>;

/// A number of the smallest usual size that holds it.
pub(super) fn sized(value: i128, least: u64) -> Number {
    let encoding = if value < 0 {
        BaseEncoding::Signed
    } else {
        BaseEncoding::Unsigned
    };
    let fits = i64::try_from(value).is_ok() || u64::try_from(value).is_ok();
    let size = if fits { least.clamp(8, 16) } else { 16 };
    Number {
        value,
        encoding,
        size,
    }
}

/// A truth value.
pub(super) fn truth(value: bool) -> Number {
    Number {
        value: i128::from(value),
        encoding: BaseEncoding::Boolean,
        size: 1,
    }
}

/// A fraction's value; none for another kind of number.
pub(super) fn fraction(number: Number) -> Option<f64> {
    let bits = number.value.cast_unsigned();
    match (number.encoding, number.size) {
        (BaseEncoding::Float, 4) => Some(f32::from_bits(bits as u32).into()),
        (BaseEncoding::Float, 8) => Some(f64::from_bits(bits as u64)),
        _ => None,
    }
}

/// A fraction as a number of so many bytes.
pub(super) fn of_fraction(value: f64, size: u64) -> Number {
    let bits = match size {
        4 => i128::from((value as f32).to_bits()),
        _ => i128::from(value.to_bits()),
    };
    Number {
        value: bits,
        encoding: BaseEncoding::Float,
        size: if size == 4 { 4 } else { 8 },
    }
}

fn fractions(operator: Binary, left: Number, right: Number) -> Computed {
    let (a, b) = (as_fraction(left), as_fraction(right));
    if let Some(answer) = compared(operator, a, b) {
        return Ok(answer);
    }
    // As C and Rust compute: in the operands' own size when both have it.
    let narrow = |number: Number| number.encoding != BaseEncoding::Float || number.size == 4;
    let size = if narrow(left) && narrow(right) { 4 } else { 8 };
    let value = match operator {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Remainder => a % b,
        _ => return Err(ExpressionErrorKind::Float),
    };
    Ok(of_fraction(value, size))
}

/// An operator of two numbers.
pub(super) fn binary(operator: Binary, left: Number, right: Number) -> Computed {
    if left.encoding == BaseEncoding::Float || right.encoding == BaseEncoding::Float {
        return fractions(operator, left, right);
    }
    if let Some(answer) = compared(operator, left.value, right.value) {
        return Ok(answer);
    }
    let (a, b) = (left.value, right.value);
    let size = left.size.max(right.size).min(16);
    let value = match operator {
        Binary::Add => a.checked_add(b),
        Binary::Subtract => a.checked_sub(b),
        Binary::Multiply => a.checked_mul(b),
        Binary::Divide | Binary::Remainder if b == 0 => {
            return Err(ExpressionErrorKind::DivisionByZero);
        }
        Binary::Divide => a.checked_div(b),
        Binary::Remainder => a.checked_rem(b),
        Binary::ShiftLeft | Binary::ShiftRight => Some(shifted(operator, a, b)?),
        Binary::And => Some(a & b),
        Binary::Xor => Some(a ^ b),
        Binary::Or => Some(a | b),
        Binary::BothTrue => return Ok(truth(a != 0 && b != 0)),
        Binary::EitherTrue => return Ok(truth(a != 0 || b != 0)),
        _ => None,
    };
    Ok(sized(value.ok_or(ExpressionErrorKind::Overflow)?, size))
}

fn as_fraction(number: Number) -> f64 {
    fraction(number).unwrap_or(number.value as f64)
}

fn compared<T: PartialOrd>(operator: Binary, left: T, right: T) -> Option<Number> {
    Some(truth(match operator {
        Binary::Equal => left == right,
        Binary::NotEqual => left != right,
        Binary::Less => left < right,
        Binary::LessOrEqual => left <= right,
        Binary::Greater => left > right,
        Binary::GreaterOrEqual => left >= right,
        _ => return None,
    }))
}

fn shifted(operator: Binary, value: i128, by: i128) -> Result<i128, ExpressionErrorKind> {
    let bits = u32::try_from(by)
        .ok()
        .filter(|&bits| bits < 128)
        .ok_or(ExpressionErrorKind::Shift { bits: by })?;
    if operator == Binary::ShiftRight {
        return Ok(value >> bits);
    }
    let moved = value << bits;
    if moved >> bits == value {
        Ok(moved)
    } else {
        Err(ExpressionErrorKind::Overflow)
    }
}

/// A number as another type has it: cut off, extended, or rounded toward zero.
pub(super) fn cast(number: Number, encoding: BaseEncoding, size: u64) -> Number {
    let value = match (fraction(number), encoding, size) {
        (Some(value), BaseEncoding::Float, 4) => i128::from((value as f32).to_bits()),
        (Some(value), BaseEncoding::Float, _) => i128::from(value.to_bits()),
        (None, BaseEncoding::Float, 4) => i128::from((number.value as f32).to_bits()),
        (None, BaseEncoding::Float, _) => i128::from((number.value as f64).to_bits()),
        (Some(value), ..) => value as i128,
        (None, BaseEncoding::Boolean, _) => i128::from(number.value != 0),
        (None, ..) => number.value,
    };
    let unused = 128_u32.saturating_sub(u32::try_from(size * 8).unwrap_or(128));
    let moved = value.cast_unsigned() << unused;
    let signed = matches!(
        encoding,
        BaseEncoding::Signed | BaseEncoding::SignedCharacter
    );
    let value = if signed {
        moved.cast_signed() >> unused
    } else {
        (moved >> unused).cast_signed()
    };
    Number {
        value,
        encoding,
        size,
    }
}
