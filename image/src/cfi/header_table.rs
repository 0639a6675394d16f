//! The binary search table of `.eh_frame_hdr` (LSB, "The .eh_frame_hdr
//! section"), in the one form that linkers write. Others are not read: the
//! entries are then found by an index of our own.

use std::ops::Range;

/// `.eh_frame` is relative to this field, four bytes, signed.
const POINTER_ENCODING: u8 = (gimli::DW_EH_PE_pcrel.0) | (gimli::DW_EH_PE_sdata4.0);

/// The count is four bytes, unsigned.
const COUNT_ENCODING: u8 = gimli::DW_EH_PE_udata4.0;

/// The table is relative to the section, in signed pairs of four bytes.
const TABLE_ENCODING: u8 = (gimli::DW_EH_PE_datarel.0) | (gimli::DW_EH_PE_sdata4.0);

/// The table: start of code and address of the entry, ascending.
pub(super) struct HeaderTable<'data> {
    section_address: u64,
    pairs: &'data [[u8; 8]],
}

impl<'data> HeaderTable<'data> {
    pub(super) fn parse(section_address: u64, section: &'data [u8]) -> Option<Self> {
        let (header, table) = section.split_first_chunk::<12>()?;
        let [
            1,
            POINTER_ENCODING,
            COUNT_ENCODING,
            TABLE_ENCODING,
            _,
            _,
            _,
            _,
            count @ ..,
        ] = header
        else {
            return None;
        };
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (pairs, _) = table.as_chunks::<8>();
        Some(Self {
            section_address,
            pairs: pairs.get(..count)?,
        })
    }

    /// Address of the entry whose code begins nearest below an address.
    pub(super) fn entry_address(&self, address: u64) -> Option<u64> {
        let after = self
            .pairs
            .partition_point(|pair| self.pair(pair).0 <= address);
        let pair = self.pairs.get(after.checked_sub(1)?)?;
        Some(self.pair(pair).1)
    }

    /// Entries whose code may lie in a range: each with its address and with
    /// the addresses that it is the nearest entry of.
    pub(super) fn overlapping(&self, page: &Range<u64>) -> impl Iterator<Item = (Range<u64>, u64)> {
        let start = page.start;
        let after = self
            .pairs
            .partition_point(|pair| self.pair(pair).0 <= start);
        let pairs = self.pairs.get(after.saturating_sub(1)..);
        let pairs = pairs.unwrap_or_default();
        let next = pairs.iter().skip(1).map(|pair| self.pair(pair).0);
        let ends = next.chain(std::iter::once(u64::MAX));
        let end = page.end;
        pairs
            .iter()
            .map(|pair| self.pair(pair))
            .zip(ends)
            .map(|((start, entry), end)| (start..end, entry))
            .take_while(move |(range, _)| range.start < end)
    }

    fn pair(&self, pair: &[u8; 8]) -> (u64, u64) {
        let [a, b, c, d, e, f, g, h] = *pair;
        let absolute = |offset: [u8; 4]| {
            let offset = i64::from(i32::from_le_bytes(offset));
            self.section_address.wrapping_add_signed(offset)
        };
        (absolute([a, b, c, d]), absolute([e, f, g, h]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(count: u32, pairs: &[(i32, i32)]) -> Vec<u8> {
        let mut bytes = vec![1, 0x1b, 0x03, 0x3b, 0, 0, 0, 0];
        bytes.extend(count.to_le_bytes());
        for (code, entry) in pairs {
            bytes.extend(code.to_le_bytes());
            bytes.extend(entry.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn the_nearest_entry_below_is_found() {
        let bytes = section(2, &[(-0x100, 0x40), (0x10, 0x60)]);
        let table = HeaderTable::parse(0x1000, &bytes).expect("the usual form");
        let found = [0xeff, 0xf00, 0x100f, 0x1010, u64::MAX].map(|at| table.entry_address(at));
        assert_eq!(
            found,
            [None, Some(0x1040), Some(0x1040), Some(0x1060), Some(0x1060)]
        );
    }

    #[test]
    fn other_forms_and_false_counts_are_left_alone() {
        let check = |bytes: &[u8]| assert!(HeaderTable::parse(0x1000, bytes).is_none());
        check(&[]);
        check(&section(3, &[(0, 0)]));
        check(&section(u32::MAX, &[]));
        let mut other = section(1, &[(0, 0)]);
        other[3] = 0x3c;
        check(&other);
    }
}
