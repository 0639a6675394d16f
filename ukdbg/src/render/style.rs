//! The few styles that text output uses.

use crate::arguments::Color;

/// A role that text can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    /// The answer.
    Strong,
    /// What went wrong.
    Bad,
    /// Names of functions.
    Name,
    /// Places, addresses: there when looked for.
    Dim,
    /// Headings.
    Heading,
}

/// Whether styles are used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Styles {
    enabled: bool,
}

impl Styles {
    /// No colours at all.
    pub(crate) const PLAIN: Self = Self { enabled: false };

    /// What the user and the stream ask for (no-color.org: a non-empty
    /// `NO_COLOR` turns colours off).
    pub(crate) fn choose(color: Color, stream_is_terminal: impl FnOnce() -> bool) -> Self {
        let enabled = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
                    && stream_is_terminal()
            }
        };
        Self { enabled }
    }

    /// Whether there are colours.
    pub(crate) fn enabled(self) -> bool {
        self.enabled
    }

    /// The text in a style.
    pub(crate) fn paint(self, style: Style, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if !self.enabled || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Strong => "1",
            Style::Bad => "1;31",
            Style::Name => "36",
            Style::Dim => "2",
            Style::Heading => "1;34",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
