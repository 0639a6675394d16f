//! Panes: what they have in common, and the list of all of them.
//!
//! A pane is one file with its own state, update and view. It says what it
//! wants to know for the selected frame; asking is not its business. To add
//! one: a file, a variant of [`PaneId`], a field of [`Panes`], a key, and a
//! place in the layout.

mod backtrace;
mod console;
mod disassembly;
mod graph;
mod parts;
mod registers;
mod report;
mod source;
mod trace;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;
use ukdbg_session::Reply;
use ukdbg_session::view::FrameView;

use super::engine::Question;
use super::keys::Motion;
use super::listing::Listing;
use super::row::{Role, Row, wrap};
use super::theme::Theme;

/// A pane's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PaneId {
    /// What happened, where, and how it got there.
    Report,
    /// Who called whom.
    Backtrace,
    /// Source at the selected frame.
    Source,
    /// Registers of the selected frame.
    Registers,
    /// Instructions at the selected frame.
    Disassembly,
    /// Control flow of the selected frame's function.
    Graph,
    /// Events the guest recorded.
    Trace,
    /// What the guest prints.
    Console,
}

impl PaneId {
    /// Every pane, in the order of their digits.
    pub(crate) const ALL: [Self; 8] = [
        Self::Report,
        Self::Backtrace,
        Self::Source,
        Self::Registers,
        Self::Disassembly,
        Self::Graph,
        Self::Trace,
        Self::Console,
    ];

    /// What to call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Report => "Report",
            Self::Backtrace => "Backtrace",
            Self::Source => "Source",
            Self::Registers => "Registers",
            Self::Disassembly => "Disassembly",
            Self::Graph => "Graph",
            Self::Trace => "Trace",
            Self::Console => "Console",
        }
    }

    /// Its place in the order.
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The key that shows it.
    pub(crate) fn digit(self) -> char {
        char::from(b'1' + self as u8)
    }

    /// The pane so many places further, around the end.
    pub(crate) fn after(self, places: usize) -> Self {
        Self::ALL[(self.index() + places) % Self::ALL.len()]
    }
}

/// What a pane learns.
#[derive(Debug)]
pub(crate) enum News<'a> {
    /// The room it has.
    Fit(Size),
    /// A motion, while it has the focus.
    Move(Motion),
    /// More or less detail is asked for, while it has the focus.
    Detail,
    /// The guest stopped: what is shown is of an earlier stop.
    Stopped,
    /// An answer to a question of this pane or of another.
    Reply(&'a Question, &'a Reply),
    /// A question of this pane has no answer, and why.
    Failed(&'a Question, &'a str),
    /// The guest printed something.
    Console(&'a [u8]),
}

/// What a pane's wishes depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The pane is in sight.
    pub(crate) visible: bool,
    /// The selected frame, once there is a backtrace of this stop.
    pub(crate) frame: Option<&'a FrameView>,
}

/// A pane.
pub(crate) trait Pane: std::fmt::Debug {
    /// Takes note of what concerns this pane alone. Total, and does no I/O.
    fn learn(&mut self, news: &News<'_>);

    /// Takes note of the room it has.
    fn fit(&mut self, size: Size) {
        self.listing_mut().fit(size);
    }

    /// Moves within it.
    fn go(&mut self, motion: Motion) {
        self.listing_mut().go(motion);
    }

    /// What it wants to know while the guest stands still.
    fn wants(&self, context: &Context<'_>) -> Option<Question>;

    /// Its rows.
    fn listing(&self) -> &Listing;

    /// Its rows, to search and scroll.
    fn listing_mut(&mut self) -> &mut Listing;

    /// What to say as long as nothing came.
    fn waiting(&self) -> &'static str;

    /// What its frame says beside its name.
    fn note(&self) -> Option<&str> {
        None
    }

    /// Draws it.
    fn view(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        if self.listing().len() > 0 {
            return self.listing().view(area, buffer, theme);
        }
        let reason = self.listing().reason().unwrap_or(self.waiting());
        let lines = wrap(reason, usize::from(area.width));
        for (text, y) in lines.iter().zip(area.top()..area.bottom()) {
            let row = Row::of(Role::Muted, text);
            let line = Rect::new(area.x, y, area.width, 1);
            row.line(theme).render(line, buffer);
        }
    }
}

/// All panes.
#[derive(Debug, Default)]
pub(crate) struct Panes {
    report: report::Report,
    /// The frames, and which is selected: other panes follow it.
    pub(crate) backtrace: backtrace::Backtrace,
    source: source::Source,
    registers: registers::Registers,
    disassembly: disassembly::Disassembly,
    graph: graph::Graph,
    trace: trace::Trace,
    console: console::Console,
}

impl Panes {
    /// A pane by name.
    pub(crate) fn get(&self, id: PaneId) -> &dyn Pane {
        match id {
            PaneId::Report => &self.report,
            PaneId::Backtrace => &self.backtrace,
            PaneId::Source => &self.source,
            PaneId::Registers => &self.registers,
            PaneId::Disassembly => &self.disassembly,
            PaneId::Graph => &self.graph,
            PaneId::Trace => &self.trace,
            PaneId::Console => &self.console,
        }
    }

    /// A pane by name, to change.
    pub(crate) fn get_mut(&mut self, id: PaneId) -> &mut dyn Pane {
        match id {
            PaneId::Report => &mut self.report,
            PaneId::Backtrace => &mut self.backtrace,
            PaneId::Source => &mut self.source,
            PaneId::Registers => &mut self.registers,
            PaneId::Disassembly => &mut self.disassembly,
            PaneId::Graph => &mut self.graph,
            PaneId::Trace => &mut self.trace,
            PaneId::Console => &mut self.console,
        }
    }

    /// Tells one pane.
    pub(crate) fn tell_one(&mut self, id: PaneId, news: &News<'_>) {
        let pane = self.get_mut(id);
        match news {
            News::Fit(size) => pane.fit(*size),
            News::Move(motion) => pane.go(*motion),
            news => pane.learn(news),
        }
    }

    /// Tells every pane.
    pub(crate) fn tell(&mut self, news: &News<'_>) {
        for id in PaneId::ALL {
            self.tell_one(id, news);
        }
    }
}
