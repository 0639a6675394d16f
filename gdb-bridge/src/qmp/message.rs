//! QMP's messages: lines out of bytes, messages out of lines. No I/O.

use std::collections::VecDeque;

use serde_json::Value;
use ukdbg_inspect::ShutdownCause;

/// The longest line taken. Answers with a monitor's text are the longest that
/// occur, some tens of kilobytes for many CPUs.
const LINE_LIMIT: usize = 0x40_0000;

/// Splits bytes into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    found: VecDeque<Result<Vec<u8>, ()>>,
    overlong: bool,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.extend(piece);
            let line = std::mem::take(&mut self.begun);
            match std::mem::take(&mut self.overlong) {
                true => {}
                false => self.found.push_back(Ok(line)),
            }
        }
        self.extend(last);
    }

    /// The next line, or an error once for each that was too long.
    pub(super) fn next(&mut self) -> Option<Result<Vec<u8>, ()>> {
        self.found.pop_front()
    }

    fn extend(&mut self, piece: &[u8]) {
        if self.overlong {
            return;
        }
        if self.begun.len().saturating_add(piece.len()) > LINE_LIMIT {
            self.overlong = true;
            self.begun = Vec::new();
            self.found.push_back(Err(()));
        } else {
            self.begun.extend_from_slice(piece);
        }
    }
}

/// What QEMU tells without being asked, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QmpEvent {
    /// The guest was stopped.
    Stop,
    /// The guest goes on.
    Resume,
    /// The machine was shut down or wants to be.
    Shutdown(ShutdownCause),
    /// The machine was reset.
    Reset,
    /// The guest says that it panicked.
    GuestPanicked,
}

/// One line of QMP.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    Greeting,
    Return {
        id: Option<u64>,
        value: Value,
    },
    Error {
        id: Option<u64>,
        description: String,
    },
    Event(QmpEvent),
    /// An event that does not matter, or an empty line.
    Ignored,
}

impl Message {
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        if line.trim_ascii().is_empty() {
            return Some(Self::Ignored);
        }
        let mut value: Value = serde_json::from_slice(line).ok()?;
        let id = value["id"].as_u64();
        if let Some(event) = value["event"].as_str() {
            let data = &value["data"];
            return Some(event_named(event, data).map_or(Self::Ignored, Self::Event));
        }
        if value.get("QMP").is_some() {
            return Some(Self::Greeting);
        }
        if let Some(error) = value.get("error") {
            let description = error["desc"]
                .as_str()
                .unwrap_or("no reason given")
                .to_owned();
            return Some(Self::Error { id, description });
        }
        value.get_mut("return").map(|value| Self::Return {
            id,
            value: value.take(),
        })
    }
}

fn event_named(name: &str, data: &Value) -> Option<QmpEvent> {
    Some(match name {
        "STOP" => QmpEvent::Stop,
        "RESUME" => QmpEvent::Resume,
        "RESET" => QmpEvent::Reset,
        "GUEST_PANICKED" => QmpEvent::GuestPanicked,
        "SHUTDOWN" => QmpEvent::Shutdown(match data["reason"].as_str() {
            Some("guest-shutdown") => ShutdownCause::GuestShutdown,
            Some("guest-reset") => ShutdownCause::GuestReset,
            Some("guest-panic") => ShutdownCause::GuestPanic,
            _ if data["guest"] == Value::Bool(true) => ShutdownCause::GuestShutdown,
            _ => ShutdownCause::Host,
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(line: &str, expected: Option<Message>) {
        assert_eq!(Message::parse(line.as_bytes()), expected, "{line}");
    }

    #[test]
    fn messages() {
        check(
            r#"{"QMP": {"version": {}, "capabilities": ["oob"]}}"#,
            Some(Message::Greeting),
        );
        check(
            r#"{"return": {}, "id": 3}"#,
            Some(Message::Return {
                id: Some(3),
                value: json!({}),
            }),
        );
        check(
            r#"{"id": 4, "error": {"class": "GenericError", "desc": "no"}}"#,
            Some(Message::Error {
                id: Some(4),
                description: "no".to_owned(),
            }),
        );
        let shutdown = |cause| Some(Message::Event(QmpEvent::Shutdown(cause)));
        check(
            r#"{"timestamp": {}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}"#,
            shutdown(ShutdownCause::GuestReset),
        );
        check(
            r#"{"event": "SHUTDOWN", "data": {"guest": false, "reason": "host-signal"}}"#,
            shutdown(ShutdownCause::Host),
        );
        check(r#"{"event": "STOP"}"#, Some(Message::Event(QmpEvent::Stop)));
        check(
            r#"{"event": "NIC_RX_FILTER_CHANGED"}"#,
            Some(Message::Ignored),
        );
        check("\r", Some(Message::Ignored));
        check("$T05#b9", None);
        check("[]", None);
        check("{}", None);
        check(&"[".repeat(100_000), None);
    }

    #[test]
    fn lines() {
        let mut lines = Lines::default();
        for byte in b"a\nbc\n\nd" {
            lines.push(&[*byte]);
        }
        let found: Vec<_> = std::iter::from_fn(|| lines.next()).collect();
        assert_eq!(
            found,
            [Ok(b"a".to_vec()), Ok(b"bc".to_vec()), Ok(Vec::new())]
        );
        lines.push(&vec![b'x'; LINE_LIMIT]);
        lines.push(b"yz\nok\n");
        let found: Vec<_> = std::iter::from_fn(|| lines.next()).collect();
        assert_eq!(found, [Err(()), Ok(b"ok".to_vec())]);
    }
}
