//! What the terminal interface knows: plain data. How it changes is in
//! `update`, how it looks in `view`.

use ratatui::layout::Size;
use ukdbg_session::diagnose::VerdictKind;
use ukdbg_session::inspect::Stop;

use super::engine::Question;
use super::layout::{Arrangement, Looks, arrange};
use super::listing::Listing;
use super::notices::Notices;
use super::pane::{PaneId, Panes};
use super::{Setup, Start};

/// The state of the machine, as far as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Machine {
    /// It runs.
    Running,
    /// It was told to stop.
    Stopping,
    /// It stands still.
    Stopped(Stop),
    /// It is gone, and this is how.
    Gone(String),
}

/// Something in front of the panes.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// What it is.
    pub(crate) kind: OverlayKind,
    /// Its rows.
    pub(crate) listing: Listing,
}

/// Overlays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverlayKind {
    /// Every key.
    Help,
    /// What went wrong so far.
    Messages,
}

/// Everything on the screen.
#[derive(Debug)]
pub(crate) struct Model {
    /// What was given at the start.
    pub(crate) setup: Setup,
    /// The terminal's size.
    pub(crate) size: Size,
    /// The machine.
    pub(crate) machine: Machine,
    /// The number of the last stop.
    pub(crate) stop: u64,
    /// The verdict on it.
    pub(crate) verdict: Option<VerdictKind>,
    /// The panes.
    pub(crate) panes: Panes,
    /// What each pane asked about this stop.
    pub(crate) asked: [Option<Question>; PaneId::ALL.len()],
    /// Panes by when they last had the focus, the focused one first.
    pub(crate) recent: Vec<PaneId>,
    /// The focused pane has the whole screen.
    pub(crate) zoomed: bool,
    /// What is in front of the panes.
    pub(crate) overlay: Option<Overlay>,
    /// The text to look for, while it is typed.
    pub(crate) prompt: Option<String>,
    /// The text looked for last.
    pub(crate) sought: String,
    /// What went wrong.
    pub(crate) notices: Notices,
}

impl Model {
    /// Before anything happened.
    pub(crate) fn new(setup: Setup, size: Size) -> Self {
        let (machine, focus) = match &setup.start {
            Start::Running => (Machine::Running, PaneId::Console),
            Start::Stopped(stop) => (Machine::Stopped(stop.clone()), PaneId::Backtrace),
        };
        let mut model = Self {
            setup,
            size,
            machine,
            stop: 0,
            verdict: None,
            panes: Panes::default(),
            asked: Default::default(),
            recent: PaneId::ALL.to_vec(),
            zoomed: false,
            overlay: None,
            prompt: None,
            sought: String::new(),
            notices: Notices::default(),
        };
        // Of panes that share a place, the console is in front at first.
        model.focus_on(PaneId::Console);
        model.focus_on(focus);
        model
    }

    /// The focused pane.
    pub(crate) fn focus(&self) -> PaneId {
        self.recent.first().copied().unwrap_or(PaneId::Report)
    }

    /// Focuses a pane.
    pub(crate) fn focus_on(&mut self, pane: PaneId) {
        self.recent.retain(|other| *other != pane);
        self.recent.insert(0, pane);
    }

    /// Whether the machine stands still and can be asked.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.machine, Machine::Stopped(_))
    }

    /// Where everything is.
    pub(crate) fn arrangement(&self) -> Arrangement {
        let wanted = self.prompt.is_some() || self.notices.shown().is_some();
        arrange(Looks {
            size: self.size,
            recent: &self.recent,
            zoomed: self.zoomed,
            message: u16::from(wanted && self.size.height > 3),
        })
    }
}
