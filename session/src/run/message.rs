//! The message of a log point: text with expressions in braces. Evaluates
//! nothing.

use std::str::FromStr;

use crate::format::{Format, FormatError, Letter};

/// A message that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// A brace without its other half.
    #[error("a brace of the message is not closed; `{{{{` is a brace of the text")]
    OpenBrace,
    /// A closing brace alone.
    #[error("a closing brace of the message closes nothing; `}}}}` is a brace of the text")]
    LoneBrace,
    /// Nothing between the braces.
    #[error("braces of the message hold no expression")]
    Empty,
    /// What follows the colon is no format.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// As typed.
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Value {
        expression: String,
        letter: Option<Letter>,
    },
}

impl Message {
    /// Parses `text {expression} {expression:x} {{`.
    pub(super) fn parse(text: &str) -> Result<Self, MessageError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            plain.push_str(&rest[..brace]);
            let character = rest.as_bytes()[brace];
            rest = &rest[brace + 1..];
            if rest.as_bytes().first() == Some(&character) {
                plain.push(char::from(character));
                rest = &rest[1..];
                continue;
            }
            if character == b'}' {
                return Err(MessageError::LoneBrace);
            }
            let end = rest.find('}').ok_or(MessageError::OpenBrace)?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(value(&rest[..end])?);
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }
}

fn value(inside: &str) -> Result<Part, MessageError> {
    // A colon before a format, not one of a path.
    let split = inside
        .rsplit_once(':')
        .filter(|(before, after)| !before.ends_with(':') && is_format(after));
    let (expression, letter) = match split {
        Some((expression, format)) => (expression, Format::from_str(format.trim())?.letter),
        None => (inside, None),
    };
    let expression = expression.trim().to_owned();
    if expression.is_empty() {
        return Err(MessageError::Empty);
    }
    Ok(Part::Value { expression, letter })
}

fn is_format(text: &str) -> bool {
    let text = text.trim();
    text.len() == 1 && Format::from_str(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[(&str, Option<Letter>)], MessageError>) {
        let got = Message::parse(text).map(|message| {
            let parts = message.parts.into_iter().map(|part| match part {
                Part::Text(text) => (format!("'{text}"), None),
                Part::Value { expression, letter } => (expression, letter),
            });
            parts.collect::<Vec<_>>()
        });
        let expected = expected.map(|parts| {
            let parts = parts
                .iter()
                .map(|(text, letter)| ((*text).to_owned(), *letter));
            parts.collect::<Vec<_>>()
        });
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn messages() {
        check("", Ok(&[]));
        check("plain", Ok(&[("'plain", None)]));
        check("{a.b[1]}", Ok(&[("a.b[1]", None)]));
        check(
            "id {order.id} at {addr:x}!",
            Ok(&[
                ("'id ", None),
                ("order.id", None),
                ("' at ", None),
                ("addr", Some(Letter::Hexadecimal)),
                ("'!", None),
            ]),
        );
        check("{{x}} {y}", Ok(&[("'{x} ", None), ("y", None)]));
        check("{book::COUNT}", Ok(&[("book::COUNT", None)]));
        check("{book::x}", Ok(&[("book::x", None)]));
        check("{x", Err(MessageError::OpenBrace));
        check("x}", Err(MessageError::LoneBrace));
        check("{ }", Err(MessageError::Empty));
    }
}
