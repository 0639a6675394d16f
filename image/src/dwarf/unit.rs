//! One unit: what gimli parsed of it, and the indexes built over it on demand.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gimli::{AttributeValue, UnitOffset, UnitRef, UnitType};

use super::abbreviation_lengths::AbbreviationLengths;
use super::files::{UnitFiles, joined};
use super::functions::{Depth, UnitFunction, UnitFunctions};
use super::lines::UnitLines;
use super::names::describe;
use super::position::UnitSection;
use super::ranges::RangeAttributes;
use super::{Debug, Slice};
use crate::{FunctionName, SourcePath, Untrusted};

/// A parsed unit.
pub(crate) struct Unit<'data> {
    /// The section it is in.
    pub(super) section: UnitSection,
    /// The position of its header.
    pub(crate) offset: usize,
    pub(crate) dwarf: gimli::Unit<Slice<'data>>,
    /// The sections that its entries refer to.
    sections: Arc<gimli::Dwarf<Slice<'data>>>,
    /// The sections that its line table refers to, when those are others.
    line_sections: Option<Arc<gimli::Dwarf<Slice<'data>>>>,
    functions: OnceLock<UnitFunctions>,
    /// Functions within functions too.
    all_functions: OnceLock<UnitFunctions>,
    lines: OnceLock<UnitLines>,
    files: OnceLock<UnitFiles>,
    mangles_names: OnceLock<bool>,
    abbreviation_lengths: OnceLock<AbbreviationLengths>,
    /// By the position of the entry that says them.
    inlined_names: Mutex<BTreeMap<usize, Option<FunctionName>>>,
}

/// A unit within its debugging information: what most questions are asked of.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a, 'data> {
    pub(crate) debug: &'a Debug<'data>,
    pub(crate) unit: &'a Unit<'data>,
}

/// An entry of some unit, found through a reference.
pub(crate) struct Referenced<'data> {
    /// The unit, when it is another one.
    pub(crate) unit: Option<Arc<Unit<'data>>>,
    pub(crate) entry: UnitOffset,
}

impl<'data> Unit<'data> {
    pub(crate) fn new(
        section: UnitSection,
        offset: usize,
        dwarf: gimli::Unit<Slice<'data>>,
        sections: Arc<gimli::Dwarf<Slice<'data>>>,
    ) -> Self {
        Self {
            section,
            offset,
            dwarf,
            sections,
            line_sections: None,
            functions: OnceLock::new(),
            all_functions: OnceLock::new(),
            lines: OnceLock::new(),
            files: OnceLock::new(),
            mangles_names: OnceLock::new(),
            abbreviation_lengths: OnceLock::new(),
            inlined_names: Mutex::default(),
        }
    }

    /// Adds to a split unit what only its skeleton says (DWARF 5 §3.1.2):
    /// where addresses and line numbers are.
    pub(super) fn complete(
        &mut self,
        skeleton: &Self,
        skeleton_sections: &Arc<gimli::Dwarf<Slice<'data>>>,
    ) {
        self.dwarf.copy_relocated_attributes(&skeleton.dwarf);
        self.dwarf.comp_dir = self.dwarf.comp_dir.or(skeleton.dwarf.comp_dir);
        // A type unit brings a table of files of its own.
        if self.dwarf.line_program.is_none() {
            self.dwarf
                .line_program
                .clone_from(&skeleton.dwarf.line_program);
            self.line_sections = Some(Arc::clone(skeleton_sections));
        }
    }

    /// Whether it describes a type, and so no code.
    pub(super) fn is_type_unit(&self) -> bool {
        matches!(
            self.dwarf.header.type_(),
            UnitType::Type { .. } | UnitType::SplitType { .. }
        )
    }

    /// Whether an entry's position lies in this unit.
    pub(crate) fn contains(&self, entry: usize) -> bool {
        let length = self.dwarf.header.length_including_self();
        entry
            .checked_sub(self.offset)
            .is_some_and(|inside| inside < length)
    }
}

impl<'a, 'data> Scope<'a, 'data> {
    pub(crate) fn gimli(self) -> UnitRef<'a, Slice<'data>> {
        self.unit.dwarf.unit_ref(&self.unit.sections)
    }

    /// Functions that are not within others.
    pub(crate) fn functions(self) -> &'a UnitFunctions {
        let functions = &self.unit.functions;
        functions.get_or_init(|| UnitFunctions::read(self, Depth::Outer))
    }

    /// The function whose code holds an address.
    pub(crate) fn function_at(self, address: u64) -> Option<&'a UnitFunction> {
        self.functions().at(address).or_else(|| {
            // An assembler's unit has lines, and no functions of any depth.
            if self.functions().all().is_empty() {
                return None;
            }
            let all = &self.unit.all_functions;
            all.get_or_init(|| UnitFunctions::read(self, Depth::All))
                .at(address)
        })
    }

    pub(super) fn abbreviation_lengths(self) -> &'a AbbreviationLengths {
        let lengths = &self.unit.abbreviation_lengths;
        lengths.get_or_init(|| AbbreviationLengths::of(&self.unit.dwarf))
    }

    pub(crate) fn lines(self) -> &'a UnitLines {
        self.unit.lines.get_or_init(|| UnitLines::read(self))
    }

    pub(super) fn files(self) -> &'a UnitFiles {
        self.unit.files.get_or_init(|| UnitFiles::new(self))
    }

    /// A string attribute's bytes.
    pub(crate) fn string(self, value: AttributeValue<Slice<'data>>) -> Option<&'data [u8]> {
        let text = self.gimli().attr_string(value).ok()?;
        Some(text.slice())
    }

    /// The bytes of a string that the line table refers to.
    pub(crate) fn line_string(self, value: AttributeValue<Slice<'data>>) -> Option<&'data [u8]> {
        let sections = match (&self.unit.line_sections, value) {
            // Counted from a place that only the skeleton knows; no compiler
            // writes it.
            (Some(_), AttributeValue::DebugStrOffsetsIndex(_)) => return None,
            (Some(sections), _) => sections,
            (None, _) => &self.unit.sections,
        };
        let text = sections.attr_string(&self.unit.dwarf, value).ok()?;
        Some(text.slice())
    }

    /// The position of the entry that a reference names.
    pub(crate) fn position(self, value: AttributeValue<Slice<'data>>) -> Option<usize> {
        match value {
            AttributeValue::UnitRef(entry) => self.unit.offset.checked_add(entry.0),
            AttributeValue::DebugInfoRef(offset) => self.unit.section.info()?.position(offset.0),
            // A supplementary file refers to itself alone (DWARF 5 §7.3.6).
            AttributeValue::DebugInfoRefSup(offset)
                if self.unit.section != UnitSection::Supplementary =>
            {
                UnitSection::Supplementary.position(offset.0)
            }
            AttributeValue::DebugTypesRef(signature) => {
                self.debug.type_signed(self.unit.section, signature.0)
            }
            _ => None,
        }
    }

    /// The entry that a reference names.
    pub(crate) fn referenced(
        self,
        value: AttributeValue<Slice<'data>>,
    ) -> Option<Referenced<'data>> {
        if let AttributeValue::UnitRef(entry) = value {
            return Some(Referenced { unit: None, entry });
        }
        self.at_position(self.position(value)?)
    }

    /// The entry at a position.
    fn at_position(self, position: usize) -> Option<Referenced<'data>> {
        if self.unit.contains(position) {
            let entry = UnitOffset(position - self.unit.offset);
            return Some(Referenced { unit: None, entry });
        }
        let unit = self.debug.unit_containing(position)?;
        let entry = UnitOffset(position.checked_sub(unit.offset)?);
        Some(Referenced {
            unit: Some(unit),
            entry,
        })
    }

    /// The name that an entry of this unit or another says, or one that it
    /// refers to.
    pub(crate) fn name_said_at(self, entry: usize) -> Option<FunctionName> {
        let names = &self.unit.inlined_names;
        let names = || names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names().get(&entry) {
            return known.clone();
        }
        let name = self.at_position(entry).and_then(|referenced| {
            let description = describe(referenced.scope(self), referenced.entry);
            description
                .best_name()
                .map(|name| self.debug.names.get(name))
        });
        names().entry(entry).or_insert(name).clone()
    }

    /// Whether the unit's language mangles names, so that a name without its
    /// path may have a fuller form in the symbol table.
    pub(crate) fn mangles_names(self) -> bool {
        *self.unit.mangles_names.get_or_init(|| {
            let root = self.unit.dwarf.entry(self.unit.dwarf.header.root_offset());
            let language = root
                .ok()
                .and_then(|root| root.attr_value(gimli::DW_AT_language));
            matches!(
                language,
                Some(AttributeValue::Language(
                    gimli::DW_LANG_Rust
                        | gimli::DW_LANG_C_plus_plus
                        | gimli::DW_LANG_C_plus_plus_03
                        | gimli::DW_LANG_C_plus_plus_11
                        | gimli::DW_LANG_C_plus_plus_14
                        | gimli::DW_LANG_C_plus_plus_17
                        | gimli::DW_LANG_C_plus_plus_20
                ))
            )
        })
    }

    /// Code ranges that the unit's root entry gives.
    pub(crate) fn root_ranges(self) -> Vec<Range<u64>> {
        let mut attributes = RangeAttributes::default();
        if let Ok(root) = self.unit.dwarf.entry(self.unit.dwarf.header.root_offset()) {
            for attribute in root.attrs() {
                attributes.note(self, attribute);
            }
        }
        attributes.kept_ranges(self)
    }

    /// The unit's primary source file.
    pub(crate) fn primary_file(self) -> Option<SourcePath> {
        let name = self.unit.dwarf.name?;
        let directory = self.compilation_directory();
        let path = joined(directory, &[name.slice()]);
        Some(SourcePath {
            compilation_directory: directory.map(Untrusted::from_bytes),
            path: Untrusted::from_bytes(&path),
        })
    }

    pub(crate) fn compilation_directory(self) -> Option<&'data [u8]> {
        self.unit.dwarf.comp_dir.map(|directory| directory.slice())
    }
}

impl<'data> Referenced<'data> {
    /// The scope of the entry, given the one that the reference was read in.
    pub(crate) fn scope<'a>(&'a self, from: Scope<'a, 'data>) -> Scope<'a, 'data> {
        Scope {
            debug: from.debug,
            unit: self.unit.as_deref().unwrap_or(from.unit),
        }
    }
}
