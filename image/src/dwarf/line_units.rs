//! Which units' line tables name a file: found in the tables' own headers, so
//! that only those units are read. Abbreviations of all units are most of the
//! work on a kernel. What the rows say is in `lines`.

use gimli::{AttributeValue, DebugLineOffset, Section as _};
use rayon::prelude::*;

use super::part::Keep;
use super::position::UnitSection;
use super::{Debug, Scope, Slice};

impl<'data> Debug<'data> {
    /// As [`Debug::for_all_line_tables`], of the tables that name a file, and
    /// perhaps of others.
    pub(crate) fn for_line_tables_naming<T: Send>(
        &self,
        file: &str,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        let Some(units) = self.units_naming(file) else {
            return self.for_all_line_tables(answer);
        };
        let units = units.into_par_iter();
        let answers = units.flat_map_iter(|offset| {
            let unit = self.main.unit(UnitSection::Info, offset, Keep::No);
            unit.map_or_else(Vec::new, |unit| {
                answer(Scope {
                    debug: self,
                    unit: &unit,
                })
            })
        });
        answers.collect()
    }

    /// The units; none where they are many, or are not found this way.
    fn units_naming(&self, file: &str) -> Option<Vec<usize>> {
        let last = file.rsplit('/').next().unwrap_or(file).as_bytes();
        let tables = table_offsets(self.main.dwarf.debug_line.reader().slice())?;
        let naming = tables.into_par_iter();
        let naming: Vec<usize> = naming.filter(|&table| self.names(table, last)).collect();
        // Of a header that all include, reading every unit is the faster way
        // than a search for each.
        let units = self.unit_offsets();
        if naming.len().saturating_mul(units_probed(units)) > units.len() {
            return None;
        }
        let units = naming
            .into_par_iter()
            .map(|table| self.unit_of_table(table));
        units.collect()
    }

    /// Whether a table names a file that ends so, or may.
    fn names(&self, table: usize, last: &[u8]) -> bool {
        let dwarf = &self.main.dwarf;
        // The size of an address does not matter to the header.
        let program = dwarf
            .debug_line
            .program(DebugLineOffset(table), 8, None, None);
        let Ok(program) = program else {
            return true;
        };
        let mut files = program.header().file_names().iter();
        files.any(|file| {
            let name: Option<Slice<'_>> = match file.path_name() {
                AttributeValue::String(name) => Some(name),
                AttributeValue::DebugStrRef(offset) => dwarf.string(offset).ok(),
                AttributeValue::DebugLineStrRef(offset) => dwarf.line_string(offset).ok(),
                _ => None,
            };
            name.is_none_or(|name| name.slice().ends_with(last))
        })
    }

    /// The unit of a table: units and their tables are in the same order
    /// wherever a linker put them together.
    fn unit_of_table(&self, table: usize) -> Option<usize> {
        let mut units = self.unit_offsets();
        while !units.is_empty() {
            let (before, after) = units.split_at(units.len() / 2);
            let mut later = after.iter().enumerate();
            let found = later.find_map(|(place, &unit)| Some((place, unit, self.table_of(unit)?)));
            units = match found {
                Some((_, unit, of_unit)) if of_unit == table => return Some(unit),
                Some((place, _, of_unit)) if of_unit < table => after.get(place + 1..)?,
                _ => before,
            };
        }
        None
    }

    /// The table of a unit that has code; files are relative to a folder that
    /// it names.
    fn table_of(&self, unit: usize) -> Option<usize> {
        let unit = self.main.unit(UnitSection::Info, unit, Keep::No)?;
        if unit.is_type_unit() || unit.dwarf.comp_dir.is_none() {
            return None;
        }
        Some(unit.dwarf.line_program.as_ref()?.header().offset().0)
    }
}

/// Units that are read to find one.
fn units_probed(units: &[usize]) -> usize {
    let halvings = units.len().checked_ilog2().unwrap_or(0);
    usize::try_from(halvings + 1).unwrap_or(usize::MAX)
}

/// Where each table begins (DWARF 5 §6.2.4: each is led by its length); none
/// when they do not fill the section.
fn table_offsets(section: &[u8]) -> Option<Vec<usize>> {
    let mut offsets = Vec::new();
    let mut at = 0_usize;
    while at < section.len() {
        offsets.push(at);
        let length = u32::from_le_bytes(*section.get(at..)?.first_chunk()?);
        let (length, field) = if length == u32::MAX {
            let length = section.get(at.checked_add(4)?..)?.first_chunk()?;
            (u64::from_le_bytes(*length), 12)
        } else {
            (length.into(), 4)
        };
        at = at
            .checked_add(field)?
            .checked_add(usize::try_from(length).ok()?)?;
    }
    (at == section.len()).then_some(offsets)
}

#[cfg(test)]
mod tests {
    use super::table_offsets;

    #[test]
    fn tables_follow_each_other() {
        let check = |section: &[u8], expected: Option<&[usize]>| {
            assert_eq!(table_offsets(section).as_deref(), expected, "{section:?}");
        };
        check(&[], Some(&[]));
        check(&[2, 0, 0, 0, 9, 9, 0, 0, 0, 0], Some(&[0, 6]));
        let mut wide = vec![0xff; 4];
        wide.extend([1, 0, 0, 0, 0, 0, 0, 0, 7]);
        check(&wide, Some(&[0]));
        check(&[2, 0, 0, 0, 9], None);
        check(&[0xff; 12], None);
        check(&[1, 0], None);
    }
}
