//! Image files: opens them, decides which belong together, and turns every
//! way they can be unusable into a message with its exit code.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ukdbg_session::inspect::{Module, Modules};
use ukdbg_session::{DebugLevel, Decompressed, ElfClass, Image, ImageError};

use crate::companion_files::{Finder, Given};
use crate::debug_files::{self, Candidate};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::index_cache::IndexCache;

/// Below this a file is read, above it is mapped: a mapped image that is
/// overwritten in place while it is debugged kills its reader (SIGBUS), and
/// images that are rebuilt all day are small.
const MAP_ABOVE: u64 = 64 << 20;

/// The images of one machine.
pub(crate) struct Loaded {
    /// All of them, the image itself first.
    pub(crate) modules: Modules<'static>,
    /// Said once to the user.
    pub(crate) notes: Vec<String>,
}

/// Loads the image and the files with symbols. A file that holds the debugging
/// information of the image is joined with it; another is a module of its own.
pub(crate) fn load(image: Option<&Path>, symbols: &[PathBuf]) -> Result<Loaded, Failure> {
    load_above(MAP_ABOVE, image, symbols)
}

/// As [`load`], for a command that ends at once: every file is mapped, so that
/// only what the answer needs is read.
pub(crate) fn load_mapped(image: &Path, symbols: &[PathBuf]) -> Result<Loaded, Failure> {
    load_above(0, Some(image), symbols)
}

fn load_above(
    map_above: u64,
    image: Option<&Path>,
    symbols: &[PathBuf],
) -> Result<Loaded, Failure> {
    let mut modules = Modules::default();
    let mut notes = Vec::new();
    let mut others = Vec::new();
    let mut given = Given::default();
    for path in symbols {
        if path.is_dir() {
            given.folders.push(path.clone());
            continue;
        }
        let bytes = open(path, map_above)?;
        if parse(bytes).is_ok_and(|image| image.is_supplement()) {
            given.files.push(path.clone());
        } else {
            others.push((path.as_path(), bytes));
        }
    }
    let source = Source { map_above, given };
    let primary = match image {
        Some(path) => Some(load_primary(path, &source, &mut others, &mut notes)?),
        None => None,
    };
    if let (Some(path), Some(image)) = (image, &primary) {
        refuse_wrapper(path, image, !symbols.is_empty())?;
        let known_elsewhere = !others.is_empty();
        if !known_elsewhere && let Some(note) = missing_debug_note(path, image) {
            notes.push(note);
        }
        modules.push(Module::unmoved(name_of(path), Arc::clone(image)));
    }
    for (path, bytes) in others {
        let image = parse(bytes).map_err(|e| unusable(path, e))?;
        let image = with_debug_file(path, &source, (bytes, image), &mut notes)?;
        if let Some(note) = missing_debug_note(path, &image) {
            notes.push(note);
        }
        modules.push(Module::unmoved(name_of(path), Arc::new(image)));
    }
    Ok(Loaded { modules, notes })
}

/// A 32-bit ELF is a boot wrapper around 64-bit code: by itself it says nothing
/// about what runs.
fn refuse_wrapper(path: &Path, image: &Image<'_>, has_others: bool) -> Result<(), Failure> {
    if image.class() == ElfClass::Elf64 || has_others {
        return Ok(());
    }
    Err(Failure::text(
        Exit::BadImage,
        format_args!(
            "{} is a 32-bit ELF file, at best a boot wrapper around 64-bit code",
            path.display()
        ),
    )
    .hint("give the 64-bit program in it with --symbols"))
}

/// Parses the image, joined with the first of the other files that is its
/// companion; that one is then taken out.
fn load_primary(
    path: &Path,
    source: &Source,
    others: &mut Vec<(&Path, &'static [u8])>,
    notes: &mut Vec<String>,
) -> Result<Arc<Image<'static>>, Failure> {
    let bytes = open(path, source.map_above)?;
    let image = parse(bytes).map_err(|e| unusable(path, e))?;
    for index in 0..others.len() {
        let (debug_path, debug_bytes) = others[index];
        let debug = parse(debug_bytes).map_err(|e| unusable(debug_path, e))?;
        if image.is_companion(&debug) {
            others.remove(index);
            let joined = Image::parse_with_companion(bytes, debug_bytes, room())
                .map_err(|e| unusable(path, e))?;
            return Ok(Arc::new(source.complete(joined, &[path, debug_path])));
        }
    }
    Ok(Arc::new(with_debug_file(
        path,
        source,
        (bytes, image),
        notes,
    )?))
}

/// Joins an image without debugging information with the file that holds it,
/// if there is one where such files are kept and it is proven to be the
/// image's. Says which is used, and which is there in vain.
fn with_debug_file(
    path: &Path,
    source: &Source,
    (bytes, image): (&'static [u8], Image<'static>),
    notes: &mut Vec<String>,
) -> Result<Image<'static>, Failure> {
    if image.debug_level() == DebugLevel::Dwarf {
        return Ok(source.complete(image, &[path]));
    }
    let folder = Path::new(debug_files::SYSTEM_FOLDER);
    for Candidate { path: found, proof } in debug_files::candidates(path, &image, folder) {
        // Whatever cannot be used here was not asked for by name.
        let Ok(debug_bytes) = open(&found, source.map_above) else {
            continue;
        };
        let belongs =
            parse(debug_bytes).is_ok_and(|debug| proof.holds(&image, &debug, debug_bytes));
        if !belongs {
            notes.push(format!(
                "{} is not used: its build-id or checksum is not the one that {} names",
                found.display(),
                path.display()
            ));
            continue;
        }
        notes.push(format!(
            "debugging information of {} is read from {}",
            path.display(),
            found.display()
        ));
        let joined = Image::parse_with_companion(bytes, debug_bytes, room())
            .map_err(|e| unusable(&found, e))?;
        return Ok(source.complete(joined, &[path, &found]));
    }
    Ok(image)
}

/// How files are opened, and what the user gave beside the image.
struct Source {
    map_above: u64,
    given: Given,
}

impl Source {
    /// The image, read from these files, with what it may want beside them and
    /// the indexes that were kept of it.
    fn complete(&self, image: Image<'static>, of: &[&Path]) -> Image<'static> {
        let image = image.with_companion_files(Finder::new(of, &self.given, self.map_above));
        match IndexCache::for_files(of) {
            Some(cache) => image.with_index_store(cache),
            None => image,
        }
    }
}

/// The bytes of a file, for as long as the process lives: every image of a
/// command is used until its end.
pub(crate) fn open(path: &Path, map_above: u64) -> Result<&'static [u8], Failure> {
    let metadata = fs::metadata(path).map_err(|e| unreadable(path, &e))?;
    if !metadata.is_file() {
        return Err(Failure::text(
            Exit::BadImage,
            format_args!("{} is not a file", path.display()),
        ));
    }
    if metadata.len() <= map_above {
        let bytes = fs::read(path).map_err(|e| unreadable(path, &e))?;
        return Ok(Box::leak(bytes.into_boxed_slice()));
    }
    let file = File::open(path).map_err(|e| unreadable(path, &e))?;
    let map = map_file(&file).map_err(|e| unreadable(path, &e))?;
    Ok(&Box::leak(Box::new(map))[..])
}

#[expect(unsafe_code, reason = "mapping a file needs it")]
fn map_file(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the map is private and read-only. Another process that changes
    // the file can still change or end what we read; `image` takes every byte
    // as hostile, and a truncated file ends the process with SIGBUS.
    unsafe { memmap2::Mmap::map(file) }
}

fn parse(bytes: &'static [u8]) -> Result<Image<'static>, ImageError> {
    Image::parse(bytes, room())
}

/// Where an image keeps what it decompresses: as long-lived as its bytes.
fn room() -> &'static Decompressed {
    Box::leak(Box::default())
}

fn missing_debug_note(path: &Path, image: &Image<'_>) -> Option<String> {
    let file = path.display();
    match image.debug_level() {
        DebugLevel::Dwarf => None,
        DebugLevel::Symbols => Some(format!(
            "{file} has no debugging information: functions are named, lines are not (build it with -g, or give its .debug file with --symbols)"
        )),
        DebugLevel::None => Some(format!(
            "{file} has no symbols: only addresses can be shown (give an unstripped copy with --symbols)"
        )),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::text(
        Exit::BadImage,
        format_args!("cannot read image {}: {error}", path.display()),
    )
}

fn unusable(path: &Path, error: ImageError) -> Failure {
    let hint = match &error {
        ImageError::NotElf { .. } => {
            "give the ELF that the linker wrote, before objcopy made a flat binary of it"
        }
        ImageError::ForeignMachine { .. } | ImageError::BigEndian => {
            "ukdbg debugs x86-64 guests only"
        }
        _ => "build the image again, or look at it with `readelf -a`",
    };
    Failure::new(
        Exit::BadImage,
        anyhow::Error::new(error).context(format!("cannot use image {}", path.display())),
    )
    .hint(hint)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
