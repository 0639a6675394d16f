//! Commands that are given with `-x FILE` and `-e COMMAND`, and files of
//! commands.

use std::fs;
use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::failure::Failure;

/// The largest file of commands that is read.
const LARGEST: u64 = 16 << 20;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A file.
    File(PathBuf),
    /// A command.
    Command(String),
}

/// The commands, in the order of the command line. Files are read before
/// anything is started.
pub(crate) fn lines(steps: &[Step]) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for step in steps {
        match step {
            Step::Command(command) => lines.push(command.clone()),
            Step::File(path) => lines.extend(read(path)?),
        }
    }
    Ok(lines)
}

/// The lines of a file.
pub(super) fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Failure::text(
            Exit::Usage,
            format_args!("cannot read the commands in {}: {why}", path.display()),
        )
    };
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if metadata.len() > LARGEST {
        return Err(unreadable(&"it is too large"));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    Ok(text.lines().map(ToOwned::to_owned).collect())
}
