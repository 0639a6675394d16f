//! Expected line numbers, found by what the line says rather than written
//! down: a comment or an operation in the source.

use std::fs;
use std::path::Path;

/// The number of the only line of `file` that holds `text`.
///
/// # Panics
/// When no line or several do.
#[must_use]
pub fn line_of(file: &Path, text: &str) -> u64 {
    match lines_of(file, text)[..] {
        [line] => line,
        ref lines => panic!("{} holds {text:?} in lines {lines:?}", file.display()),
    }
}

/// The numbers of the lines of `file` that hold `text`.
///
/// # Panics
/// When the file cannot be read.
#[must_use]
pub fn lines_of(file: &Path, text: &str) -> Vec<u64> {
    let source = fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
    (1..)
        .zip(source.lines())
        .filter(|(_, line)| line.contains(text))
        .map(|(number, _)| number)
        .collect()
}
