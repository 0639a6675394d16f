//! The sections of one file, or of one contribution to a package: where its
//! units begin, and their abbreviations. Which parts there are is not known
//! here.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use gimli::{
    Abbreviations, DebugInfoOffset, DebugTypes, DwoId, EndianSlice, LittleEndian, Section as _,
    UnitType,
};

use super::Slice;
use super::position::UnitSection;
use super::unit::Unit;

type Header<'data> = gimli::UnitHeader<Slice<'data>>;

/// Sections that belong together.
pub(crate) struct Part<'data> {
    pub(crate) dwarf: Arc<gimli::Dwarf<Slice<'data>>>,
    /// By offset in `.debug_abbrev`: units of one producer often share one.
    abbreviations: RwLock<BTreeMap<usize, Arc<Abbreviations>>>,
    info: OnceLock<Headers>,
    types: OnceLock<Headers>,
}

/// What the headers of a section say.
#[derive(Default)]
pub(crate) struct Headers {
    /// Offsets of all units, ascending.
    pub(crate) offsets: Vec<usize>,
    /// Signatures of type units, ascending, each with the offset of its unit
    /// and of the type's entry.
    signatures: Vec<(u64, usize, usize)>,
    /// Some of them are skeletons of units in other files (DWARF 5 §3.1.2).
    pub(crate) has_skeletons: bool,
}

impl Headers {
    /// The unit and the entry of the type with a signature.
    pub(crate) fn signed(&self, signature: u64) -> Option<(usize, usize)> {
        let place = self.signatures.partition_point(|it| it.0 < signature);
        let &(found, unit, entry) = self.signatures.get(place)?;
        (found == signature).then_some((unit, entry))
    }

    /// Offsets of the type units.
    pub(crate) fn type_units(&self) -> impl Iterator<Item = usize> {
        self.signatures.iter().map(|&(_, unit, _)| unit)
    }

    fn add(&mut self, offset: usize, header: &Header<'_>) {
        self.offsets.push(offset);
        self.has_skeletons |= matches!(header.type_(), UnitType::Skeleton(_));
        if let UnitType::Type {
            type_signature,
            type_offset,
        }
        | UnitType::SplitType {
            type_signature,
            type_offset,
        } = header.type_()
            && let Some(entry) = offset.checked_add(type_offset.0)
        {
            self.signatures.push((type_signature.0, offset, entry));
        }
    }
}

impl<'data> Part<'data> {
    pub(crate) fn new(dwarf: gimli::Dwarf<Slice<'data>>) -> Self {
        Self {
            dwarf: Arc::new(dwarf),
            abbreviations: RwLock::default(),
            info: OnceLock::new(),
            types: OnceLock::new(),
        }
    }

    /// The headers of `.debug_info`, or of `.debug_types`. Reads every one.
    pub(crate) fn headers(&self, section: UnitSection) -> &Headers {
        let headers = if section.is_types() {
            &self.types
        } else {
            &self.info
        };
        headers.get_or_init(|| {
            let mut read = Headers::default();
            // What follows a malformed header cannot be found.
            if section.is_types() {
                let mut headers = self.dwarf.type_units();
                while let Ok(Some(header)) = headers.next() {
                    let offset = header.debug_types_offset().map(|offset| offset.0);
                    offset.inspect(|&offset| read.add(offset, &header));
                }
            } else {
                let mut headers = self.dwarf.units();
                while let Ok(Some(header)) = headers.next() {
                    let offset = header.debug_info_offset().map(|offset| offset.0);
                    offset.inspect(|&offset| read.add(offset, &header));
                }
            }
            // Of equal types, which compilers describe in many units, the
            // first.
            read.signatures.sort_by_key(|it| it.0);
            read.signatures.dedup_by_key(|it| it.0);
            read
        })
    }

    /// Reads the unit at an offset of a section; `keep` its abbreviations for
    /// others.
    pub(crate) fn unit(
        &self,
        section: UnitSection,
        offset: usize,
        keep: Keep,
    ) -> Option<Unit<'data>> {
        let header = self.header(section, offset)?;
        let abbreviations = self.abbreviations(&header, keep)?;
        let unit = gimli::Unit::new_with_abbreviations(&self.dwarf, header, abbreviations).ok()?;
        Some(Unit::new(
            section,
            section.position(offset)?,
            unit,
            Arc::clone(&self.dwarf),
        ))
    }

    /// The identity of a split unit. Before DWARF 5 its entry says it.
    pub(super) fn split_unit_id(&self, section: UnitSection, offset: usize) -> Option<DwoId> {
        match self.header(section, offset)?.type_() {
            UnitType::SplitCompilation(id) => Some(id),
            UnitType::Compilation => self.unit(section, offset, Keep::Yes)?.dwarf.dwo_id,
            _ => None,
        }
    }

    /// The size of its entries.
    pub(super) fn info_bytes(&self) -> usize {
        let (info, types) = (&self.dwarf.debug_info, &self.dwarf.debug_types);
        info.reader().len() + types.reader().len()
    }

    fn header(&self, section: UnitSection, offset: usize) -> Option<Header<'data>> {
        if section.is_types() {
            let types = self.dwarf.debug_types.reader().slice();
            let types = DebugTypes::from(EndianSlice::new(types.get(offset..)?, LittleEndian));
            types.units().next().ok()?
        } else {
            self.dwarf.unit_header(DebugInfoOffset(offset)).ok()
        }
    }

    fn abbreviations(&self, header: &Header<'data>, keep: Keep) -> Option<Arc<Abbreviations>> {
        let offset = header.debug_abbrev_offset().0;
        let known = self
            .abbreviations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(abbreviations) = known.get(&offset) {
            return Some(Arc::clone(abbreviations));
        }
        drop(known);
        let parsed = Arc::new(header.abbreviations(&self.dwarf.debug_abbrev).ok()?);
        if keep == Keep::No {
            return Some(parsed);
        }
        let mut known = self
            .abbreviations
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(known.entry(offset).or_insert(parsed)))
    }
}

/// Whether what is read is kept for the next question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It is.
    Yes,
    /// Writing it all would take longer than reading it.
    No,
}
