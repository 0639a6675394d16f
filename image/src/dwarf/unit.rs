//! One unit: what gimli parsed of it, and the indexes built over it on demand.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use gimli::{AttributeValue, UnitOffset, UnitRef};

use super::files::{UnitFiles, joined};
use super::functions::{Depth, UnitFunction, UnitFunctions};
use super::lines::UnitLines;
use super::ranges::RangeAttributes;
use super::{Debug, Slice};
use crate::{SourcePath, Untrusted};

/// A parsed unit.
pub(crate) struct Unit<'data> {
    /// Where its header begins in `.debug_info`.
    pub(crate) offset: usize,
    pub(crate) dwarf: gimli::Unit<Slice<'data>>,
    functions: OnceLock<UnitFunctions>,
    /// Functions within functions too.
    all_functions: OnceLock<UnitFunctions>,
    lines: OnceLock<UnitLines>,
    files: OnceLock<UnitFiles>,
    mangles_names: OnceLock<bool>,
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
    pub(crate) fn new(offset: usize, dwarf: gimli::Unit<Slice<'data>>) -> Self {
        Self {
            offset,
            dwarf,
            functions: OnceLock::new(),
            all_functions: OnceLock::new(),
            lines: OnceLock::new(),
            files: OnceLock::new(),
            mangles_names: OnceLock::new(),
        }
    }

    /// Whether an entry's offset in `.debug_info` lies in this unit.
    pub(crate) fn contains(&self, entry: usize) -> bool {
        let length = self.dwarf.header.length_including_self();
        entry
            .checked_sub(self.offset)
            .is_some_and(|inside| inside < length)
    }
}

impl<'a, 'data> Scope<'a, 'data> {
    pub(crate) fn gimli(self) -> UnitRef<'a, Slice<'data>> {
        self.unit.dwarf.unit_ref(&self.debug.dwarf)
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

    /// The entry that a reference names. A reference into another file, or by
    /// type signature, names none.
    pub(crate) fn referenced(
        self,
        value: AttributeValue<Slice<'data>>,
    ) -> Option<Referenced<'data>> {
        match value {
            AttributeValue::UnitRef(entry) => Some(Referenced { unit: None, entry }),
            AttributeValue::DebugInfoRef(offset) => {
                if self.unit.contains(offset.0) {
                    let entry = UnitOffset(offset.0 - self.unit.offset);
                    return Some(Referenced { unit: None, entry });
                }
                let unit = self.debug.unit_containing(offset.0)?;
                let entry = UnitOffset(offset.0.checked_sub(unit.offset)?);
                Some(Referenced {
                    unit: Some(unit),
                    entry,
                })
            }
            _ => None,
        }
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

    /// Code ranges of the unit: its root entry's, or else its functions'.
    pub(crate) fn code_ranges(self) -> Vec<Range<u64>> {
        let mut attributes = RangeAttributes::default();
        if let Ok(root) = self.unit.dwarf.entry(self.unit.dwarf.header.root_offset()) {
            for attribute in root.attrs() {
                attributes.note(self, attribute);
            }
        }
        let ranges = attributes.kept_ranges(self);
        if ranges.is_empty() {
            return self.functions().all_ranges();
        }
        ranges
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
