//! The backtrace, inlined functions as frames of their own. The selected frame
//! is what source, registers, disassembly and graph are about.

use ratatui::layout::Size;
use ukdbg_session::Reply;
use ukdbg_session::view::{BacktraceView, FrameView};

use super::parts::{owner, stack_end, with_function, with_whereabouts};
use super::{Context, News, Pane};
use crate::tui::engine::Question;
use crate::tui::keys::Motion;
use crate::tui::listing::Listing;
use crate::tui::row::{Role, Row};

/// Rows of a frame: what it executes, and where that is.
const ROWS: usize = 2;

/// The pane.
#[derive(Debug, Default)]
pub(crate) struct Backtrace {
    view: Option<BacktraceView>,
    of: Option<String>,
    selected: usize,
    /// The backtrace is of an earlier stop.
    old: bool,
    /// The report, which holds a backtrace, failed: ask for one alone.
    alone: bool,
    listing: Listing,
}

impl Backtrace {
    /// The selected frame of this stop's backtrace.
    pub(crate) fn frame(&self) -> Option<&FrameView> {
        let view = self.view.as_ref().filter(|_| !self.old)?;
        view.frames.get(self.selected)
    }

    /// Selects another frame: up is towards the callers.
    pub(crate) fn select(&mut self, motion: Motion) {
        let last = self
            .view
            .as_ref()
            .map_or(0, |view| view.frames.len())
            .saturating_sub(1);
        let page = (usize::from(self.listing.size().height) / ROWS).max(1);
        self.selected = match motion {
            Motion::Up => self.selected.saturating_sub(1),
            Motion::Down => self.selected.saturating_add(1),
            Motion::PageUp => self.selected.saturating_sub(page),
            Motion::PageDown => self.selected.saturating_add(page),
            Motion::First => 0,
            Motion::Last => last,
            Motion::Left | Motion::Right => return self.listing.go(motion),
        }
        .min(last);
        self.compose();
    }

    fn take(&mut self, view: &BacktraceView, selected: usize) {
        self.selected = selected.min(view.frames.len().saturating_sub(1));
        self.of = Some(owner(&view.of));
        self.view = Some(view.clone());
        self.old = false;
        self.compose();
    }

    fn compose(&mut self) {
        let Some(view) = &self.view else { return };
        let width = usize::from(self.listing.size().width);
        let mut rows = Vec::new();
        for frame in &view.frames {
            rows.extend(frame_rows(frame, frame.index == self.selected, width));
        }
        rows.extend(stack_end(&view.end));
        self.listing.set(rows);
        self.reveal();
    }

    fn reveal(&mut self) {
        let first = self.selected * ROWS;
        self.listing.reveal(first, first + ROWS - 1);
    }
}

fn frame_rows(frame: &FrameView, selected: bool, width: usize) -> [Row; ROWS] {
    let number = Row::of(Role::Muted, format!("#{:<3} ", frame.index));
    let whereabouts = Row::of(Role::Muted, "     ");
    [
        with_function(number, frame).current(selected),
        with_whereabouts(whereabouts, frame, width),
    ]
}

impl Pane for Backtrace {
    fn fit(&mut self, size: Size) {
        if size != self.listing.size() {
            self.listing.fit(size);
            self.compose();
        }
    }

    fn go(&mut self, motion: Motion) {
        self.select(motion);
    }

    fn learn(&mut self, news: &News<'_>) {
        match news {
            News::Stopped => (self.old, self.alone) = (true, false),
            News::Reply(_, Reply::Report(report)) => {
                let place = report.verdict.place.as_ref();
                self.take(&report.backtrace, place.map_or(0, |place| place.frame));
            }
            News::Reply(_, Reply::Backtraces { backtraces }) => {
                if let Some(view) = backtraces.first() {
                    self.take(view, 0);
                }
            }
            News::Failed(Question::Report, _) => self.alone = true,
            News::Failed(Question::Backtrace, why) => {
                self.view = None;
                self.listing.clear(format!("There is no backtrace: {why}"));
            }
            _ => {}
        }
    }

    fn wants(&self, _context: &Context<'_>) -> Option<Question> {
        self.alone.then_some(Question::Backtrace)
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn waiting(&self) -> &'static str {
        "The backtrace comes when the guest stops."
    }

    fn note(&self) -> Option<&str> {
        self.of.as_deref()
    }
}
