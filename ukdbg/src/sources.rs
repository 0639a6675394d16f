//! Source files: finds the one an image names, reads it once, and shows its
//! path the way its reader knows it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use ukdbg_session::{SourcePath, SourceText};

/// The largest source file that is read.
const LARGEST_SOURCE: u64 = 16 << 20;

/// Finds and keeps source files.
pub(crate) struct Sources {
    maps: Vec<(String, String)>,
    found: HashMap<PathBuf, Option<Arc<str>>>,
    /// rust-src of the installed toolchain, looked for when first needed.
    rust_source: Option<Option<PathBuf>>,
}

impl Sources {
    /// From `FROM=TO` options; the message says which one cannot be used.
    pub(crate) fn new(maps: &[String]) -> Result<Self, String> {
        let maps = maps
            .iter()
            .map(|map| match map.split_once('=') {
                Some((from, to)) if !from.is_empty() => Ok((from.to_owned(), to.to_owned())),
                _ => Err(format!("`{map}` is not of the form FROM=TO")),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            maps,
            found: HashMap::new(),
            rust_source: None,
        })
    }

    /// Where a file may be on this machine, best first.
    fn candidates(&mut self, path: &SourcePath) -> Vec<PathBuf> {
        let recorded = Path::new(path.path.raw());
        let absolute = match &path.compilation_directory {
            Some(directory) if recorded.is_relative() => Path::new(directory.raw()).join(recorded),
            _ => recorded.to_path_buf(),
        };
        let mut candidates = Vec::new();
        for (from, to) in &self.maps {
            for base in [absolute.as_path(), recorded] {
                if let Ok(rest) = base.strip_prefix(from) {
                    candidates.push(Path::new(to).join(rest));
                }
            }
        }
        if let Some(mapped) = self.in_rust_source(&absolute) {
            candidates.push(mapped);
        }
        candidates.push(absolute);
        candidates
    }

    /// `/rustc/HASH/library/…` is the standard library as the toolchain's
    /// builders had it; rust-src holds the same files.
    fn in_rust_source(&mut self, path: &Path) -> Option<PathBuf> {
        let rest = path.strip_prefix("/rustc").ok()?;
        let below_hash: PathBuf = rest.components().skip(1).collect();
        let root = self.rust_source.get_or_insert_with(find_rust_source);
        Some(root.as_ref()?.join(below_hash))
    }
}

impl SourceText for Sources {
    fn text(&mut self, path: &SourcePath) -> Option<Arc<str>> {
        self.candidates(path).into_iter().find_map(|candidate| {
            self.found
                .entry(candidate)
                .or_insert_with_key(|candidate| read_source(candidate))
                .clone()
        })
    }
}

fn read_source(path: &Path) -> Option<Arc<str>> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST_SOURCE {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into())
}

fn find_rust_source() -> Option<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .stderr(std::process::Stdio::null())
        .output()
        .ok()?;
    let sysroot = String::from_utf8(output.stdout).ok()?;
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
    source.is_dir().then_some(source)
}

#[cfg(test)]
mod tests {
    use super::Sources;
    use ukdbg_session::{SourcePath, SourceText};

    #[test]
    fn a_map_leads_to_the_file() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("book.rs"), "fn insert() {}\n").unwrap();
        let map = format!("/build/engine={}", directory.path().display());
        let mut sources = Sources::new(&[map]).unwrap();
        let path = SourcePath {
            compilation_directory: Some("/build".into()),
            path: "engine/book.rs".into(),
        };
        assert_eq!(sources.text(&path).as_deref(), Some("fn insert() {}\n"));
    }

    #[test]
    fn a_map_without_two_sides_is_refused() {
        assert!(Sources::new(&["/a".to_owned()]).is_err());
        assert!(Sources::new(&["=/b".to_owned()]).is_err());
    }
}
