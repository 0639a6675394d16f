//! Debugging information: DWARF 4 and 5 through gimli, indexed by us, lazily.
//! This file holds the sections and finds units; what is in a unit is in the
//! modules below.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use gimli::SectionId::{DebugInfo, DebugLine, DebugRanges, DebugRngLists};
use gimli::{Abbreviations, DebugInfoOffset, EndianSlice, LittleEndian};
use rayon::prelude::*;

use crate::intervals::Intervals;

mod budget;
mod constants;
mod entries;
pub(crate) mod evaluate;
mod files;
pub(crate) mod functions;
pub(crate) mod globals;
pub(crate) mod inlines;
pub(crate) mod lines;
mod members;
pub(crate) mod names;
pub(crate) mod ranges;
pub(crate) mod type_names;
pub(crate) mod types;
pub(crate) mod unit;
pub(crate) mod variables;
mod virtual_tables;

use budget::Budget;
pub(crate) use unit::{Scope, Unit};

/// Every byte of DWARF is read through this.
pub(crate) type Slice<'data> = EndianSlice<'data, LittleEndian>;

/// The debugging information of one image.
pub(crate) struct Debug<'data> {
    pub(crate) dwarf: gimli::Dwarf<Slice<'data>>,
    /// Where the image has code. A linker leaves descriptions of functions
    /// that it dropped, at addresses 0, 1 or beyond the end.
    code: Vec<Range<u64>>,
    aranges: OnceLock<Aranges>,
    headers: OnceLock<Vec<usize>>,
    /// Units that `.debug_aranges` does not list, by their root entry's
    /// ranges.
    unlisted: OnceLock<Intervals<usize>>,
    units: RwLock<BTreeMap<usize, Arc<Unit<'data>>>>,
    /// By offset in `.debug_abbrev`: units of one producer often share one.
    abbreviations: RwLock<BTreeMap<usize, Arc<Abbreviations>>>,
    /// What indexes may hold in all.
    pub(crate) ranges_left: Budget,
    pub(crate) rows_left: Budget,
}

/// `.debug_aranges` (DWARF 5 §6.1.2): unit offsets by address.
struct Aranges {
    map: Intervals<usize>,
    listed: BTreeSet<usize>,
}

impl<'data> Debug<'data> {
    /// Over the sections that `section` gives; none without `.debug_info`.
    pub(crate) fn new(
        code: Vec<Range<u64>>,
        section: impl Fn(&'static str) -> Option<&'data [u8]>,
    ) -> Option<Self> {
        section(DebugInfo.name()).filter(|bytes| !bytes.is_empty())?;
        let load = |id: gimli::SectionId| {
            let bytes = section(id.name()).unwrap_or_default();
            Ok::<_, std::convert::Infallible>(EndianSlice::new(bytes, LittleEndian))
        };
        let Ok(dwarf) = gimli::Dwarf::load(load);
        let size = |id: gimli::SectionId| section(id.name()).map_or(0, <[u8]>::len);
        let ranges = [DebugInfo, DebugRanges, DebugRngLists]
            .map(size)
            .iter()
            .sum();
        Some(Self {
            dwarf,
            code,
            aranges: OnceLock::new(),
            headers: OnceLock::new(),
            unlisted: OnceLock::new(),
            units: RwLock::default(),
            abbreviations: RwLock::default(),
            ranges_left: Budget::of_section(ranges),
            rows_left: Budget::of_section(size(DebugLine)),
        })
    }

    /// Whether the image has code there.
    pub(crate) fn is_code(&self, address: u64) -> bool {
        self.code.iter().any(|range| range.contains(&address))
    }

    /// The unit whose code holds an address.
    pub(crate) fn unit_at(&self, address: u64) -> Option<Arc<Unit<'data>>> {
        self.unit(self.unit_offset_at(address)?)
    }

    /// Where the unit whose code holds an address begins.
    pub(crate) fn unit_offset_at(&self, address: u64) -> Option<usize> {
        if let Some((_, offset)) = self.aranges().map.get(address) {
            return Some(offset);
        }
        let unlisted = self.unlisted.get_or_init(|| self.scan_unlisted());
        let (_, offset) = unlisted.get(address)?;
        Some(offset)
    }

    /// The unit that begins at an offset; not kept unless it is already.
    pub(crate) fn unit_for_once(&self, offset: usize) -> Option<Arc<Unit<'data>>> {
        self.kept_unit(offset).or_else(|| {
            let header = self.dwarf.unit_header(DebugInfoOffset(offset)).ok()?;
            let abbreviations = self.kept_abbreviations(&header).map_or_else(
                || header.abbreviations(&self.dwarf.debug_abbrev).map(Arc::new),
                Ok,
            );
            self.unit_with(offset, header, abbreviations.ok()?)
                .map(Arc::new)
        })
    }

    fn kept_unit(&self, offset: usize) -> Option<Arc<Unit<'data>>> {
        let units = self.units.read().unwrap_or_else(PoisonError::into_inner);
        units.get(&offset).map(Arc::clone)
    }

    /// The unit that begins at an offset of `.debug_info`.
    pub(crate) fn unit(&self, offset: usize) -> Option<Arc<Unit<'data>>> {
        if let Some(unit) = self.kept_unit(offset) {
            return Some(unit);
        }
        let unit = Arc::new(self.parse_unit(offset)?);
        let mut units = self.units.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(units.entry(offset).or_insert(unit)))
    }

    /// The unit that an entry belongs to, by the entry's offset.
    pub(crate) fn unit_containing(&self, entry: usize) -> Option<Arc<Unit<'data>>> {
        let units = self.units.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, unit)) = units.range(..=entry).next_back()
            && unit.contains(entry)
        {
            return Some(Arc::clone(unit));
        }
        drop(units);
        let headers = self.unit_offsets();
        let after = headers.partition_point(|&offset| offset <= entry);
        let unit = self.unit(*headers.get(after.checked_sub(1)?)?)?;
        unit.contains(entry).then_some(unit)
    }

    /// Offsets of all units, ascending. Reads every header.
    pub(crate) fn unit_offsets(&self) -> &[usize] {
        self.headers.get_or_init(|| {
            let mut headers = self.dwarf.units();
            let mut offsets = Vec::new();
            // What follows a malformed header cannot be found.
            while let Ok(Some(header)) = headers.next() {
                offsets.extend(header.debug_info_offset().map(|offset| offset.0));
            }
            offsets
        })
    }

    /// Every unit's answer, computed in parallel and in order. The units are
    /// kept, since the answers lead back to them.
    pub(crate) fn for_all_units<T: Send>(
        &self,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        self.answers(|offset| self.unit(offset), answer)
    }

    /// As [`Debug::for_all_units`], without keeping the units: writing a
    /// quarter of a gigabyte takes longer than reading it.
    pub(crate) fn for_all_units_once<T: Send>(
        &self,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        self.answers(|offset| self.unit_for_once(offset), answer)
    }

    fn answers<T: Send>(
        &self,
        unit: impl Fn(usize) -> Option<Arc<Unit<'data>>> + Sync,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        let in_unit = |&offset: &usize| {
            let unit = unit(offset);
            unit.map_or_else(Vec::new, |unit| {
                answer(Scope {
                    debug: self,
                    unit: &unit,
                })
            })
        };
        let offsets = self.unit_offsets().par_iter();
        let answers: Vec<Vec<T>> = offsets.map(in_unit).collect();
        answers.into_iter().flatten().collect()
    }

    fn parse_unit(&self, offset: usize) -> Option<Unit<'data>> {
        let header = self.dwarf.unit_header(DebugInfoOffset(offset)).ok()?;
        let abbreviations = self.abbreviations(&header)?;
        self.unit_with(offset, header, abbreviations)
    }

    fn unit_with(
        &self,
        offset: usize,
        header: gimli::UnitHeader<Slice<'data>>,
        abbreviations: Arc<Abbreviations>,
    ) -> Option<Unit<'data>> {
        let unit = gimli::Unit::new_with_abbreviations(&self.dwarf, header, abbreviations);
        Some(Unit::new(offset, unit.ok()?))
    }

    fn abbreviations(
        &self,
        header: &gimli::UnitHeader<Slice<'data>>,
    ) -> Option<Arc<Abbreviations>> {
        if let Some(abbreviations) = self.kept_abbreviations(header) {
            return Some(abbreviations);
        }
        let offset = header.debug_abbrev_offset().0;
        let parsed = Arc::new(header.abbreviations(&self.dwarf.debug_abbrev).ok()?);
        let mut known = self
            .abbreviations
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(known.entry(offset).or_insert(parsed)))
    }

    fn kept_abbreviations(
        &self,
        header: &gimli::UnitHeader<Slice<'data>>,
    ) -> Option<Arc<Abbreviations>> {
        let known = self
            .abbreviations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        known.get(&header.debug_abbrev_offset().0).map(Arc::clone)
    }

    fn aranges(&self) -> &Aranges {
        self.aranges.get_or_init(|| {
            let mut ranges = Vec::new();
            let mut headers = self.dwarf.debug_aranges.headers();
            while let Ok(Some(header)) = headers.next() {
                let unit = header.debug_info_offset().0;
                let mut entries = header.entries();
                while let Ok(Some(entry)) = entries.next() {
                    let range = entry.range();
                    if self.is_code(range.begin) {
                        ranges.push((range.begin..range.end, (), unit));
                    }
                }
            }
            let listed = ranges.iter().map(|&(_, (), unit)| unit).collect();
            Aranges {
                map: Intervals::new(ranges),
                listed,
            }
        })
    }

    fn scan_unlisted(&self) -> Intervals<usize> {
        let listed = &self.aranges().listed;
        let roots = self
            .unit_offsets()
            .par_iter()
            .filter(|&offset| !listed.contains(offset));
        let ranges = roots.flat_map_iter(|&offset| {
            let unit = self.parse_unit(offset);
            let ranges = unit.map_or_else(Vec::new, |unit| {
                Scope {
                    debug: self,
                    unit: &unit,
                }
                .code_ranges()
            });
            ranges.into_iter().map(move |range| (range, (), offset))
        });
        Intervals::new(ranges.collect())
    }
}
