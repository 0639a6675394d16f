//! Debugging information: DWARF 4 and 5 through gimli, indexed by us, lazily.
//! This file holds the sections and finds units; what is in a unit is in the
//! modules below.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use gimli::SectionId::{DebugInfo, DebugLine, DebugRanges, DebugRngLists, DebugTypes};
use gimli::{EndianSlice, LittleEndian};
use rayon::prelude::*;

use crate::companions::{Companions, dwarf_of};
use crate::demangle::KnownNames;
use crate::intervals::Intervals;

mod abbreviation_lengths;
mod budget;
pub(crate) mod call_sites;
mod constants;
mod entries;
pub(crate) mod evaluate;
mod files;
pub(crate) mod functions;
pub(crate) mod globals;
pub(crate) mod inlined_copies;
pub(crate) mod inlines;
mod line_program;
mod line_units;
pub(crate) mod lines;
mod members;
mod name_units;
pub(crate) mod names;
mod part;
mod position;
pub(crate) mod ranges;
mod skim;
mod split;
pub(crate) mod type_names;
mod type_units;
pub(crate) mod types;
pub(crate) mod unit;
pub(crate) mod variables;
mod virtual_tables;

use budget::Budget;
use part::{Keep, Part};
use position::UnitSection;
use split::SplitUnits;
pub(crate) use unit::{Scope, Unit};

/// Every byte of DWARF is read through this.
pub(crate) type Slice<'data> = EndianSlice<'data, LittleEndian>;

/// The debugging information of one image.
pub(crate) struct Debug<'data> {
    /// Its own sections.
    main: Part<'data>,
    /// What it shares with other images.
    supplementary: Option<Part<'data>>,
    split: SplitUnits<'data>,
    companions: Arc<Companions<'data>>,
    /// Where the image has code. A linker leaves descriptions of functions
    /// that it dropped, at addresses 0, 1 or beyond the end.
    code: Vec<Range<u64>>,
    aranges: OnceLock<Aranges>,
    /// Units that `.debug_aranges` does not list, by their root entry's
    /// ranges.
    unlisted: OnceLock<Intervals<usize>>,
    /// By position; a split unit by its own and by that of its skeleton.
    units: RwLock<BTreeMap<usize, Arc<Unit<'data>>>>,
    pub(crate) names: KnownNames<'data>,
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
        supplementary: Option<gimli::Dwarf<Slice<'data>>>,
        companions: Arc<Companions<'data>>,
    ) -> Option<Self> {
        section(DebugInfo.name()).filter(|bytes| !bytes.is_empty())?;
        let mut dwarf = dwarf_of(|id| {
            let bytes = section(id.name()).unwrap_or_default();
            EndianSlice::new(bytes, LittleEndian)
        });
        let size = |id: gimli::SectionId| section(id.name()).map_or(0, <[u8]>::len);
        let ranges = [DebugInfo, DebugTypes, DebugRanges, DebugRngLists]
            .map(size)
            .iter()
            .sum();
        let supplementary = supplementary.map(Part::new);
        // Strings are read there by gimli itself.
        dwarf.sup = supplementary.as_ref().map(|part| Arc::clone(&part.dwarf));
        Some(Self {
            main: Part::new(dwarf),
            supplementary,
            split: SplitUnits::default(),
            companions,
            code,
            aranges: OnceLock::new(),
            unlisted: OnceLock::new(),
            units: RwLock::default(),
            names: KnownNames::default(),
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

    /// The unit that begins at a position; not kept unless it is already.
    pub(crate) fn unit_for_once(&self, position: usize) -> Option<Arc<Unit<'data>>> {
        self.kept_unit(position)
            .or_else(|| self.read_unit(position, Keep::No))
    }

    fn kept_unit(&self, position: usize) -> Option<Arc<Unit<'data>>> {
        let units = self.units.read().unwrap_or_else(PoisonError::into_inner);
        units.get(&position).map(Arc::clone)
    }

    /// The unit that begins at a position: of a split one, the whole.
    pub(crate) fn unit(&self, position: usize) -> Option<Arc<Unit<'data>>> {
        if let Some(unit) = self.kept_unit(position) {
            return Some(unit);
        }
        let unit = self.read_unit(position, Keep::Yes)?;
        let mut units = self.units.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(units.entry(position).or_insert(unit)))
    }

    fn read_unit(&self, position: usize, keep: Keep) -> Option<Arc<Unit<'data>>> {
        let (section, offset) = UnitSection::of(position)?;
        let unit = match section {
            UnitSection::Info => {
                let unit = self.main.unit(section, offset, keep)?;
                // Without its file, the skeleton is what there is.
                let split = unit.dwarf.dwo_id.and_then(|_| self.split_of(&unit, keep));
                return Some(split.unwrap_or_else(|| Arc::new(unit)));
            }
            UnitSection::Types => self.main.unit(section, offset, keep),
            UnitSection::Supplementary => self.supplementary.as_ref()?.unit(section, offset, keep),
            UnitSection::Split(number) | UnitSection::SplitTypes(number) => {
                self.unit_in_split(section, number, offset)
            }
            UnitSection::PackagedType(row) | UnitSection::PackagedOldType(row) => {
                self.packaged_type_part(row)?.unit(section, offset, keep)
            }
        };
        unit.map(Arc::new)
    }

    /// The unit that an entry belongs to, by the entry's position.
    pub(crate) fn unit_containing(&self, entry: usize) -> Option<Arc<Unit<'data>>> {
        let units = self.units.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, unit)) = units.range(..=entry).next_back()
            && unit.contains(entry)
        {
            return Some(Arc::clone(unit));
        }
        drop(units);
        let (section, offset) = UnitSection::of(entry)?;
        let before = self.with_part(section, |part| {
            let offsets = &part.headers(section).offsets;
            let after = offsets.partition_point(|&unit| unit <= offset);
            offsets.get(after.checked_sub(1)?).copied()
        })?;
        let unit = self.unit(section.position(before)?)?;
        unit.contains(entry).then_some(unit)
    }

    /// Asks the part that a section belongs to.
    fn with_part<T>(
        &self,
        section: UnitSection,
        ask: impl FnOnce(&Part<'data>) -> Option<T>,
    ) -> Option<T> {
        match section {
            UnitSection::Info | UnitSection::Types => ask(&self.main),
            UnitSection::Supplementary => ask(self.supplementary.as_ref()?),
            UnitSection::Split(number) | UnitSection::SplitTypes(number) => {
                ask(&self.split_part(number)?.part)
            }
            UnitSection::PackagedType(row) | UnitSection::PackagedOldType(row) => {
                ask(&*self.packaged_type_part(row)?)
            }
        }
    }

    /// Offsets of the units of `.debug_info`, ascending. Reads every header.
    pub(crate) fn unit_offsets(&self) -> &[usize] {
        &self.main.headers(UnitSection::Info).offsets
    }

    /// Every unit's answer, computed in parallel and in order. The units are
    /// kept, since the answers lead back to them.
    pub(crate) fn for_all_units<T: Send>(
        &self,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        self.answers(self.unit_offsets(), |offset| self.unit(offset), answer)
    }

    /// As [`Debug::for_all_units`], without keeping the units.
    pub(crate) fn for_all_units_once<T: Send>(
        &self,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        self.for_units_once(self.unit_offsets(), answer)
    }

    /// As [`Debug::for_all_units_once`], of some units.
    pub(crate) fn for_units_once<T: Send>(
        &self,
        offsets: &[usize],
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        self.answers(offsets, |offset| self.unit_for_once(offset), answer)
    }

    /// Every line table's answer, in order. Neither kept, since writing a
    /// quarter of a gigabyte takes longer than reading it, nor are files of
    /// split units opened.
    pub(crate) fn for_all_line_tables<T: Send>(
        &self,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        let unit = |offset| {
            let kept = self.kept_unit(offset);
            kept.or_else(|| {
                self.main
                    .unit(UnitSection::Info, offset, Keep::No)
                    .map(Arc::new)
            })
        };
        self.answers(self.unit_offsets(), unit, answer)
    }

    fn answers<T: Send>(
        &self,
        offsets: &[usize],
        unit: impl Fn(usize) -> Option<Arc<Unit<'data>>> + Sync,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        let answers = offsets
            .par_iter()
            .map(|&offset| self.answer(unit(offset), &answer));
        let answers: Vec<Vec<T>> = answers.collect();
        answers.into_iter().flatten().collect()
    }

    fn answer<T>(
        &self,
        unit: Option<Arc<Unit<'data>>>,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T>,
    ) -> Vec<T> {
        unit.map_or_else(Vec::new, |unit| {
            answer(Scope {
                debug: self,
                unit: &unit,
            })
        })
    }

    fn aranges(&self) -> &Aranges {
        self.aranges.get_or_init(|| {
            let mut ranges = Vec::new();
            let mut headers = self.main.dwarf.debug_aranges.headers();
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
            let ranges = self.code_ranges(offset).into_iter();
            ranges.map(move |range| (range, (), offset))
        });
        Intervals::new(ranges.collect())
    }

    /// Code ranges of a unit: its root entry's, or else its functions'.
    fn code_ranges(&self, offset: usize) -> Vec<Range<u64>> {
        let debug = self;
        let Some(unit) = self.main.unit(UnitSection::Info, offset, Keep::Yes) else {
            return Vec::new();
        };
        if unit.is_type_unit() {
            return Vec::new();
        }
        let ranges = Scope { debug, unit: &unit }.root_ranges();
        if !ranges.is_empty() {
            return ranges;
        }
        let whole = self.unit_for_once(offset);
        whole.map_or_else(Vec::new, |unit| {
            Scope { debug, unit: &unit }.functions().all_ranges()
        })
    }
}
