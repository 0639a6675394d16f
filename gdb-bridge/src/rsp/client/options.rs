//! How patient a client is. Policy only; nothing here measures time.

use std::time::Duration;

use crate::rsp::command::{Command, Shape};

/// How patient a client is, and how much it has under way at once.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How many reads are sent before the first is answered.
    pub window: usize,
    /// How long a reply may take before it is asked for again.
    pub patience: Duration,
    /// How often a command is tried.
    pub tries: u32,
    /// How long silence must last to count as silence.
    pub quiet: Duration,
    /// The longest reply taken.
    pub packet_limit: usize,
}

impl Options {
    /// For links that neither lose nor change bytes: TCP, unix sockets.
    pub(crate) fn reliable() -> Self {
        Self {
            window: 16,
            patience: Duration::from_millis(1500),
            tries: 3,
            quiet: Duration::from_millis(20),
            packet_limit: 0x2_0000,
        }
    }

    /// For serial lines: without flow control, and noisy.
    pub(crate) fn serial() -> Self {
        Self {
            window: 1,
            patience: Duration::from_millis(700),
            tries: 6,
            quiet: Duration::from_millis(60),
            packet_limit: 0x2_0000,
        }
    }

    /// How long the reply to this command may take: monitor commands may save
    /// or dump a whole machine before they answer.
    pub(super) fn patience_for(&self, command: &Command) -> Duration {
        match command.shape() {
            Shape::Monitor => self.patience.max(Duration::from_secs(30)),
            _ => self.patience,
        }
    }
}
