//! What went wrong so far, with what to do about it. Nothing is dropped before
//! a thousand newer ones came.

use std::collections::VecDeque;

use ukdbg_session::SessionError;
use ukdbg_session::inspect::{MemoryError, TargetError};

use super::row::{Role, Row, wrap};

/// Notices kept.
const MOST: usize = 1_000;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// What happened.
    pub(crate) text: String,
    /// What to do about it.
    pub(crate) hint: Option<&'static str>,
    /// How many times in a row.
    pub(crate) times: usize,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    all: VecDeque<Notice>,
    /// The newest was not taken away yet.
    shown: bool,
}

impl Notices {
    /// Keeps a notice and shows it.
    pub(crate) fn add(&mut self, text: impl Into<String>, hint: Option<&'static str>) {
        self.keep(text.into(), hint);
        self.shown = true;
    }

    /// Keeps a notice that is shown elsewhere already.
    pub(crate) fn keep(&mut self, text: String, hint: Option<&'static str>) {
        match self.all.back_mut() {
            Some(last) if last.text == text => last.times += 1,
            _ => self.all.push_back(Notice {
                text,
                hint,
                times: 1,
            }),
        }
        if self.all.len() > MOST {
            self.all.pop_front();
        }
    }

    /// The notice on the screen.
    pub(crate) fn shown(&self) -> Option<&Notice> {
        self.all.back().filter(|_| self.shown)
    }

    /// Takes it away; says whether there was one.
    pub(crate) fn dismiss(&mut self) -> bool {
        std::mem::take(&mut self.shown)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// All of them as rows, newest first.
    pub(crate) fn rows(&self, width: usize) -> Vec<Row> {
        if self.all.is_empty() {
            return vec![Row::of(Role::Muted, "Nothing went wrong so far.")];
        }
        let mut rows = Vec::new();
        for notice in self.all.iter().rev() {
            let times = match notice.times {
                1 => String::new(),
                times => format!(" ({times} times)"),
            };
            let text = format!("{}{times}", notice.text);
            rows.extend(
                wrap(&text, width)
                    .iter()
                    .map(|line| Row::of(Role::Plain, line)),
            );
            if let Some(hint) = notice.hint {
                let lines = wrap(hint, width.saturating_sub(2));
                rows.extend(
                    lines
                        .iter()
                        .map(|line| Row::of(Role::Muted, format!("  {line}"))),
                );
            }
        }
        rows
    }
}

/// What to do about an error.
pub(crate) fn hint(error: &SessionError) -> Option<&'static str> {
    match error {
        SessionError::Target(error)
        | SessionError::Memory(MemoryError::Link { source: error, .. }) => target_hint(error),
        SessionError::NoCode { .. } => Some("give the image that holds it with --symbols"),
        SessionError::NoSource { .. } => Some("an image with debugging information has lines"),
        _ => None,
    }
}

fn target_hint(error: &TargetError) -> Option<&'static str> {
    match error {
        TargetError::Disconnected { .. } => Some("what was read stays on the screen; q quits"),
        TargetError::Timeout { .. } => Some("r asks again"),
        TargetError::Running { .. } => Some("s stops the guest"),
        _ => None,
    }
}

/// Whether an error is an answer that the pane's own text gives well enough.
pub(crate) fn is_answer(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::NoCode { .. }
            | SessionError::NoSource { .. }
            | SessionError::NoTrace { .. }
            | SessionError::NoFrame { .. }
    )
}
