//! A recorded conversation in GDB's remote protocol as requests, by name, and how
//! each was answered.
//!
//! Not here: which of them must be answered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::relay::{Record, Way};

/// How a request was answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Answer {
    /// With what it asks for.
    Served,
    /// With the empty packet: the stub does not know it.
    Unknown,
    /// With an error.
    Error,
    /// Not at all.
    Nothing,
}

impl Answer {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Unknown => "empty",
            Self::Error => "error",
            Self::Nothing => "nothing",
        }
    }

    fn of(reply: &[u8]) -> Self {
        match reply {
            [] => Self::Unknown,
            [b'E', b'.', ..] | [b'E', _, _] => Self::Error,
            _ => Self::Served,
        }
    }
}

/// The ways in which each kind of request was answered.
pub type Answers = BTreeMap<String, BTreeSet<Answer>>;

/// The requests of a record, each with its answers. Over a good line, what was
/// never answered was cut off by the end of the connection.
#[must_use]
pub fn answers(record: &Record) -> Answers {
    let (mut client, mut stub) = (Vec::new(), Vec::new());
    let mut waiting = VecDeque::new();
    let mut found = Answers::new();
    for (way, bytes) in record {
        match way {
            Way::ToStub => {
                client.extend_from_slice(bytes);
                while let Some(request) = next(&mut client) {
                    waiting.push_back(name(&request));
                }
            }
            Way::ToClient => {
                stub.extend_from_slice(bytes);
                while let Some(reply) = next(&mut stub) {
                    // The console's text comes before the answer.
                    if reply.first() == Some(&b'O') && reply != b"OK" {
                        continue;
                    }
                    if let Some(request) = waiting.pop_front() {
                        found.entry(request).or_default().insert(Answer::of(&reply));
                    }
                }
            }
        }
    }
    for request in waiting {
        found.entry(request).or_default().insert(Answer::Nothing);
    }
    found
}

/// The body of the next whole packet, taken out with what is before it.
fn next(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let start = bytes.iter().position(|&byte| byte == b'$')?;
    let length = bytes[start..].iter().position(|&byte| byte == b'#')?;
    let end = start + length + 3;
    if bytes.len() < end {
        return None;
    }
    let body = bytes[start + 1..start + length].to_vec();
    bytes.drain(..end);
    Some(body)
}

/// A request's name as the manual has it, without what it is about.
fn name(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let first = text.chars().next().unwrap_or_default();
    let word = |separators: &[char]| {
        let end = text.find(separators).unwrap_or(text.len());
        text[..end].to_owned()
    };
    match first {
        'q' if text.starts_with("qXfer:") => {
            text.splitn(5, ':').take(3).collect::<Vec<_>>().join(":")
        }
        'q' if text.starts_with("qL1") => "qL".to_owned(),
        'q' if text.starts_with("qRegisterInfo") => "qRegisterInfo".to_owned(),
        'v' if text.starts_with("vCont;") => text.chars().take(7).collect(),
        'v' if text.starts_with("vFile:") => {
            text.splitn(3, ':').take(2).collect::<Vec<_>>().join(":")
        }
        'q' | 'Q' | 'v' | 'j' => word(&[':', ',', ';']),
        'Z' | 'z' | 'H' => text.chars().take(2).collect(),
        _ => first.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_manuals_names() {
        for (body, expected) in [
            ("qSupported:multiprocess+;x", "qSupported"),
            (
                "qXfer:features:read:target.xml:0,ffb",
                "qXfer:features:read",
            ),
            ("qRcmd,68", "qRcmd"),
            ("qL1160000000000000000", "qL"),
            ("vCont?", "vCont?"),
            ("vCont;s:p1.1;c", "vCont;s"),
            ("vFile:setfs:0", "vFile:setfs"),
            ("Z0,1000,1", "Z0"),
            ("Hgp1.1", "Hg"),
            ("m1000,4", "m"),
            ("?", "?"),
            ("k", "k"),
            ("D;1", "D"),
        ] {
            assert_eq!(name(body.as_bytes()), expected);
        }
    }

    #[test]
    fn answers_follow_their_requests() {
        let record = vec![
            (Way::ToStub, b"+$g#67+$m0".to_vec()),
            (Way::ToClient, b"+$E01#a6+$O68#aa".to_vec()),
            (Way::ToStub, b",4#fd$qC#b4$k#6b".to_vec()),
            (Way::ToClient, b"+$00#60$#00".to_vec()),
        ];
        let found = answers(&record);
        let expected = [
            ("g", Answer::Error),
            ("k", Answer::Nothing),
            ("m", Answer::Served),
            ("qC", Answer::Unknown),
        ];
        let expected: Answers = expected
            .into_iter()
            .map(|(name, answer)| (name.to_owned(), [answer].into()))
            .collect();
        assert_eq!(found, expected);
    }
}
