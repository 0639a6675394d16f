//! Files that an image wants beside itself: split units, packages of them, and
//! what dwz made common to several images. Where they may be, opening them,
//! and saying which are missing. What is in them is `image`'s to read.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ukdbg_session::{CompanionFiles, Image, MissingFile, TriedPlace, WantedFile};

use crate::debug_files::{self, SYSTEM_FOLDER};
use crate::images;

/// What the user named with `--symbols` that is no image of its own.
#[derive(Clone, Default)]
pub(crate) struct Given {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folders: Vec<PathBuf>,
}

/// Finds the companions of one image.
pub(crate) struct Finder {
    /// The image, and the file with its debugging information when that is
    /// another.
    of: Vec<PathBuf>,
    given: Given,
    map_above: u64,
    /// Files that were opened; none for one that cannot be.
    opened: Mutex<HashMap<PathBuf, Option<&'static [u8]>>>,
}

impl Finder {
    pub(crate) fn new(of: &[&Path], given: &Given, map_above: u64) -> Self {
        Self {
            of: of.iter().map(|&path| path.to_path_buf()).collect(),
            given: given.clone(),
            map_above,
            opened: Mutex::default(),
        }
    }

    fn open(&self, path: &Path) -> Option<&'static [u8]> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&bytes) = opened.get(path) {
            return bytes;
        }
        let bytes = images::open(path, self.map_above).ok();
        opened.insert(path.to_path_buf(), bytes);
        bytes
    }
}

impl CompanionFiles<'static> for Finder {
    fn find(
        &self,
        wanted: WantedFile<'_>,
        fits: &mut dyn FnMut(&'static [u8]) -> bool,
    ) -> Vec<TriedPlace> {
        // What the user named may be anything: only what fits counts.
        let given = self.given.files.iter().filter_map(|path| self.open(path));
        for bytes in given {
            if fits(bytes) {
                return Vec::new();
            }
        }
        let mut tried = Vec::new();
        for path in places(&self.of, &self.given.folders, wanted) {
            match self.open(&path) {
                Some(bytes) if fits(bytes) => return Vec::new(),
                Some(_) => tried.push(TriedPlace::Foreign(path)),
                None => tried.push(TriedPlace::Absent(path)),
            }
        }
        tried
    }
}

/// Where a file may be, the likeliest first.
fn places(of: &[PathBuf], given: &[PathBuf], wanted: WantedFile<'_>) -> Vec<PathBuf> {
    let folders = || of.iter().map(|path| path.parent().unwrap_or(Path::new("")));
    let mut places: Vec<PathBuf> = Vec::new();
    match wanted {
        WantedFile::Package => {
            for path in of {
                let mut package = path.as_os_str().to_owned();
                package.push(".dwp");
                let package = PathBuf::from(package);
                let name = package.file_name().map(PathBuf::from).unwrap_or_default();
                places.extend(given.iter().map(|folder| folder.join(&name)));
                places.push(package);
            }
        }
        WantedFile::SplitUnit { name, directory } => {
            let name = path(name);
            places.extend(in_folders(given.iter().map(PathBuf::as_path), name));
            places.push(path(directory.unwrap_or_default()).join(name));
            // Build folders move.
            places.extend(in_folders(folders(), name));
        }
        WantedFile::Supplementary { name, build_id } => {
            let name = path(name);
            places.extend(in_folders(given.iter().map(PathBuf::as_path), name));
            places.extend(folders().map(|folder| folder.join(name)));
            let system = Path::new(SYSTEM_FOLDER);
            places.extend(debug_files::by_build_id(build_id).map(|below| system.join(below)));
            places.extend(in_folders(
                [system.join(".dwz").as_path()].into_iter(),
                name,
            ));
        }
    }
    let mut seen = Vec::new();
    places.retain(|place| {
        let new = !seen.contains(place);
        seen.extend(new.then(|| place.clone()));
        new
    });
    places
}

/// Below each folder, with the folders of its own name and without.
fn in_folders<'a>(
    folders: impl Iterator<Item = &'a Path>,
    name: &'a Path,
) -> impl Iterator<Item = PathBuf> {
    let bare = name.file_name().map(Path::new);
    let relative = (!name.is_absolute()).then_some(name);
    folders.flat_map(move |folder| {
        let names = relative.into_iter().chain(bare);
        names.map(|name| folder.join(name))
    })
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// What the user is told of the files that an image missed.
pub(crate) fn missing_note(name: &str, image: &Image<'_>) -> Option<String> {
    let missing = image.missing_files();
    let (first, rest) = missing.split_first()?;
    let others = match rest.len() {
        0 => String::new(),
        1 => " (and 1 other)".to_owned(),
        count => format!(" (and {count} others)"),
    };
    Some(format!(
        "part of the debugging information of {name} is not known: {}{others} is missing; {} (give the file or its folder with --symbols)",
        first.name.raw(),
        looked_at(first)
    ))
}

fn looked_at(missing: &MissingFile) -> String {
    let mut words: Vec<String> = Vec::new();
    for place in &missing.tried {
        words.push(match place {
            TriedPlace::Absent(path) => format!("not at {}", path.display()),
            TriedPlace::Foreign(path) => format!("{} is of another build", path.display()),
        });
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: WantedFile<'_>, given: &[&str], expected: &[&str]) {
        let given: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
        let places = places(&[PathBuf::from("/srv/app/kernel")], &given, wanted);
        let places: Vec<String> = places.iter().map(|it| it.display().to_string()).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn where_split_units_may_be() {
        let wanted = WantedFile::SplitUnit {
            name: b"obj/main.dwo",
            directory: Some(b"/build"),
        };
        check(
            wanted,
            &["/given"],
            &[
                "/given/obj/main.dwo",
                "/given/main.dwo",
                "/build/obj/main.dwo",
                "/srv/app/obj/main.dwo",
                "/srv/app/main.dwo",
            ],
        );
        let wanted = WantedFile::SplitUnit {
            name: b"/build/main.dwo",
            directory: None,
        };
        check(wanted, &[], &["/build/main.dwo", "/srv/app/main.dwo"]);
    }

    #[test]
    fn where_packages_and_shared_information_may_be() {
        check(WantedFile::Package, &[], &["/srv/app/kernel.dwp"]);
        let wanted = WantedFile::Supplementary {
            name: b"../common.debug",
            build_id: &[0xab, 0x01],
        };
        check(
            wanted,
            &[],
            &[
                "/srv/app/../common.debug",
                "/usr/lib/debug/.build-id/ab/01.debug",
                "/usr/lib/debug/.dwz/../common.debug",
                "/usr/lib/debug/.dwz/common.debug",
            ],
        );
    }
}
