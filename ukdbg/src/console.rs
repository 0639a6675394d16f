//! The guest's console on its way to a terminal: text, tabs and newlines pass,
//! colours pass, everything else that a terminal would act on is dropped.

/// The longest escape sequence that is looked at; a longer one is dropped to
/// its end.
const LONGEST_SEQUENCE: usize = 64;

/// Filters a stream of console bytes. Sequences may be split anywhere.
#[derive(Debug, Default)]
pub(crate) struct ConsoleFilter {
    state: State,
    sequence: Vec<u8>,
    partial: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// In a control sequence (ECMA-48 §5.4): ESC [ … final byte.
    Control,
    /// In a string (OSC, DCS, SOS, PM, APC): up to BEL or ST.
    Text7,
    /// An ESC inside a string: ST if a backslash follows.
    StringEscape,
    /// A two-character escape with intermediate bytes.
    Intermediate,
}

impl ConsoleFilter {
    /// The printable part of what came in, in order.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        let mut kept = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.step(byte, &mut kept);
        }
        self.text(kept)
    }

    fn step(&mut self, byte: u8, kept: &mut Vec<u8>) {
        match self.state {
            State::Text => match byte {
                0x1b => self.state = State::Escape,
                b'\n' | b'\t' | 0x20..=0x7e | 0x80.. => kept.push(byte),
                _ => {}
            },
            State::Escape => self.after_escape(byte),
            State::Control => self.in_control(byte, kept),
            State::Text7 => match byte {
                0x07 => self.state = State::Text,
                0x1b => self.state = State::StringEscape,
                _ => {}
            },
            State::StringEscape => {
                self.state = match byte {
                    b'\\' => State::Text,
                    0x1b => State::StringEscape,
                    _ => State::Text7,
                };
            }
            State::Intermediate => {
                if !(0x20..=0x2f).contains(&byte) {
                    self.state = State::Text;
                }
            }
        }
    }

    fn after_escape(&mut self, byte: u8) {
        self.state = match byte {
            b'[' => {
                self.sequence.clear();
                State::Control
            }
            b']' | b'P' | b'X' | b'^' | b'_' => State::Text7,
            0x20..=0x2f => State::Intermediate,
            0x1b => State::Escape,
            _ => State::Text,
        };
    }

    /// Keeps a whole "select graphic rendition" and drops every other control
    /// sequence.
    fn in_control(&mut self, byte: u8, kept: &mut Vec<u8>) {
        match byte {
            0x20..=0x3f => {
                // One more than is ever kept tells a sequence that is too long.
                self.sequence.push(byte);
                self.sequence.truncate(LONGEST_SEQUENCE);
            }
            0x40..=0x7e => {
                let colours = self
                    .sequence
                    .iter()
                    .all(|b| b.is_ascii_digit() || matches!(b, b';' | b':'));
                if byte == b'm' && colours && self.sequence.len() < LONGEST_SEQUENCE {
                    kept.extend_from_slice(b"\x1b[");
                    kept.extend_from_slice(&self.sequence);
                    kept.push(b'm');
                }
                self.state = State::Text;
            }
            0x1b => self.state = State::Escape,
            _ => {}
        }
    }

    /// Decodes UTF-8 across pushes, and drops C1 controls and the invisible
    /// formatting characters that only decoding reveals.
    fn text(&mut self, kept: Vec<u8>) -> String {
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend_from_slice(&kept);
        let mut out = String::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    push_safe(&mut out, text);
                    return out;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    push_safe(&mut out, &String::from_utf8_lossy(good));
                    let Some(length) = error.error_len() else {
                        self.partial = bad.to_vec();
                        return out;
                    };
                    out.push('\u{fffd}');
                    rest = &bad[length..];
                }
            }
        }
    }
}

fn push_safe(out: &mut String, text: &str) {
    out.extend(
        text.chars()
            .filter(|&c| matches!(c, '\n' | '\t' | '\u{1b}') || !crate::escape::is_unsafe(c)),
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ConsoleFilter;

    fn check(input: &[u8], expected: &str) {
        let mut whole = ConsoleFilter::default();
        assert_eq!(whole.push(input), expected, "{input:?} at once");
        let mut bytewise = ConsoleFilter::default();
        let text: String = input.iter().map(|b| bytewise.push(&[*b])).collect();
        assert_eq!(text, expected, "{input:?} byte by byte");
    }

    #[test]
    fn text_and_colours_pass() {
        check(b"hello\r\nworld\t!\n", "hello\nworld\t!\n");
        check(b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m");
        check("naïve é 漢".as_bytes(), "naïve é 漢");
    }

    #[test]
    fn everything_a_terminal_acts_on_is_dropped() {
        check(b"\x1b[2J\x1b[Hclear", "clear");
        check(b"\x1b]0;title\x07after", "after");
        check(b"\x1b]52;c;cGFzdGU=\x1b\\after", "after");
        check(b"\x1bP$q\"p\x1b\\after", "after");
        check(b"\x1b[6nreport", "report");
        check(b"\x1b[?1049hscreen", "screen");
        check(b"\x1b(0line", "line");
        check(b"\x1bcreset", "reset");
        check(b"bell\x07 back\x08 nul\x00", "bell back nul");
        check(b"\xc2\x9b31mcsi", "31mcsi");
        check(b"\xff\xfe", "\u{fffd}\u{fffd}");
        check(
            b"\x1b[38;5;1;38;5;1;38;5;1;38;5;1;38;5;1;38;5;1;38;5;1;38;5;1;38;5;1;38;5;1mlong",
            "long",
        );
    }

    /// What is left once colours are taken out.
    fn without_colours(text: &str) -> String {
        let mut parts = text.split("\x1b[");
        let mut left = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (colours, rest) = part.split_once('m').expect("a colour ends");
            let allowed = |c: char| c.is_ascii_digit() || matches!(c, ';' | ':');
            assert!(colours.chars().all(allowed), "{colours:?}");
            left.push_str(rest);
        }
        left
    }

    proptest! {
        #[test]
        fn nothing_but_text_and_colours_passes_however_it_is_cut(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(vec![
                        &b"\x1b"[..], b"[", b"m", b"1;3", b"]", b"\x07", b"\\", b"P", b"(",
                        b"\x9b", b"\xc2", b"\xe2\x80", b"\xae", b"\xf0\x9f", b"text", b"\n",
                    ])
                    .prop_map(<[u8]>::to_vec),
                    prop::collection::vec(any::<u8>(), 0..80),
                ],
                0..24,
            ),
        ) {
            let input = pieces.concat();
            let expected = ConsoleFilter::default().push(&input);
            check(&input, &expected);
            let mut filter = ConsoleFilter::default();
            let cut: String = pieces.iter().map(|piece| filter.push(piece)).collect();
            prop_assert_eq!(&cut, &expected);
            let left = without_colours(&expected);
            let passes = |c: char| matches!(c, '\n' | '\t') || !crate::escape::is_unsafe(c);
            prop_assert!(left.chars().all(passes), "{:?}", left);
        }
    }
}
