//! The seed files: a folder for each kind of input. Images are compiled here
//! in the shapes there are, and taken from where a machine has some; the rest
//! is what real stubs, monitors and guests sent.

mod compile;
mod inputs;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::subject::Kind;
pub(crate) use compile::program;

/// Programs and libraries that machines have.
const INSTALLED: [&str; 10] = [
    "/usr/bin/true",
    "/usr/bin/ls",
    "/usr/bin/readelf",
    "/usr/bin/dot",
    "/usr/bin/tmux",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/x86_64-linux-gnu/libm.so.6",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libgcc_s.so.1",
    "/lib/x86_64-linux-gnu/libstdc++.so.6",
];
/// Where debugging information is kept apart.
const DEBUG_FILES: &str = "/usr/lib/debug/.build-id";
/// How many of those are taken: the smallest ones.
const MOST_DEBUG_FILES: usize = 8;

/// Fills the folder, and names the images. Those that are given are there
/// however large they are.
///
/// # Errors
/// When a file cannot be written, or the images asked for cannot be read.
pub(crate) fn prepare(folder: &Path, given: &[PathBuf], largest: u64) -> Result<Vec<String>> {
    for kind in Kind::all() {
        let of_kind = folder.join(kind.word());
        fs::create_dir_all(&of_kind)
            .with_context(|| format!("cannot create {}", of_kind.display()))?;
    }
    let images = folder.join(Kind::Image.word());
    compile::all(&images)?;
    let installed = INSTALLED.into_iter().map(PathBuf::from);
    for path in installed.chain(debug_files(Path::new(DEBUG_FILES))) {
        // A machine that has it not, has it not.
        let _ = take(&path, &images);
    }
    inputs::write(folder)?;
    let mut names = kept(&images, largest)?;
    for image in given {
        let name = take(image, &images);
        names.push(name.with_context(|| format!("cannot copy {}", image.display()))?);
    }
    Ok(names)
}

fn take(path: &Path, into: &Path) -> Result<String> {
    let name = path.file_name().context("it has no name")?;
    let mut to = into.join(name);
    // Two builds of one kernel have one name.
    while to.exists() {
        to.as_mut_os_string().push("-again");
    }
    fs::copy(path, &to)?;
    let name = to.file_name().unwrap_or(name);
    Ok(name.to_string_lossy().into_owned())
}

fn debug_files(folder: &Path) -> Vec<PathBuf> {
    let inside = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(u64, PathBuf)> = inside(folder)
        .flat_map(|part| inside(&part.path()).collect::<Vec<_>>())
        .filter_map(|entry| Some((entry.metadata().ok()?.len(), entry.path())))
        .collect();
    files.sort();
    let paths = files.into_iter().map(|(_, path)| path);
    paths.take(MOST_DEBUG_FILES).collect()
}

/// The names of the images; those that are too large are removed.
fn kept(images: &Path, largest: u64) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(images)? {
        let entry = entry?;
        if entry.metadata()?.len() > largest {
            fs::remove_file(entry.path())?;
        } else {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
