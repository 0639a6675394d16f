//! How things look: the one place that knows colours.
//!
//! Only the terminal's own sixteen colours, and none that vanishes on a light
//! or on a dark background; without colours, weight and reversal alone tell
//! things apart.

use ratatui::style::{Color, Modifier, Style};

use super::row::Role;

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    /// The terminal's sixteen colours.
    Sixteen,
    /// None: `NO_COLOR` is set, or the user said so.
    Monochrome,
}

/// Roles and places to styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Theme {
    palette: Palette,
}

impl Theme {
    /// A theme of these colours.
    pub(crate) fn new(palette: Palette) -> Self {
        Self { palette }
    }

    /// The style of a part of a row.
    pub(crate) fn style(&self, role: Role) -> Style {
        let plain = Style::new();
        match role {
            Role::Plain => plain,
            Role::Heading => self.colored(Color::Magenta).add_modifier(Modifier::BOLD),
            Role::Strong => plain.add_modifier(Modifier::BOLD),
            Role::Muted => plain.add_modifier(Modifier::DIM),
            Role::Address => self.colored(Color::Cyan),
            Role::Function => self.colored(Color::Green),
            Role::Path => self.colored(Color::Blue),
            Role::Changed => self.colored(Color::Red).add_modifier(Modifier::BOLD),
            Role::Error => self.colored(Color::Red).add_modifier(Modifier::BOLD),
            Role::Doubt => self.colored(Color::Magenta),
            Role::Command => plain.add_modifier(Modifier::BOLD),
            Role::Guest(style) => match self.palette {
                Palette::Sixteen => style,
                Palette::Monochrome => plain.add_modifier(style.add_modifier),
            },
        }
    }

    /// The line where the guest stands, or what is selected.
    pub(crate) fn current(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The row a search found.
    pub(crate) fn found(&self) -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED | Modifier::BOLD)
    }

    /// The frame of a pane.
    pub(crate) fn border(&self, focused: bool) -> Style {
        if focused {
            self.colored(Color::Cyan).add_modifier(Modifier::BOLD)
        } else {
            Style::new().add_modifier(Modifier::DIM)
        }
    }

    /// A tab in a pane's frame.
    pub(crate) fn tab(&self, front: bool, focused: bool) -> Style {
        match (front, focused) {
            (true, true) => self.border(true).add_modifier(Modifier::REVERSED),
            (true, false) => Style::new().add_modifier(Modifier::BOLD),
            (false, _) => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// The status line.
    pub(crate) fn status(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn colored(&self, color: Color) -> Style {
        match self.palette {
            Palette::Sixteen => Style::new().fg(color),
            Palette::Monochrome => Style::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier, Style};

    use super::{Palette, Theme};
    use crate::tui::row::Role;

    #[test]
    fn monochrome_uses_no_colour_even_for_the_guest() {
        let theme = Theme::new(Palette::Monochrome);
        let guest = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        for role in [Role::Error, Role::Path, Role::Guest(guest), Role::Heading] {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
        assert_eq!(theme.style(Role::Guest(guest)).add_modifier, Modifier::BOLD);
    }
}
