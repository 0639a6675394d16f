//! Files beside an image that hold parts of its debugging information: which
//! one it wants, and what became of the search. Opening them is the caller's
//! part; what is in them is read by `dwarf`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gimli::{EndianSlice, LittleEndian, SectionId};
use serde::Serialize;

use crate::dwarf::Slice;
use crate::elf::Elf;
use crate::{Decompressed, Untrusted, notes};

/// Gaps beyond which no more are kept: a kernel has some thousand units.
const MOST_GAPS: usize = 10_000;

/// A file that an image wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WantedFile<'a> {
    /// The package of all its split units (`IMAGE.dwp`).
    Package,
    /// The split unit of one of its units (`.dwo`, DWARF 5 §7.3.2).
    SplitUnit {
        /// `DW_AT_dwo_name`.
        name: &'a [u8],
        /// `DW_AT_comp_dir`, which a relative name is relative to.
        directory: Option<&'a [u8]>,
    },
    /// What several images share (`.gnu_debugaltlink` of dwz, DWARF 5
    /// §7.3.6).
    Supplementary {
        /// Its path; a relative one is relative to the file that names it.
        name: &'a [u8],
        /// Its build-id.
        build_id: &'a [u8],
    },
}

/// Finds and opens the files that an image wants, when a question needs them.
pub trait CompanionFiles<'data>: Send + Sync {
    /// Offers files, the likeliest first, until one of them `fits`. Gives the
    /// places that were looked at in vain.
    fn find(
        &self,
        wanted: WantedFile<'_>,
        fits: &mut dyn FnMut(&'data [u8]) -> bool,
    ) -> Vec<TriedPlace>;
}

/// A place where a file was looked for in vain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TriedPlace {
    /// There is none that can be read.
    Absent(PathBuf),
    /// It is of another build.
    Foreign(PathBuf),
}

/// A file that was wanted and not found: what it describes is not known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MissingFile {
    /// Its name, as the image gives it.
    pub name: Untrusted,
    /// Where it was looked for.
    pub tried: Vec<TriedPlace>,
}

/// The search for an image's companions.
pub(crate) struct Companions<'data> {
    files: Option<Arc<dyn CompanionFiles<'data> + 'data>>,
    room: &'data Decompressed,
    missing: Mutex<Vec<MissingFile>>,
}

impl<'data> Companions<'data> {
    /// A search that finds nothing.
    pub(crate) fn new(room: &'data Decompressed) -> Self {
        Self {
            files: None,
            room,
            missing: Mutex::default(),
        }
    }

    /// A search that asks `files`.
    pub(crate) fn found_by(&self, files: Arc<dyn CompanionFiles<'data> + 'data>) -> Self {
        Self {
            files: Some(files),
            ..Self::new(self.room)
        }
    }

    /// What could not be found so far.
    pub(crate) fn missing(&self) -> Vec<MissingFile> {
        let missing = self.missing.lock();
        missing.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first file in which `read` finds what is wanted.
    pub(crate) fn find<T>(
        &self,
        wanted: WantedFile<'_>,
        read: impl Fn(&Elf<'data>) -> Option<T>,
    ) -> Option<T> {
        let mut found = None;
        let mut fits = |bytes| {
            let file = Elf::parse(bytes, self.room).ok();
            found = file.and_then(|file| read(&file));
            found.is_some()
        };
        let tried = match &self.files {
            Some(files) => files.find(wanted, &mut fits),
            None => Vec::new(),
        };
        if found.is_none() {
            self.note(wanted, tried);
        }
        found
    }

    /// Keeps what was not found. An image need not have a package.
    fn note(&self, wanted: WantedFile<'_>, tried: Vec<TriedPlace>) {
        let (WantedFile::SplitUnit { name, .. } | WantedFile::Supplementary { name, .. }) = wanted
        else {
            return;
        };
        let name = Untrusted::from_bytes(name);
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = missing.iter().any(|it| it.name == name);
        if !known && missing.len() < MOST_GAPS {
            missing.push(MissingFile { name, tried });
        }
    }

    /// The supplementary file that `file` names, if it names one.
    pub(crate) fn supplementary(&self, file: &Elf<'data>) -> Option<gimli::Dwarf<Slice<'data>>> {
        let (name, build_id) = supplementary_name(file)?;
        let wanted = WantedFile::Supplementary { name, build_id };
        self.find(wanted, |found| {
            let same = identity(found).is_some_and(|it| it == build_id);
            let section = |id: SectionId| {
                let bytes = found.named_bytes(id.name().as_bytes());
                EndianSlice::new(bytes.unwrap_or_default(), LittleEndian)
            };
            same.then(|| dwarf_of(section))
        })
    }
}

/// Name and identity of the supplementary file: `.gnu_debugaltlink` has a name
/// with its zero and a build-id; `.debug_sup` (DWARF 5 §7.3.6) has more.
pub(crate) fn supplementary_name<'data>(file: &Elf<'data>) -> Option<(&'data [u8], &'data [u8])> {
    if let Some(link) = file.named_bytes(b".gnu_debugaltlink") {
        let end = link.iter().position(|&byte| byte == 0)?;
        return Some((link.get(..end)?, link.get(end + 1..)?));
    }
    let section = debug_sup(file.named_bytes(b".debug_sup")?)?;
    (!section.is_supplementary).then_some((section.name, section.checksum))
}

/// What makes a file the supplementary one that another names.
fn identity<'data>(file: &Elf<'data>) -> Option<&'data [u8]> {
    let section = file.named_bytes(b".debug_sup").and_then(debug_sup);
    match section {
        Some(section) => section.is_supplementary.then_some(section.checksum),
        None => notes::build_id(&file.notes),
    }
}

struct DebugSup<'data> {
    is_supplementary: bool,
    name: &'data [u8],
    checksum: &'data [u8],
}

/// Version, which of the two files this is, a name with its zero, the length
/// of the checksum and the checksum.
fn debug_sup(section: &[u8]) -> Option<DebugSup<'_>> {
    let (&[_, _, is_supplementary], rest) = section.split_first_chunk::<3>()?;
    let end = rest.iter().position(|&byte| byte == 0)?;
    let (name, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
    let mut checksum = EndianSlice::new(rest, LittleEndian);
    let length = usize::try_from(gimli::Reader::read_uleb128(&mut checksum).ok()?).ok()?;
    Some(DebugSup {
        is_supplementary: is_supplementary != 0,
        name,
        checksum: checksum.slice().get(..length)?,
    })
}

/// The sections that `section` gives.
pub(crate) fn dwarf_of<'data>(
    section: impl Fn(SectionId) -> Slice<'data>,
) -> gimli::Dwarf<Slice<'data>> {
    let Ok(dwarf) = gimli::Dwarf::load(|id| Ok::<_, std::convert::Infallible>(section(id)));
    dwarf
}
