//! Keys and what they do: one table, from which the help page is made too.

use std::fmt;

use super::pane::PaneId;

/// A key, as far as any binding tells keys apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the keys' own")]
pub(crate) enum Key {
    Char(char),
    Control(char),
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Tab,
    BackTab,
    Backspace,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Char(c) => return write!(f, "{c}"),
            Self::Control(c) => return write!(f, "Ctrl-{}", c.to_ascii_uppercase()),
            Self::Up => "↑",
            Self::Down => "↓",
            Self::Left => "←",
            Self::Right => "→",
            Self::PageUp => "PgUp",
            Self::PageDown => "PgDn",
            Self::Home => "Home",
            Self::End => "End",
            Self::Enter => "Enter",
            Self::Escape => "Esc",
            Self::Tab => "Tab",
            Self::BackTab => "Shift-Tab",
            Self::Backspace => "Backspace",
        })
    }
}

/// A move within a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub(crate) enum Motion {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    First,
    Last,
}

/// Which way a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Towards the end.
    Forward,
    /// Towards the start.
    Backward,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Continue the guest.
    Continue,
    /// Stop the guest.
    Interrupt,
    /// Ask everything again.
    Refresh,
    /// Select the caller of the selected frame.
    Caller,
    /// Select what the selected frame calls.
    Callee,
    /// Show the selected frame's source.
    Open,
    /// Move within the pane.
    Move(Motion),
    /// Show more or less of each block of a graph.
    Detail,
    /// Type something to look for.
    Search,
    /// Look for it again.
    SearchAgain(Direction),
    /// Focus a pane.
    Show(PaneId),
    /// Focus the next pane.
    NextPane,
    /// Focus the pane before.
    PreviousPane,
    /// Give the pane the whole screen, or take it back.
    Zoom,
    /// Show what went wrong so far.
    Messages,
    /// Show the keys.
    Help,
    /// Take away an overlay or a message.
    Dismiss,
    /// Give the shell the terminal for a while.
    Suspend,
    /// Leave.
    Quit,
}

/// Keys for one action.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Any of these.
    pub(crate) keys: &'static [Key],
    /// What they do.
    pub(crate) action: Action,
    /// The same in words.
    pub(crate) help: &'static str,
}

const fn bind(keys: &'static [Key], action: Action, help: &'static str) -> Binding {
    Binding { keys, action, help }
}

const fn show(keys: &'static [Key], pane: PaneId, help: &'static str) -> Binding {
    bind(keys, Action::Show(pane), help)
}

const fn go(keys: &'static [Key], motion: Motion, help: &'static str) -> Binding {
    bind(keys, Action::Move(motion), help)
}

/// A group of bindings on the help page.
#[derive(Debug)]
pub(crate) struct Group {
    /// Its heading.
    pub(crate) title: &'static str,
    /// Its bindings.
    pub(crate) bindings: &'static [Binding],
}

/// Every binding.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        title: "The guest",
        bindings: &[
            bind(&[Key::Char('c')], Action::Continue, "continue"),
            bind(
                &[Key::Char('s'), Key::Char('i'), Key::Control('c')],
                Action::Interrupt,
                "stop it",
            ),
            bind(&[Key::Char('r')], Action::Refresh, "ask everything again"),
        ],
    },
    Group {
        title: "The selected frame",
        bindings: &[
            bind(&[Key::Char('u')], Action::Caller, "up: its caller"),
            bind(&[Key::Char('d')], Action::Callee, "down: what it calls"),
            bind(&[Key::Enter], Action::Open, "show its source"),
        ],
    },
    Group {
        title: "Panes",
        bindings: &[
            show(&[Key::Char('1')], PaneId::Report, "report"),
            show(&[Key::Char('2')], PaneId::Backtrace, "backtrace"),
            show(&[Key::Char('3')], PaneId::Source, "source"),
            show(&[Key::Char('4')], PaneId::Registers, "registers"),
            show(&[Key::Char('5')], PaneId::Disassembly, "disassembly"),
            show(&[Key::Char('6')], PaneId::Graph, "control-flow graph"),
            show(&[Key::Char('7')], PaneId::Trace, "trace events"),
            show(&[Key::Char('8')], PaneId::Console, "the guest's console"),
            bind(&[Key::Tab], Action::NextPane, "next pane"),
            bind(&[Key::BackTab], Action::PreviousPane, "pane before"),
            bind(
                &[Key::Char('z')],
                Action::Zoom,
                "whole screen for this pane, or back",
            ),
        ],
    },
    Group {
        title: "Within a pane",
        bindings: &[
            go(&[Key::Up, Key::Char('k')], Motion::Up, "up"),
            go(&[Key::Down, Key::Char('j')], Motion::Down, "down"),
            go(&[Key::Left, Key::Char('h')], Motion::Left, "left"),
            go(&[Key::Right, Key::Char('l')], Motion::Right, "right"),
            go(&[Key::PageUp, Key::Control('b')], Motion::PageUp, "page up"),
            go(
                &[Key::PageDown, Key::Control('f'), Key::Char(' ')],
                Motion::PageDown,
                "page down",
            ),
            go(&[Key::Home, Key::Char('g')], Motion::First, "start"),
            go(&[Key::End, Key::Char('G')], Motion::Last, "end"),
            bind(
                &[Key::Char('v')],
                Action::Detail,
                "graph: instructions, source lines, blocks only",
            ),
            bind(&[Key::Char('/')], Action::Search, "look for text"),
            bind(
                &[Key::Char('n')],
                Action::SearchAgain(Direction::Forward),
                "look further",
            ),
            bind(
                &[Key::Char('N')],
                Action::SearchAgain(Direction::Backward),
                "look backwards",
            ),
        ],
    },
    Group {
        title: "ukdbg",
        bindings: &[
            bind(&[Key::Char('?')], Action::Help, "these keys"),
            bind(&[Key::Char('e')], Action::Messages, "errors so far"),
            bind(
                &[Key::Escape],
                Action::Dismiss,
                "close, take the message away",
            ),
            bind(
                &[Key::Control('z')],
                Action::Suspend,
                "suspend, as the shell's jobs",
            ),
            bind(&[Key::Char('q')], Action::Quit, "quit"),
        ],
    },
];

/// What a key does.
pub(crate) fn action(key: Key) -> Option<Action> {
    GROUPS
        .iter()
        .flat_map(|group| group.bindings)
        .find(|binding| binding.keys.contains(&key))
        .map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Action, GROUPS, Key, action};
    use crate::tui::pane::PaneId;

    #[test]
    fn no_key_means_two_things() {
        let mut seen = HashSet::new();
        for binding in GROUPS.iter().flat_map(|group| group.bindings) {
            for key in binding.keys {
                assert!(seen.insert(*key), "{key} is bound twice");
            }
        }
    }

    #[test]
    fn every_pane_has_its_digit() {
        for pane in PaneId::ALL {
            assert_eq!(action(Key::Char(pane.digit())), Some(Action::Show(pane)));
        }
    }
}
