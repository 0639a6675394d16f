use ukdbg_image::{BaseEncoding, Untrusted, Variant};

use super::read::{base, sign_extend};
use super::structure::select;
use super::{Field, InvalidValue, Missing, Value};
use crate::VirtAddr;

fn text(text: &str) -> Option<Untrusted> {
    Some(Untrusted::from(text))
}

fn field(name: &str, value: u128) -> Field {
    Field {
        name: text(name),
        value: Value::Unsigned { value, bits: 32 },
    }
}

fn structure(name: Option<&str>, fields: Vec<Field>, omitted: usize) -> Value {
    Value::Structure {
        name: name.map(Untrusted::from),
        fields,
        omitted,
    }
}

#[test]
fn values_on_one_line() {
    #[track_caller]
    fn check(value: &Value, expected: &str) {
        assert_eq!(value.line().raw(), expected);
    }
    let pair = || vec![field("__0", 1), field("__1", 2)];
    check(&structure(Some("Pair"), pair(), 0), "Pair(1, 2)");
    check(&structure(Some("(u8, u8)"), pair(), 0), "(1, 2)");
    check(&structure(Some("Unit"), vec![], 0), "Unit");
    check(&structure(Some("()"), vec![], 0), "()");
    check(&structure(None, vec![field("a", 1)], 0), "{ a: 1 }");
    check(
        &structure(Some("S"), vec![field("a", 1)], 2),
        "S { a: 1, … }",
    );
    check(&structure(Some("S"), vec![], 3), "S { … }");
    let elements = vec![Value::Boolean { value: true }];
    check(
        &Value::Array {
            elements: elements.clone(),
            length: Some(1),
        },
        "[true]",
    );
    check(
        &Value::Slice {
            address: VirtAddr(8),
            elements,
            length: u64::MAX,
        },
        "[true, …] (18446744073709551615 elements)",
    );
    let why = Missing::Unreadable { at: VirtAddr(8) };
    check(&why.into(), "<unreadable at 0x8>");
    check(
        &Value::Enumerator {
            name: None,
            value: -4,
            bits: 32,
        },
        "-4",
    );
    let nul = Value::Text {
        address: VirtAddr(8),
        text: Untrusted::from("a\"\n"),
        length: None,
        cut: true,
    };
    check(&nul, "\"a\\\"\\n\"…");
}

#[test]
fn bytes_that_are_no_value_of_their_type() {
    #[track_caller]
    fn check(encoding: BaseEncoding, bits: u128, size: u64, expected: &str) {
        assert_eq!(base(encoding, bits, size).line().raw(), expected);
    }
    check(BaseEncoding::Boolean, 7, 1, "<invalid bool 0x7>");
    check(BaseEncoding::Unicode, 0xd800, 4, "<invalid char 0xd800>");
    check(
        BaseEncoding::Unicode,
        u128::MAX,
        16,
        "<invalid char 0xffffffffffffffffffffffffffffffff>",
    );
    check(BaseEncoding::Signed, 0xff, 1, "-1");
    check(BaseEncoding::Signed, u128::MAX, 16, "-1");
    check(BaseEncoding::Float, 0, 10, "<not described>");
    check(BaseEncoding::Float, f64::NAN.to_bits().into(), 8, "NaN");
    check(BaseEncoding::SignedCharacter, 0x80, 1, "-128");
    check(BaseEncoding::UnsignedCharacter, 0x41, 1, "65 'A'");
    let invalid = Value::Invalid {
        why: InvalidValue::Discriminant,
        bits: 9,
    };
    assert_eq!(invalid.line().raw(), "<invalid variant 0x9>");
}

#[test]
fn signs_of_any_width() {
    assert_eq!(sign_extend(0b100, 3), -4);
    assert_eq!(sign_extend(0b011, 3), 3);
    assert_eq!(sign_extend(u128::MAX, 128), -1);
    assert_eq!(sign_extend(7, u64::MAX), 7);
}

#[test]
fn variants_by_discriminant() {
    let variant = |discriminant| Variant {
        discriminant,
        members: Vec::new(),
    };
    let variants = [
        variant(Some(vec![0..=0, 4..=6])),
        variant(Some(vec![-1..=-1])),
        variant(None),
    ];
    let check = |bits: u128, index: usize| {
        let got = select(&variants, bits, sign_extend(bits, 8)).unwrap();
        assert!(std::ptr::eq(got, &raw const variants[index]), "{bits}");
    };
    check(0, 0);
    check(5, 0);
    check(0xff, 1);
    check(3, 2);
    assert_eq!(select(&variants[..2], 3, 3), None);
}
