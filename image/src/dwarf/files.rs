//! The files that a unit's line table names (DWARF 5 §6.2.4): read when asked
//! for, and kept.

use std::ops::Range;
use std::sync::OnceLock;

use super::Scope;
use crate::{SourcePath, Untrusted};

/// The files of a unit's line table, by index, as they are asked for.
#[derive(Default)]
pub(crate) struct UnitFiles {
    paths: Vec<OnceLock<Option<SourcePath>>>,
}

impl UnitFiles {
    pub(crate) fn new(scope: Scope<'_, '_>) -> Self {
        let count = file_indices(scope).len();
        Self {
            paths: (0..count).map(|_| OnceLock::new()).collect(),
        }
    }
}

/// A file of the unit's line table.
pub(crate) fn file_path(scope: Scope<'_, '_>, index: u64) -> Option<SourcePath> {
    let path = scope.files().paths.get(usize::try_from(index).ok()?)?;
    path.get_or_init(|| read_file_path(scope, index)).clone()
}

/// Numbered from 0 in DWARF 5, from 1 before.
fn file_indices(scope: Scope<'_, '_>) -> Range<u32> {
    let header = scope.unit.dwarf.line_program.as_ref();
    let count = header.map_or(0, |program| program.header().file_names().len() + 1);
    0..u32::try_from(count).unwrap_or(u32::MAX)
}

fn read_file_path(scope: Scope<'_, '_>, index: u64) -> Option<SourcePath> {
    let header = scope.unit.dwarf.line_program.as_ref()?.header();
    let file = header.file(index)?;
    let text = |value| scope.line_string(value);
    let name = text(file.path_name())?;
    // Before DWARF 5 directory 0 is the compilation directory and not in the
    // table; since, it is in the table and the same.
    let directory = match file.directory_index() {
        0 => None,
        _ => file.directory(header).and_then(text),
    };
    let compilation = scope.compilation_directory();
    let path = joined(compilation, &[directory.unwrap_or_default(), name]);
    Some(SourcePath {
        compilation_directory: compilation.map(Untrusted::from_bytes),
        path: Untrusted::from_bytes(&path),
    })
}

/// Indices of the files whose paths end like `file`. Paths are not kept: a
/// kernel's units name a million files.
pub(super) fn matching_files(scope: Scope<'_, '_>, file: &str) -> Vec<u32> {
    let last = file.rsplit('/').next().unwrap_or(file);
    let header = scope
        .unit
        .dwarf
        .line_program
        .as_ref()
        .map(|program| program.header());
    let matches = |index: u32| {
        let entry = header?.file(u64::from(index))?;
        // Most differ here, before a path is put together.
        let name = scope.line_string(entry.path_name())?;
        if !name.ends_with(last.as_bytes()) {
            return None;
        }
        let path = read_file_path(scope, u64::from(index))?;
        ends_with_path(path.path.raw(), file).then_some(index)
    };
    file_indices(scope).filter_map(matches).collect()
}

/// Whether the path ends with all components of the other.
fn ends_with_path(path: &str, end: &str) -> bool {
    let end = end.trim_start_matches("./");
    let before = path.strip_suffix(end);
    !end.is_empty()
        && before.is_some_and(|before| {
            before.is_empty() || before.ends_with('/') || end.starts_with('/')
        })
}

/// A path of parts, of which an absolute one replaces what came before it.
pub(crate) fn joined(base: Option<&[u8]>, parts: &[&[u8]]) -> Vec<u8> {
    let mut path = base.unwrap_or_default().to_vec();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if part.starts_with(b"/") {
            path.clear();
        } else if !path.is_empty() && !path.ends_with(b"/") {
            path.push(b'/');
        }
        path.extend_from_slice(part);
    }
    path
}
