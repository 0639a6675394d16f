//! A file that appears under its name when it is whole, and otherwise not at
//! all: it has no name while it is written, so that whatever ends us leaves
//! nothing behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// A file in the making.
pub(crate) struct NewFile {
    file: Written,
    path: PathBuf,
}

enum Written {
    /// Without a name, where the file system can do that.
    Unnamed(File),
    /// Under a name of its own beside the wanted one.
    Named(NamedTempFile),
}

impl NewFile {
    /// Begins a file that will be at `path`; what is there stays until then.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        let folder = folder(path);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = match open(folder, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Written::Unnamed(file.into()),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                Written::Named(NamedTempFile::new_in(folder)?)
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Where its contents go.
    pub(crate) fn file(&self) -> &File {
        match &self.file {
            Written::Unnamed(file) => file,
            Written::Named(file) => file.as_file(),
        }
    }

    /// Puts it in place, over what was there.
    pub(crate) fn finish(self) -> io::Result<()> {
        let file = match self.file {
            Written::Unnamed(file) => file,
            Written::Named(file) => return file.persist(&self.path).map(drop).map_err(Into::into),
        };
        match name(&file, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A link replaces nothing, a renaming does.
                let beside = tempfile::Builder::new()
                    .prefix(".ukdbg-")
                    .make_in(folder(&self.path), |path| name(&file, path))?;
                beside.persist(&self.path).map(drop).map_err(Into::into)
            }
            other => other,
        }
    }
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Gives an unnamed file a name (open(2), `O_TMPFILE`).
fn name(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn it_appears_whole_over_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("core");
        for content in ["first", "second"] {
            let new = NewFile::begin(&path).unwrap();
            new.file().write_all(content.as_bytes()).unwrap();
            assert_ne!(std::fs::read_to_string(&path).unwrap_or_default(), content);
            new.finish().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn one_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(NewFile::begin(&folder.path().join("core")).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(NewFile::begin(Path::new("/nonexistent/core")).is_err());
    }
}
