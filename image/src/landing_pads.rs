//! Where exceptions land: the call-site tables of `.gcc_except_table` (Itanium
//! C++ ABI, "Exception Handling Tables"), which GCC, Clang and rustc write.
//!
//! Not here: what is caught, and what is done about it.

use std::ops::Range;

use crate::{LinkAddr, leb128};

/// Calls that may throw, and where what they throw lands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LandingPad {
    /// Every call that ends in here.
    pub calls: Range<LinkAddr>,
    /// The code that is entered.
    pub pad: LinkAddr,
}

/// Encodings of pointers (LSB Core, 10.5.1).
const OMITTED: u8 = 0xff;
const ABSOLUTE: u8 = 0x00;
const ULEB128: u8 = 0x01;
const UDATA2: u8 = 0x02;
const UDATA4: u8 = 0x03;
const UDATA8: u8 = 0x04;

/// The landing pads of code that begins at `start`, by its table. What
/// follows a malformed entry is left out; an unusual encoding gives nothing.
pub(crate) fn parse(table: &[u8], start: u64) -> Vec<LandingPad> {
    let mut reader = Reader { rest: table };
    let mut pads = Vec::new();
    let Some((base, encoding, mut calls)) = reader.header(start) else {
        return pads;
    };
    while !calls.rest.is_empty() {
        let Some(entry) = calls.entry(encoding) else {
            break;
        };
        let (from, length, pad) = entry;
        let code = start.checked_add(from);
        let end = code.and_then(|code| code.checked_add(length));
        // No landing pad: the exception passes on.
        if let (Some(code), Some(end), Some(pad)) = (code, end, base.checked_add(pad))
            && pad != base
        {
            pads.push(LandingPad {
                calls: LinkAddr(code)..LinkAddr(end),
                pad: LinkAddr(pad),
            });
        }
    }
    pads
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// What landing pads are relative to, how the call sites are written, and
    /// the call sites.
    fn header(&mut self, start: u64) -> Option<(u64, u8, Reader<'a>)> {
        let base = match self.byte()? {
            OMITTED => start,
            encoding => self.encoded(encoding)?,
        };
        if self.byte()? != OMITTED {
            self.uleb()?;
        }
        let encoding = self.byte()?;
        let length = usize::try_from(self.uleb()?).ok()?;
        let rest = self.rest.get(..length.min(self.rest.len()))?;
        Some((base, encoding, Reader { rest }))
    }

    fn entry(&mut self, encoding: u8) -> Option<(u64, u64, u64)> {
        let from = self.encoded(encoding)?;
        let length = self.encoded(encoding)?;
        let pad = self.encoded(encoding)?;
        self.uleb()?;
        Some((from, length, pad))
    }

    fn encoded(&mut self, encoding: u8) -> Option<u64> {
        match encoding {
            ULEB128 => self.uleb(),
            UDATA2 => self.fixed::<2>(),
            UDATA4 => self.fixed::<4>(),
            ABSOLUTE | UDATA8 => self.fixed::<8>(),
            _ => None,
        }
    }

    fn fixed<const N: usize>(&mut self) -> Option<u64> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        let mut whole = [0; 8];
        whole.get_mut(..N)?.copy_from_slice(bytes);
        Some(u64::from_le_bytes(whole))
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn uleb(&mut self) -> Option<u64> {
        let (number, size) = leb128::unsigned(self.rest)?;
        self.rest = &self.rest[size..];
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(table: &[u8], expected: &[(u64, u64, u64)]) {
        let found: Vec<_> = parse(table, 0x1000)
            .into_iter()
            .map(|pad| (pad.calls.start.0, pad.calls.end.0, pad.pad.0))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_usual_form() {
        let table = [0xff, 0x9b, 9, 1, 8, 4, 5, 0x20, 0, 9, 2, 0, 0, 1, 2];
        check(&table, &[(0x1004, 0x1009, 0x1020)]);
    }

    #[test]
    fn a_base_of_its_own_and_fixed_sizes() {
        let table = [3, 0, 0x20, 0, 0, 0xff, 2, 7, 1, 0, 2, 0, 3, 0, 0];
        check(&table, &[(0x1001, 0x1003, 0x2003)]);
    }

    #[test]
    fn what_is_cut_or_unknown_gives_less() {
        check(&[], &[]);
        check(&[0xff, 0xff, 0x50, 4, 1, 2, 3, 4], &[]);
        check(
            &[0xff, 0xff, 1, 90, 1, 2, 3, 0, 1, 2],
            &[(0x1001, 0x1003, 0x1003)],
        );
    }

    proptest::proptest! {
        #[test]
        fn random_tables(table in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
            parse(&table, 0x1000);
        }
    }
}
