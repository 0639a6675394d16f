//! Which units may hold the name of a function: found by where the string
//! sections have the name, and by searching the entries for references to
//! there as plain bytes, so that only those units are read. Too many units is
//! no harm, too few would be; what the entries mean is for who reads them.

use aho_corasick::packed::Searcher;
use gimli::Section as _;
use rayon::prelude::*;

use super::Debug;
use super::position::UnitSection;

/// Bytes that are looked at for tails of strings before reading every unit is
/// the surer way. Linkers let a name be the tail of a longer one.
const MOST_TAILS: usize = 1 << 26;

/// Attributes with their forms as abbreviations have them (DWARF 5 §7.5.4,
/// §7.5.6) by which an entry's name is in another unit or another file:
/// `DW_AT_abstract_origin` and `DW_AT_specification` as `DW_FORM_ref_addr` and
/// `DW_FORM_ref_sig8`; `DW_AT_GNU_dwo_name`. What begins like one is the code
/// and the tag of another abbreviation at worst.
const ELSEWHERE: [&[u8]; 5] = [
    &[0x31, 0x10],
    &[0x47, 0x10],
    &[0x31, 0x20],
    &[0x47, 0x20],
    &[0xb0, 0x42],
];

impl Debug<'_> {
    /// The units that hold a name that `matches`, and perhaps others: every
    /// such name holds `part`. None where it cannot be told without reading
    /// them.
    pub(super) fn units_with_name(
        &self,
        part: &[u8],
        matches: &(dyn Fn(&[u8]) -> bool + Sync),
    ) -> Option<Vec<usize>> {
        let dwarf = &self.main.dwarf;
        let abbreviations = dwarf.debug_abbrev.reader().slice();
        let is_whole = self.stands_alone() && !self.main.headers(UnitSection::Info).has_skeletons;
        if part.is_empty() || !is_whole || refers_elsewhere(abbreviations)? {
            return None;
        }
        let mut needles = vec![part.to_vec()];
        for section in [
            dwarf.debug_str.reader().slice(),
            dwarf.debug_line_str.reader().slice(),
        ] {
            let names = names_in(section, part, matches)?;
            // In 64-bit DWARF these are the lower half.
            needles.extend(names.into_iter().map(|name| name.to_le_bytes().to_vec()));
        }
        needles.sort_unstable();
        needles.dedup();
        let offsets = dwarf.debug_str_offsets.reader().slice();
        if !offsets.is_empty() {
            let tables = tables_with(offsets, &Searcher::new(&needles)?)?;
            needles.extend(tables.into_iter().map(|table| table.to_le_bytes().to_vec()));
        }
        let searcher = Searcher::new(&needles)?;
        let entries = dwarf.debug_info.reader().slice();
        let units = self.unit_offsets();
        let ends = units.iter().skip(1).copied().chain([entries.len()]);
        let bounds: Vec<(usize, usize)> = units.iter().copied().zip(ends).collect();
        let found = bounds.into_par_iter().filter(|&(start, end)| {
            let unit = entries.get(start..end);
            unit.is_none_or(|unit| searcher.find(unit).is_some())
        });
        Some(found.map(|(start, _)| start).collect())
    }
}

/// Whether some abbreviation, perhaps, has a pair of [`ELSEWHERE`].
fn refers_elsewhere(abbreviations: &[u8]) -> Option<bool> {
    let searcher = Searcher::new(ELSEWHERE)?;
    Some(searcher.find(abbreviations).is_some())
}

/// Where strings and tails of strings begin that match.
fn names_in(
    section: &[u8],
    part: &[u8],
    matches: &(dyn Fn(&[u8]) -> bool + Sync),
) -> Option<Vec<u32>> {
    let searcher = Searcher::new([part])?;
    let mut strings = Vec::new();
    let mut tails = 0_usize;
    let mut from = 0;
    while let Some(found) = searcher.find_in(section, (from..section.len()).into()) {
        let mut before = section[from..found.start()].iter();
        let start = before
            .rposition(|&byte| byte == 0)
            .map_or(from, |at| from + at + 1);
        let rest = section[found.end()..].iter();
        let end = rest
            .clone()
            .position(|&byte| byte == 0)
            .map_or(section.len(), |at| found.end() + at);
        let length = end - start;
        tails = tails.saturating_add(length.saturating_mul(length));
        if tails > MOST_TAILS {
            return None;
        }
        strings.push(start..end);
        from = end;
    }
    let names = strings.into_par_iter().flat_map_iter(|string| {
        let end = string.end;
        let last = end.saturating_sub(part.len());
        let starts = string.start..=last;
        starts.filter(move |&start| matches(&section[start..end]))
    });
    names
        .map(|name| u32::try_from(name).ok())
        .collect::<Option<Vec<u32>>>()
}

/// Where the tables of string offsets begin that hold one of some offsets, as
/// units say it: behind the header (DWARF 5 §7.26).
fn tables_with(section: &[u8], searcher: &Searcher) -> Option<Vec<u32>> {
    let mut tables = Vec::new();
    let mut at = 0_usize;
    while at < section.len() {
        let rest = section.get(at..)?;
        let short = u32::from_le_bytes(*rest.first_chunk()?);
        let (length, field): (u64, usize) = if short == u32::MAX {
            (u64::from_le_bytes(*rest.get(4..)?.first_chunk()?), 12)
        } else {
            (short.into(), 4)
        };
        let end = field.checked_add(usize::try_from(length).ok()?)?;
        // Version and padding.
        let first = field + 4;
        if searcher.find(rest.get(first..end)?).is_some() {
            tables.push(u32::try_from(at.checked_add(first)?).ok()?);
        }
        at = at.checked_add(end)?;
    }
    Some(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tails_of_names() {
        let check = |part: &str, expected: &[u32]| {
            let section = b"\0pin\0spin\0spinner\0pin_spin";
            let matches = |name: &[u8]| name == part.as_bytes();
            let mut found = names_in(section, part.as_bytes(), &matches).unwrap();
            found.sort_unstable();
            assert_eq!(found, expected, "{part}");
        };
        check("pin", &[1, 6, 23]);
        check("spin", &[5, 22]);
        check("spinner", &[10]);
        check("pin_spin", &[18]);
        check("spi", &[]);
    }

    #[test]
    fn a_string_of_hostile_length_is_not_searched() {
        let section = vec![b'a'; 1 << 20];
        assert_eq!(names_in(&section, b"a", &|_| false), None);
    }

    #[test]
    fn tables_of_string_offsets() {
        let needle = 0x1234_u32.to_le_bytes();
        let searcher = Searcher::new([needle]).unwrap();
        let table = |offset: u32| {
            let mut table = vec![8, 0, 0, 0, 5, 0, 0, 0];
            table.extend(offset.to_le_bytes());
            table
        };
        let section = [table(1), table(0x1234), table(2), table(0x1234)].concat();
        assert_eq!(tables_with(&section, &searcher), Some(vec![20, 44]));
        assert_eq!(tables_with(&section[..40], &searcher), None);
        assert_eq!(tables_with(&[], &searcher), Some(Vec::new()));
    }
}
