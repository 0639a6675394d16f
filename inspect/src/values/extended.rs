//! Floating-point numbers of other sizes than a register's: which format they
//! have is told by their type's name, and what they are as an `f64`.

use super::Value;

/// How the bits of a number are divided (SDM volume 1 table 4-3, IEEE 754).
struct Layout {
    exponent: u32,
    /// Bits below the exponent.
    mantissa: u32,
    /// The integer bit is stored.
    explicit: bool,
}

/// The format of a type by its name and size in bytes.
fn layout(name: &str, size: u64) -> Option<Layout> {
    let of = |exponent, mantissa, explicit| Layout {
        exponent,
        mantissa,
        explicit,
    };
    Some(match (name, size) {
        ("f16" | "_Float16" | "__fp16", 2) => of(5, 10, false),
        ("__bf16" | "std::bfloat16_t", 2) => of(8, 7, false),
        ("long double" | "_Float64x" | "complex long double", 10 | 12 | 16) => of(15, 64, true),
        ("f128" | "_Float128" | "__float128", 16) => of(15, 112, false),
        _ => return None,
    })
}

/// The value of such a number; none of a format that is not known.
pub(super) fn value(name: &str, bits: u128, size: u64) -> Option<Value> {
    let layout = layout(name, size)?;
    Some(match nearest(&layout, bits) {
        Nearest::Exactly(value) => Value::Float { value },
        Nearest::About(value) => Value::Rounded {
            text: format!("{value:?}"),
        },
        Nearest::Beyond { negative, decimal } => Value::Rounded {
            text: format!("{}{}", if negative { "-" } else { "" }, scientific(decimal)),
        },
    })
}

/// The same as a fraction to compute with.
pub(super) fn fraction(name: &str, bits: u128, size: u64) -> Option<f64> {
    match nearest(&layout(name, size)?, bits) {
        Nearest::Exactly(value) | Nearest::About(value) => Some(value),
        Nearest::Beyond { .. } => None,
    }
}

enum Nearest {
    Exactly(f64),
    About(f64),
    /// Beyond the range of an `f64`; its decimal logarithm.
    Beyond {
        negative: bool,
        decimal: f64,
    },
}

fn nearest(layout: &Layout, bits: u128) -> Nearest {
    let mantissa = bits & ((1 << layout.mantissa) - 1);
    let exponent = (bits >> layout.mantissa) & ((1 << layout.exponent) - 1);
    let negative = bits >> (layout.mantissa + layout.exponent) & 1 == 1;
    let signed = |value: f64| if negative { -value } else { value };
    let fraction = layout.mantissa - u32::from(layout.explicit);
    let highest = (1_u128 << layout.exponent) - 1;
    let bias = (highest >> 1) as i32;
    if exponent == highest {
        let payload = mantissa & ((1 << fraction) - 1);
        let value = if payload == 0 {
            f64::INFINITY
        } else {
            f64::NAN
        };
        return Nearest::Exactly(signed(value));
    }
    let hidden = u128::from(!layout.explicit && exponent > 0) << fraction;
    let mantissa = mantissa | hidden;
    if mantissa == 0 {
        return Nearest::Exactly(signed(0.0));
    }
    let power = (exponent as i32).max(1) - bias - fraction as i32;
    let length = 128 - mantissa.leading_zeros();
    let top = power + length as i32;
    if !(-1021..=1023).contains(&top) {
        let decimal = (mantissa as f64).log10() + f64::from(power) * 2_f64.log10();
        return Nearest::Beyond { negative, decimal };
    }
    // An integer is rounded to the nearest `f64`, ties to even; the rest is a
    // power of two. Both factors and their product are normal numbers.
    let whole = mantissa as f64;
    let half = power / 2;
    let value = signed(whole * 2_f64.powi(half) * 2_f64.powi(power - half));
    let lost = length.saturating_sub(f64::MANTISSA_DIGITS);
    match mantissa.trailing_zeros() >= lost {
        true => Nearest::Exactly(value),
        false => Nearest::About(value),
    }
}

/// Ten to that power, to as many digits as its logarithm gives.
fn scientific(decimal: f64) -> String {
    let exponent = decimal.floor();
    format!("{:.6}e{exponent}", 10_f64.powf(decimal - exponent))
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn numbers_of_all_formats() {
        #[track_caller]
        fn check(name: &str, size: u64, bits: u128, expected: &str) {
            let got = value(name, bits, size).expect("the format is known");
            assert_eq!(got.line().raw(), expected);
        }
        let x87 = |top: u128, mantissa: u128| top << 64 | mantissa;
        let one = 1 << 63;
        check("long double", 16, x87(0x3fff, one), "1.0");
        check(
            "long double",
            16,
            u128::MAX << 80 | x87(0xc000, one),
            "-2.0",
        );
        check(
            "long double",
            12,
            x87(0x3ffb, 0xcccc_cccc_cccc_cccd),
            "≈0.1",
        );
        check("long double", 10, 0, "0.0");
        check("long double", 16, x87(0x7fff, one), "inf");
        check("long double", 16, x87(0x7fff, one | 1), "NaN");
        check(
            "long double",
            16,
            x87(0x7ffe, u64::MAX.into()),
            "≈1.189731e4932",
        );
        check("long double", 16, x87(0x8001, one), "≈-3.362103e-4932");
        check("long double", 16, 1, "≈3.645200e-4951");
        check("f16", 2, 0x3c00, "1.0");
        check("f16", 2, 1, "5.960464477539063e-8");
        check("f16", 2, 0xfbff, "-65504.0");
        check("__bf16", 2, 0x3f80, "1.0");
        check("f128", 16, 0x3fff << 112, "1.0");
        check("f128", 16, 0x3fff << 112 | 1, "≈1.0");
        assert_eq!(value("float", 0, 4), None);
    }
}
