//! Constants as attributes give them. A fixed-size form does not say whether
//! it is signed (DWARF 5 §7.5.5); the type it belongs to does.

use gimli::{AttributeValue, Reader};

use super::Slice;

/// An integer, extended by the sign of the type it is of.
pub(crate) fn integer(value: &AttributeValue<Slice<'_>>, signed: bool) -> Option<i128> {
    Some(match *value {
        AttributeValue::Data1(value) if signed => i128::from(value.cast_signed()),
        AttributeValue::Data1(value) => i128::from(value),
        AttributeValue::Data2(value) if signed => i128::from(value.cast_signed()),
        AttributeValue::Data2(value) => i128::from(value),
        AttributeValue::Data4(value) if signed => i128::from(value.cast_signed()),
        AttributeValue::Data4(value) => i128::from(value),
        AttributeValue::Data8(value) if signed => i128::from(value.cast_signed()),
        AttributeValue::Data8(value) => i128::from(value),
        AttributeValue::Data16(value) => value.cast_signed(),
        AttributeValue::Sdata(value) => i128::from(value),
        AttributeValue::Udata(value) => i128::from(value),
        AttributeValue::Block(bytes) => {
            let bytes: [u8; 16] = bytes.slice().try_into().ok()?;
            i128::from_le_bytes(bytes)
        }
        _ => return None,
    })
}

/// The bytes of a constant, in target order. An integer takes the size of its
/// form, and eight bytes where the form has none: the type says how many of
/// them count.
pub(crate) fn bytes(value: &AttributeValue<Slice<'_>>) -> Option<Vec<u8>> {
    Some(match *value {
        AttributeValue::Data1(value) => value.to_le_bytes().to_vec(),
        AttributeValue::Data2(value) => value.to_le_bytes().to_vec(),
        AttributeValue::Data4(value) => value.to_le_bytes().to_vec(),
        AttributeValue::Data8(value) => value.to_le_bytes().to_vec(),
        AttributeValue::Data16(value) => value.to_le_bytes().to_vec(),
        AttributeValue::Sdata(value) => value.to_le_bytes().to_vec(),
        AttributeValue::Udata(value) => value.to_le_bytes().to_vec(),
        AttributeValue::Block(bytes) => bytes.slice().to_vec(),
        AttributeValue::String(text) => {
            let mut bytes = text.slice().to_vec();
            bytes.push(0);
            bytes
        }
        AttributeValue::Addr(value) => value.to_le_bytes().to_vec(),
        _ => return None,
    })
}

/// `DW_AT_discr_list` (DWARF 5 §7.5.5 "discriminant list"): labels and
/// ranges. What follows a malformed item is not read.
pub(crate) fn discriminants(list: Slice<'_>, signed: bool) -> Vec<std::ops::RangeInclusive<i128>> {
    let mut list = list;
    let mut next = || -> gimli::Result<std::ops::RangeInclusive<i128>> {
        let kind = list.read_u8()?;
        let mut value = || -> gimli::Result<i128> {
            Ok(if signed {
                i128::from(list.read_sleb128()?)
            } else {
                i128::from(list.read_uleb128()?)
            })
        };
        let low = value()?;
        Ok(match gimli::DwDsc(kind) {
            gimli::DW_DSC_range => low..=value()?,
            _ => low..=low,
        })
    };
    std::iter::from_fn(|| next().ok()).collect()
}

#[cfg(test)]
mod tests {
    use gimli::{EndianSlice, LittleEndian};

    use super::*;

    #[test]
    fn the_sign_is_the_types() {
        let value = AttributeValue::Data1(0xff);
        assert_eq!(integer(&value, true), Some(-1));
        assert_eq!(integer(&value, false), Some(255));
        assert_eq!(integer(&AttributeValue::Flag(true), false), None);
    }

    #[test]
    fn discriminant_lists() {
        let check = |bytes: &[u8], signed, expected: &[std::ops::RangeInclusive<i128>]| {
            let list = EndianSlice::new(bytes, LittleEndian);
            assert_eq!(discriminants(list, signed), expected);
        };
        check(&[], false, &[]);
        check(&[0, 5, 1, 7, 9], false, &[5..=5, 7..=9]);
        check(&[0, 0x7f], true, &[-1..=-1]);
        check(&[0, 5, 1, 7], false, &[5..=5]);
    }
}
