//! Numbers of any length (DWARF 5 §7.6), for what is read by the million.
//! Attributes are gimli's to read.

/// The unsigned number that bytes begin with, and how many bytes it takes.
/// None where they end in it, or where it takes more than 64 bits.
#[inline]
pub(crate) fn unsigned(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((first.into(), 1));
    }
    let mut number = u64::from(first & 0x7f);
    for (place, &byte) in bytes.iter().enumerate().take(10).skip(1) {
        if place == 9 && byte > 1 {
            return None;
        }
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Some((number, place + 1));
        }
    }
    None
}

/// As [`unsigned`], with a sign.
#[inline]
pub(crate) fn signed(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut number = 0;
    for (place, &byte) in bytes.iter().enumerate().take(10) {
        if place == 9 && byte != 0 && byte != 0x7f {
            return None;
        }
        number |= i64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            let bits = 7 * (place + 1);
            if byte & 0x40 != 0 && bits < 64 {
                number |= -1 << bits;
            }
            return Some((number, place + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use gimli::{EndianSlice, LittleEndian, Reader as _};
    use proptest::prelude::*;

    use super::{signed, unsigned};

    proptest! {
        #[test]
        fn numbers_are_what_gimli_reads(
            high in prop::collection::vec(0x80_u8.., 0..11),
            last in 0_u8..0x80,
            cut in 0_usize..12,
        ) {
            let mut bytes = high;
            bytes.push(last);
            bytes.truncate(cut);
            let mut reader = EndianSlice::new(&bytes, LittleEndian);
            let expected = reader.read_uleb128().ok().map(|it| (it, bytes.len() - reader.len()));
            prop_assert_eq!(unsigned(&bytes), expected);
            let mut reader = EndianSlice::new(&bytes, LittleEndian);
            let expected = reader.read_sleb128().ok().map(|it| (it, bytes.len() - reader.len()));
            prop_assert_eq!(signed(&bytes), expected);
        }
    }
}
