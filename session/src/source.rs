//! Source lines around a place.

use ukdbg_image::{SourceLocation, Untrusted};

use crate::SourceText;
use crate::view::{SourceLine, SourceView};

/// The longest line that is kept, in characters.
const LONGEST_LINE: usize = 400;

/// The lines around a place; none when the file is not found, or too short to
/// be the one that was compiled.
pub(crate) fn around(
    sources: &mut dyn SourceText,
    location: &SourceLocation,
    context: u32,
) -> SourceView {
    let lines = location.line.map_or_else(Vec::new, |line| {
        let text = sources.text(&location.file).unwrap_or_default();
        lines_around(&text, line.get(), context)
    });
    SourceView {
        location: location.clone(),
        lines,
    }
}

/// The lines from a place on up to the last that is asked for.
pub(crate) fn between(
    sources: &mut dyn SourceText,
    location: &SourceLocation,
    last: u32,
) -> SourceView {
    let lines = location.line.map_or_else(Vec::new, |first| {
        let text = sources.text(&location.file).unwrap_or_default();
        numbered(&text, first.get(), last, None)
    });
    SourceView {
        location: location.clone(),
        lines,
    }
}

fn numbered(text: &str, first: u32, last: u32, selected: Option<u32>) -> Vec<SourceLine> {
    (1u32..)
        .zip(text.lines())
        .skip_while(|(number, _)| *number < first)
        .take_while(|(number, _)| *number <= last)
        .map(|(number, text)| SourceLine {
            number,
            text: Untrusted::from(text.chars().take(LONGEST_LINE).collect::<String>()),
            selected: selected == Some(number),
        })
        .collect()
}

fn lines_around(text: &str, line: u32, context: u32) -> Vec<SourceLine> {
    let first = line.saturating_sub(context).max(1);
    let lines = numbered(text, first, line.saturating_add(context), Some(line));
    if lines.iter().any(|line| line.selected) {
        lines
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::lines_around;

    fn check(text: &str, line: u32, context: u32, expected: &[(u32, &str, bool)]) {
        let lines = lines_around(text, line, context);
        let got: Vec<(u32, &str, bool)> = lines
            .iter()
            .map(|line| (line.number, line.text.raw(), line.selected))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn context_is_clipped_to_the_file() {
        let text = "a\nb\nc\nd\n";
        check(
            text,
            2,
            1,
            &[(1, "a", false), (2, "b", true), (3, "c", false)],
        );
        check(
            text,
            1,
            2,
            &[(1, "a", true), (2, "b", false), (3, "c", false)],
        );
        check(text, 4, 1, &[(3, "c", false), (4, "d", true)]);
        check(text, u32::MAX, u32::MAX, &[]);
    }

    #[test]
    fn a_file_too_short_is_not_the_one_that_was_compiled() {
        check("a\n", 5, 10, &[]);
        check("", 1, 3, &[]);
    }
}
