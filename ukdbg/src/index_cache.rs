//! The folder that keeps indexes of large images between runs:
//! `$XDG_CACHE_HOME/ukdbg` or `~/.cache/ukdbg`. Whatever goes wrong with it is
//! the same as an empty one. What is in the files, and whether it can be
//! believed, is `image`'s to know.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ukdbg_session::{IndexKind, IndexStore};

use crate::new_file::NewFile;

/// Set to anything, it turns the cache off.
const TURNED_OFF_BY: &str = "UKDBG_NO_INDEX_CACHE";

/// Smaller images are indexed in less time than it takes to notice.
const WORTH_BYTES: u64 = 32 << 20;

/// What all files together may take. The index of a kernel has some megabytes.
const MOST_BYTES: u64 = 256 << 20;

/// A folder of indexes.
pub(crate) struct IndexCache {
    folder: PathBuf,
    most_bytes: u64,
}

impl IndexCache {
    /// The user's, for an image read from these files; none where it does not
    /// pay or is not wanted.
    pub(crate) fn for_files(files: &[&Path]) -> Option<Self> {
        let sizes = files.iter().filter_map(|file| fs::metadata(file).ok());
        let is_large = sizes.map(|file| file.len()).sum::<u64>() >= WORTH_BYTES;
        let folder = is_large.then(|| folder(|name| std::env::var_os(name)))?;
        Some(Self {
            folder: folder?,
            most_bytes: MOST_BYTES,
        })
    }

    fn path(&self, build_id: &[u8], kind: IndexKind) -> PathBuf {
        let id: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let kind = match kind {
            IndexKind::Functions => "functions",
            IndexKind::Globals => "globals",
        };
        self.folder.join(format!("{id}.{kind}"))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let file = NewFile::begin(path)?;
        file.file().write_all(bytes)?;
        file.finish()?;
        self.evict()
    }

    /// Removes what was not used for longest, until the rest is small enough.
    fn evict(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)?.filter_map(Result::ok) {
            // What another process is about to put in place has a hidden name.
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Another process may have removed it just now.
            if let Ok(metadata) = entry.metadata() {
                files.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total <= self.most_bytes {
                break;
            }
            // Removed by another process is as good.
            let _ = fs::remove_file(path);
            total = total.saturating_sub(size);
        }
        Ok(())
    }
}

impl IndexStore<'static> for IndexCache {
    fn load(&self, build_id: &[u8], kind: IndexKind) -> Option<&'static [u8]> {
        let path = self.path(build_id, kind);
        let file = File::open(&path).ok()?;
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > self.most_bytes {
            return None;
        }
        // What is used is evicted last.
        let _ = file.set_modified(SystemTime::now());
        // Read, not mapped: another process may replace or cut it.
        let bytes = fs::read(&path).ok()?;
        Some(Box::leak(bytes.into_boxed_slice()))
    }

    fn save(&self, build_id: &[u8], kind: IndexKind, bytes: &[u8]) {
        // The answer does not depend on it, so nobody needs to know.
        let _ = self.write(&self.path(build_id, kind), bytes);
    }
}

/// Where caches belong (XDG Base Directory Specification); none when they are
/// turned off.
fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if variable(TURNED_OFF_BY).is_some_and(|value| !value.is_empty()) {
        return None;
    }
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|it| it.is_absolute())
    };
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("ukdbg"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn cache(folder: &Path) -> IndexCache {
        IndexCache {
            folder: folder.join("ukdbg"),
            most_bytes: 100,
        }
    }

    #[test]
    fn folders() {
        let check = |set: &[(&str, &str)], expected: Option<&str>| {
            let variable = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(
                folder(variable).as_deref(),
                expected.map(Path::new),
                "{set:?}"
            );
        };
        check(&[("HOME", "/home/me")], Some("/home/me/.cache/ukdbg"));
        check(
            &[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/cache")],
            Some("/cache/ukdbg"),
        );
        check(
            &[("HOME", "/home/me"), ("XDG_CACHE_HOME", "cache")],
            Some("/home/me/.cache/ukdbg"),
        );
        check(&[("HOME", "/home/me"), (TURNED_OFF_BY, "1")], None);
        check(&[], None);
    }

    #[test]
    fn what_is_saved_is_private_and_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        assert_eq!(cache.load(b"\x01\xab", IndexKind::Functions), None);
        cache.save(b"\x01\xab", IndexKind::Functions, b"one");
        cache.save(b"\x01\xab", IndexKind::Functions, b"two");
        let loaded = cache.load(b"\x01\xab", IndexKind::Functions);
        assert_eq!(loaded, Some(&b"two"[..]));
        assert_eq!(cache.load(b"\x01\xab", IndexKind::Globals), None);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache.folder), 0o700);
        assert_eq!(mode(&cache.folder.join("01ab.functions")), 0o600);
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let age = |id: u8, seconds: u64| {
            let path = cache.path(&[id], IndexKind::Functions);
            let long_ago = SystemTime::now() - Duration::from_secs(seconds);
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        };
        for id in 1..=3 {
            cache.save(&[id], IndexKind::Functions, &[0; 30]);
            age(id, 1000 - u64::from(id));
        }
        assert!(cache.load(&[1], IndexKind::Functions).is_some());
        cache.save(&[4], IndexKind::Functions, &[0; 30]);
        let left: Vec<u8> = (1..=4)
            .filter(|&id| cache.load(&[id], IndexKind::Functions).is_some())
            .collect();
        assert_eq!(left, [1, 3, 4]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let cache = cache(&file);
        cache.save(&[1], IndexKind::Globals, b"one");
        assert_eq!(cache.load(&[1], IndexKind::Globals), None);
    }

    #[test]
    fn writers_at_the_same_time_leave_one_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        thread::scope(|scope| {
            for writer in 0..4_u8 {
                let cache = cache(folder.path());
                scope.spawn(move || {
                    for _ in 0..20 {
                        cache.save(&[1], IndexKind::Functions, &[writer; 50]);
                        let read = cache.load(&[1], IndexKind::Functions).unwrap();
                        assert_eq!(read, [read[0]; 50]);
                    }
                });
            }
        });
        let files = fs::read_dir(cache(folder.path()).folder).unwrap();
        assert_eq!(files.count(), 1);
    }
}
