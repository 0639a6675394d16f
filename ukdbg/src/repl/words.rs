//! What stands behind a command's name, read from left to right, with the
//! column of what is wrong. Not the language of expressions, which is
//! `session`'s.

use std::ops::Range;

use ukdbg_session::Format;

use crate::exit::Exit;
use crate::failure::Failure;

/// A command line and how far it has been read.
#[derive(Debug, Clone)]
pub(crate) struct Words<'a> {
    line: &'a str,
    at: usize,
    /// The part that was read last: what an error is about.
    last: Range<usize>,
}

/// A command that cannot be understood, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\n    {}\n    {}{}", line.replace(char::is_control, " "), " ".repeat(*column), "^".repeat(*length))]
pub(crate) struct UsageError {
    /// What is wrong with it.
    pub(crate) message: String,
    /// The line as typed.
    pub(crate) line: String,
    /// The first character that is meant, from 0.
    pub(crate) column: usize,
    /// How many characters are meant.
    pub(crate) length: usize,
}

impl<'a> Words<'a> {
    /// A whole line.
    pub(crate) fn new(line: &'a str) -> Self {
        Self {
            line,
            at: 0,
            last: 0..0,
        }
    }

    /// The name of a command: letters, digits and `-`, or one of the signs
    /// that are commands.
    pub(crate) fn name(&mut self) -> &'a str {
        self.skip_spaces();
        let rest = &self.line[self.at..];
        let is_sign = rest.starts_with(['!', '#']);
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
        let length = if is_sign {
            1
        } else {
            length.unwrap_or(rest.len())
        };
        self.take(length)
    }

    /// The next word, if there is one.
    pub(crate) fn word(&mut self) -> Option<&'a str> {
        self.skip_spaces();
        let rest = &self.line[self.at..];
        if rest.is_empty() {
            self.last = self.at..self.at;
            return None;
        }
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        Some(self.take(length))
    }

    /// The next word without reading it.
    pub(crate) fn peek(&self) -> Option<&'a str> {
        self.clone().word()
    }

    /// All the rest.
    pub(crate) fn rest(&mut self) -> &'a str {
        self.skip_spaces();
        let rest = self.line[self.at..].trim_end();
        self.take(rest.len())
    }

    /// All the rest; none when there is none.
    pub(crate) fn some_rest(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        (!rest.is_empty()).then_some(rest)
    }

    /// All the rest, which the command cannot do without.
    pub(crate) fn needed(&mut self, what: &str) -> Result<&'a str, Failure> {
        match self.some_rest() {
            Some(rest) => Ok(rest),
            None => Err(self.wrong(format!("{what}?"))),
        }
    }

    /// A format right behind the name: `/8gx`.
    pub(crate) fn format(&mut self) -> Result<Option<Format>, Failure> {
        let Some(letters) = self.slash() else {
            return Ok(None);
        };
        let format = letters.parse::<Format>();
        format.map(Some).map_err(|error| self.wrong(error))
    }

    /// What follows a slash right behind what was read.
    pub(crate) fn slash(&mut self) -> Option<&'a str> {
        let rest = &self.line[self.at..];
        let behind = rest.trim_start().strip_prefix('/')?;
        self.at = self.line.len() - behind.len();
        let length = behind
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(behind.len());
        Some(self.take(length))
    }

    /// A number, if another word follows; it must be one then.
    pub(crate) fn number(&mut self, what: &str) -> Result<Option<u64>, Failure> {
        let Some(word) = self.word() else {
            return Ok(None);
        };
        let parsed = match word.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => word.parse(),
        };
        match parsed {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.wrong(format!("`{word}` is not {what}"))),
        }
    }

    /// Nothing must follow.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        match self.some_rest() {
            None => Ok(()),
            Some(_) => Err(self.wrong("this command takes no more than that")),
        }
    }

    /// An error about the part that was read last.
    pub(crate) fn wrong(&self, message: impl std::fmt::Display) -> Failure {
        let before = self.line[..self.last.start].chars().count();
        let length = self.line[self.last.clone()].chars().count();
        Failure::new(
            Exit::Usage,
            UsageError {
                message: message.to_string(),
                line: self.line.to_owned(),
                column: before,
                length: length.max(1),
            },
        )
    }

    fn skip_spaces(&mut self) {
        let rest = &self.line[self.at..];
        self.at = self.line.len() - rest.trim_start().len();
    }

    fn take(&mut self, length: usize) -> &'a str {
        self.last = self.at..self.at + length;
        self.at = self.last.end;
        &self.line[self.last.clone()]
    }
}

/// `PLACE if CONDITION`, as in a breakpoint. The word `if` alone begins a
/// condition.
pub(crate) fn condition(text: &str) -> (&str, Option<&str>) {
    if let Some(condition) = text.strip_prefix("if ") {
        return ("", Some(condition.trim()));
    }
    match text.split_once(" if ") {
        Some((place, condition)) => (place.trim(), Some(condition.trim())),
        None => (text, None),
    }
}

/// `PLACE = VALUE`, at the first `=` that is an assignment.
pub(crate) fn assignment(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (None, b'=') => {
                let before = at.checked_sub(1).and_then(|before| bytes.get(before));
                let compares = bytes.get(at + 1) == Some(&b'=')
                    || matches!(before, Some(b'=' | b'!' | b'<' | b'>'));
                if !compares {
                    return Some((text[..at].trim(), text[at + 1..].trim()));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Words, assignment, condition};

    #[test]
    fn names_end_where_arguments_begin() {
        let check = |line: &str, name: &str, rest: &str| {
            let mut words = Words::new(line);
            assert_eq!((words.name(), words.rest()), (name, rest), "{line}");
        };
        check("p/x var", "p", "/x var");
        check("x/8gx $rsp", "x", "/8gx $rsp");
        check("  b*0x1000", "b", "*0x1000");
        check("!ls -l", "!", "ls -l");
        check("reverse-step 2 ", "reverse-step", "2");
        check("p$rip", "p", "$rip");
        check("", "", "");
    }

    #[test]
    fn errors_point_at_what_is_wrong() {
        let mut words = Words::new("step é x2 3");
        assert_eq!(words.name(), "step");
        assert_eq!(words.word(), Some("é"));
        let failure = words.number("a count").unwrap_err();
        let told = failure.told_once();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines,
            ["`x2` is not a count", "    step é x2 3", "           ^^"]
        );
        let failure = words.end().unwrap_err();
        assert!(failure.told_once().ends_with("\n              ^"));
    }

    #[test]
    fn formats_stand_behind_a_slash() {
        let check = |line: &str, count: Option<u32>, rest: &str| {
            let mut words = Words::new(line);
            words.name();
            let format = words.format().unwrap().unwrap();
            assert_eq!((format.count, words.rest()), (count, rest), "{line}");
        };
        check("x/8gx $rsp", Some(8), "$rsp");
        check("p /x a/2", None, "a/2");
        check("p/x(a)", None, "(a)");
        let mut words = Words::new("p/q a");
        words.name();
        assert!(words.format().is_err());
    }

    #[test]
    fn conditions_and_assignments() {
        assert_eq!(condition("a.c:12 if x > 3"), ("a.c:12", Some("x > 3")));
        assert_eq!(condition("if x"), ("", Some("x")));
        assert_eq!(condition("iffy"), ("iffy", None));
        let check = |text: &str, expected: Option<(&str, &str)>| {
            assert_eq!(assignment(text), expected, "{text}");
        };
        check("x = 5", Some(("x", "5")));
        check("a.b=c == d", Some(("a.b", "c == d")));
        check("a == b", None);
        check("a <= b", None);
        check("a['='] = 1", Some(("a['=']", "1")));
        check("a", None);
    }
}
