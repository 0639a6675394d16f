//! Places in the source, the way their reader knows them.

use std::path::Path;

use ukdbg_session::{SourceLocation, SourcePath};

use crate::escape::escape_str;

/// A path relative to its compilation directory, when it is inside.
pub(crate) fn path(file: &SourcePath) -> String {
    let recorded = Path::new(file.path.raw());
    let shown = file
        .compilation_directory
        .as_ref()
        .and_then(|directory| recorded.strip_prefix(directory.raw()).ok())
        .unwrap_or(recorded);
    escape_str(&shown.to_string_lossy())
}

/// `path:line:column`, as far as it is known.
pub(crate) fn location(location: &SourceLocation) -> String {
    let mut text = path(&location.file);
    if let Some(line) = location.line {
        text.push_str(&format!(":{line}"));
        if let Some(column) = location.column {
            text.push_str(&format!(":{column}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use ukdbg_session::{SourceLocation, SourcePath};

    #[test]
    fn paths_are_relative_to_their_compilation_directory() {
        let check = |directory: Option<&str>, path: &str, expected: &str| {
            let place = SourceLocation {
                file: SourcePath {
                    compilation_directory: directory.map(Into::into),
                    path: path.into(),
                },
                line: NonZeroU32::new(7),
                column: None,
            };
            assert_eq!(super::location(&place), expected);
        };
        check(Some("/build"), "/build/src/a.c", "src/a.c:7");
        check(Some("/build"), "/builder/src/a.c", "/builder/src/a.c:7");
        check(Some("/build"), "src/a.c", "src/a.c:7");
        check(None, "/x/a.c", "/x/a.c:7");
        check(None, "a\x1b[2J.c", "a\\u{1b}[2J.c:7");
    }
}
