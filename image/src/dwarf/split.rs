//! Split units (DWARF 5 §3.1.3, §7.3.2, and GNU's form of them in DWARF 4):
//! the image has a skeleton of each, with what a linker must touch; the rest
//! is in a file of its own, or in a package of many.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use gimli::{DebugInfo, DwarfPackage, DwoId, EndianSlice, LittleEndian, SectionId, UnitType};

use super::part::{Keep, Part};
use super::position::UnitSection;
use super::unit::Unit;
use super::{Debug, Slice};
use crate::WantedFile;
use crate::companions::dwarf_of;
use crate::elf::Elf;

/// Every split unit that was asked for.
#[derive(Default)]
pub(super) struct SplitUnits<'data> {
    package: OnceLock<Option<DwarfPackage<Slice<'data>>>>,
    /// By the number of the skeleton; none for one that was not found.
    parts: RwLock<BTreeMap<usize, Option<Arc<SplitPart<'data>>>>>,
    /// Type units of the package, by row.
    types: RwLock<BTreeMap<usize, Arc<Part<'data>>>>,
}

/// The file of a split unit, or its contribution to a package.
pub(super) struct SplitPart<'data> {
    pub(super) part: Part<'data>,
    /// Where the unit begins in it.
    pub(super) offset: usize,
    skeleton: Unit<'data>,
}

impl<'data> Debug<'data> {
    /// The split unit of a skeleton; none for an ordinary unit, or when its
    /// file is not found.
    pub(super) fn split_of(&self, skeleton: &Unit<'data>, keep: Keep) -> Option<Arc<Unit<'data>>> {
        let number = self.unit_offsets().binary_search(&skeleton.offset).ok()?;
        let split = self.split_part(number)?;
        let position = UnitSection::Split(number).position(split.offset)?;
        match keep {
            Keep::Yes => self.unit(position),
            Keep::No => self.unit_for_once(position),
        }
    }

    /// A unit of a split unit's file, with what its skeleton says.
    pub(super) fn unit_in_split(
        &self,
        section: UnitSection,
        number: usize,
        offset: usize,
    ) -> Option<Unit<'data>> {
        let split = self.split_part(number)?;
        let mut unit = split.part.unit(section, offset, Keep::No)?;
        unit.complete(&split.skeleton, &self.main.dwarf);
        Some(unit)
    }

    /// The part that belongs to a skeleton, by the skeleton's number.
    pub(super) fn split_part(&self, number: usize) -> Option<Arc<SplitPart<'data>>> {
        let parts = &self.split.parts;
        let known = parts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = known.get(&number) {
            return part.clone();
        }
        drop(known);
        let part = self.read_split_part(number).map(Arc::new);
        let mut known = parts.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(number).or_insert(part).clone()
    }

    fn read_split_part(&self, number: usize) -> Option<SplitPart<'data>> {
        let offset = *self.unit_offsets().get(number)?;
        let skeleton = self.main.unit(UnitSection::Info, offset, Keep::Yes)?;
        let id = skeleton.dwarf.dwo_id?;
        let name = skeleton.dwarf.dwo_name().ok()??;
        let name = self.main.dwarf.attr_string(&skeleton.dwarf, name).ok()?;
        let packaged = self.package().and_then(|package| {
            let dwarf = package.find_cu(id, &self.main.dwarf).ok()??;
            with_unit(dwarf, id)
        });
        let (part, offset) = packaged.or_else(|| {
            let wanted = WantedFile::SplitUnit {
                name: name.slice(),
                directory: skeleton.dwarf.comp_dir.map(|directory| directory.slice()),
            };
            self.companions.find(wanted, |file| {
                let mut dwarf = dwarf_of(|id| section(file, id));
                dwarf.make_dwo(&self.main.dwarf);
                with_unit(dwarf, id)
            })
        })?;
        self.ranges_left.grow(part.info_bytes());
        Some(SplitPart {
            part,
            offset,
            skeleton,
        })
    }

    /// Numbers of the skeletons whose files were found so far.
    pub(super) fn split_numbers(&self) -> Vec<usize> {
        let parts = self.split.parts.read();
        let parts = parts.unwrap_or_else(PoisonError::into_inner);
        let found = parts.iter().filter(|(_, part)| part.is_some());
        found.map(|(&number, _)| number).collect()
    }

    /// Whether no file beside the image was wanted so far.
    pub(crate) fn stands_alone(&self) -> bool {
        let parts = self.split.parts.read();
        let parts = parts.unwrap_or_else(PoisonError::into_inner);
        parts.is_empty() && self.supplementary.is_none() && self.companions.missing().is_empty()
    }

    fn package(&self) -> Option<&DwarfPackage<Slice<'data>>> {
        let package = self.split.package.get_or_init(|| {
            self.companions.find(WantedFile::Package, |file| {
                let empty = EndianSlice::new(&[], LittleEndian);
                let load = |id: SectionId| Ok::<_, gimli::Error>(section(file, id));
                let package = DwarfPackage::load(load, empty).ok()?;
                (package.cu_index.unit_count() > 0).then_some(package)
            })
        });
        package.as_ref()
    }

    /// The row of a type in the package.
    pub(super) fn packaged_type(&self, signature: u64) -> Option<usize> {
        let package = self.split.package.get()?.as_ref()?;
        usize::try_from(package.tu_index.find(signature)?).ok()
    }

    /// Rows of all types in the package.
    pub(super) fn packaged_types(&self) -> std::ops::RangeInclusive<usize> {
        let package = self.split.package.get().and_then(Option::as_ref);
        let count = package.map_or(0, |package| package.tu_index.unit_count());
        1..=usize::try_from(count).unwrap_or(0)
    }

    /// The contribution of a type to the package.
    pub(super) fn packaged_type_part(&self, row: usize) -> Option<Arc<Part<'data>>> {
        let types = &self.split.types;
        let known = types.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = known.get(&row) {
            return Some(Arc::clone(part));
        }
        drop(known);
        let package = self.split.package.get()?.as_ref()?;
        let row_number = u32::try_from(row).ok()?;
        let dwarf = package.tu_sections(row_number, &self.main.dwarf).ok()?;
        let part = Arc::new(Part::new(dwarf));
        let mut known = types.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(known.entry(row).or_insert(part)))
    }
}

/// A section of a file of split units. GCC leaves every type unit in a section
/// of its own, under the same name. What refers to offsets is in the section
/// of the whole unit, which therefore comes first.
fn section<'data>(file: &Elf<'data>, id: SectionId) -> Slice<'data> {
    let name = id.dwo_name().unwrap_or_default().as_bytes();
    let bytes = file.joined_bytes(name, |bytes| {
        let info = DebugInfo::new(bytes, LittleEndian);
        let header = info.units().next().ok().flatten();
        header.is_some_and(|header| !matches!(header.type_(), UnitType::SplitType { .. }))
    });
    EndianSlice::new(bytes.unwrap_or_default(), LittleEndian)
}

/// The sections, when they have the unit with that identity, and its offset.
fn with_unit(dwarf: gimli::Dwarf<Slice<'_>>, id: DwoId) -> Option<(Part<'_>, usize)> {
    let part = Part::new(dwarf);
    let section = UnitSection::Split(0);
    let mut offsets = part.headers(section).offsets.iter();
    let offset = *offsets.find(|&&offset| part.split_unit_id(section, offset) == Some(id))?;
    Some((part, offset))
}
