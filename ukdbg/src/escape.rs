//! The one place where text from a guest or an image is made safe for a
//! terminal. Not here: the filter for a guest's console, which keeps colours
//! and is a state machine over a stream (`console.rs`).

use ukdbg_session::Untrusted;

/// The text with every control character, and every character that moves or
/// hides other text, written as an escape.
pub(crate) fn escape(text: &Untrusted) -> String {
    escape_str(text.raw())
}

/// As [`escape`], for text that a front end composed of untrusted parts.
pub(crate) fn escape_str(text: &str) -> String {
    // Nearly all text: ten thousand addresses have a hundred thousand names
    // and paths.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// As [`escape_str`], for text of several lines: newlines stay.
pub(crate) fn escape_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(escape_str).collect();
    lines.join("\n")
}

/// Control characters (C0, DEL, C1), and the characters that can make a line
/// read differently from its bytes: bidirectional formatting (Unicode UAX 9),
/// everything that is invisible by default (UAX 44,
/// `Default_Ignorable_Code_Point`: joiners, fillers, tags), separators of
/// lines. Of the variation selectors the two that choose between text and
/// emoji stay: they follow what they change, and hide nothing.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::escape_str;

    fn check(input: &str, expected: &str) {
        assert_eq!(escape_str(input), expected);
    }

    #[test]
    fn control_and_formatting_characters_become_visible() {
        check("core::fmt", "core::fmt");
        check("naïve é 漢", "naïve é 漢");
        check("\u{1b}[31mred", "\\u{1b}[31mred");
        check("a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}");
        check("\u{9b}31m", "\\u{9b}31m");
        check("\u{202e}txt.exe", "\\u{202e}txt.exe");
        check("\u{7f}", "\\u{7f}");
    }

    #[test]
    fn what_hides_text_becomes_visible() {
        check("a\u{61c}b", "a\\u{61c}b");
        check("a\u{180e}b", "a\\u{180e}b");
        check(
            "ok\u{e0001}\u{e0041}\u{e007f}",
            "ok\\u{e0001}\\u{e0041}\\u{e007f}",
        );
        check("a\u{fe00}\u{fe0d}", "a\\u{fe00}\\u{fe0d}");
        check("a\u{e0100}\u{e01ef}", "a\\u{e0100}\\u{e01ef}");
        check(
            "a\u{ad}b\u{3164}c\u{2028}d",
            "a\\u{ad}b\\u{3164}c\\u{2028}d",
        );
        // Chosen presentation of a symbol.
        check(
            "\u{2764}\u{fe0f} \u{2600}\u{fe0e}",
            "\u{2764}\u{fe0f} \u{2600}\u{fe0e}",
        );
    }
}
