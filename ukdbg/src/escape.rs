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

/// Control characters (C0, DEL, C1), and the bidirectional and invisible
/// formatting characters that can make a line read differently from its bytes.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
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
}
