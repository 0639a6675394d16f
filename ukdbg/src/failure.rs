//! A command that failed: what is printed, what to do next, and the exit code.

use std::fmt;

use crate::exit::Exit;

/// Why a command failed. Every error that reaches the top of the program is
/// one of these: an error without an exit code cannot be returned by accident.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What was tried, on what, and why it failed.
    pub(crate) error: anyhow::Error,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure with its exit code.
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: error.into(),
            hint: None,
        }
    }

    /// A failure told in words.
    pub(crate) fn text(exit: Exit, text: impl fmt::Display) -> Self {
        Self::new(exit, anyhow::anyhow!("{text}"))
    }

    /// The error and its causes, each told once: many errors quote the one
    /// that caused them.
    pub(crate) fn told_once(&self) -> String {
        let mut text = String::new();
        for cause in self.error.chain().map(ToString::to_string) {
            if text.is_empty() {
                text = cause;
            } else if !text.contains(&cause) {
                text = format!("{text}: {cause}");
            }
        }
        text
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// An error on our own side: standard output that was closed by its reader, a
/// terminal that is gone.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let exit = match error.kind() {
            std::io::ErrorKind::BrokenPipe => Exit::BROKEN_PIPE,
            _ => Exit::Defect,
        };
        Self::new(exit, error)
    }
}

/// The result of a command.
pub(crate) type Outcome = Result<Exit, Failure>;
