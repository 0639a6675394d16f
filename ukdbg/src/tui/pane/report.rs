//! The report: what happened, where, and how it got there. The first page
//! after a fault.

use ratatui::layout::Size;
use ukdbg_session::Reply;
use ukdbg_session::diagnose::{Certainty, Place, Verdict};
use ukdbg_session::view::{
    BacktraceView, ExceptionView, FrameView, InstructionView, NextStep, PanicView, ReportView,
    SourceView, TraceView,
};

use super::parts::{event_row, place, source_rows, stack_end, with_function, with_whereabouts};
use super::{Context, News, Pane, PaneId};
use crate::render::page_walk;
use crate::tui::engine::Question;
use crate::tui::listing::Listing;
use crate::tui::row::{Role, Row, wrap};

/// Columns of a frame's number.
const FRAME_INDENT: usize = 7;
/// Of a deep stack the innermost frames are shown, and the outermost.
const FIRST_FRAMES: usize = 14;
const LAST_FRAMES: usize = 10;

/// The pane.
#[derive(Debug, Default)]
pub(crate) struct Report {
    view: Option<Box<ReportView>>,
    listing: Listing,
}

impl Report {
    fn compose(&mut self) {
        let Some(view) = &self.view else { return };
        let width = usize::from(self.listing.size().width);
        self.listing.set(compose(view, width));
    }
}

impl Pane for Report {
    fn learn(&mut self, news: &News<'_>) {
        match news {
            News::Reply(_, Reply::Report(view)) => {
                self.view = Some(view.clone());
                self.compose();
            }
            News::Failed(Question::Report, why) => {
                self.view = None;
                self.listing.clear(format!("There is no report: {why}"));
            }
            _ => {}
        }
    }

    /// Its prose is broken for a width.
    fn fit(&mut self, size: Size) {
        let turned = self.listing.size().width != size.width;
        self.listing.fit(size);
        if turned {
            self.compose();
        }
    }

    /// Seen or not: the other panes build on its backtrace.
    fn wants(&self, _context: &Context<'_>) -> Option<Question> {
        Some(Question::Report)
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn waiting(&self) -> &'static str {
        "The report comes when the guest stops."
    }
}

fn compose(view: &ReportView, width: usize) -> Vec<Row> {
    let mut page = Page {
        rows: Vec::new(),
        width,
    };
    page.verdict(&view.verdict);
    if let Some(exception) = &view.exception {
        page.exception(exception);
    }
    if let Some(panic) = &view.panic {
        page.panic(panic);
    }
    if let Some(instruction) = &view.instruction {
        page.instruction(instruction);
    }
    if let Some(source) = &view.source {
        page.source(source);
    }
    page.backtrace(&view.backtrace);
    if let Some(events) = &view.events {
        page.events(events);
    }
    page.list("Not known", &view.gaps, Role::Doubt);
    page.next(&view.next);
    page.rows
}

/// A page under composition.
struct Page {
    rows: Vec<Row>,
    width: usize,
}

impl Page {
    fn heading(&mut self, text: &str) {
        if !self.rows.is_empty() {
            self.rows.push(Row::new());
        }
        self.rows.push(Row::of(Role::Heading, text));
    }

    fn prose(&mut self, role: Role, indent: usize, text: &str) {
        let room = self.width.saturating_sub(indent);
        for line in wrap(text, room) {
            self.rows
                .push(Row::of(Role::Plain, " ".repeat(indent)).with(role, line));
        }
    }

    fn verdict(&mut self, verdict: &Verdict) {
        self.prose(Role::Error, 0, verdict.sentence.raw());
        if let Some(place) = &verdict.place {
            self.place(place);
        }
        if verdict.certainty == Certainty::Likely {
            self.prose(Role::Doubt, 0, "This is likely, not certain; it rests on:");
        }
        for fact in &verdict.because {
            self.prose(Role::Muted, 2, fact.raw());
        }
    }

    fn place(&mut self, at: &Place) {
        let mut row = Row::new();
        if let Some(name) = &at.function {
            row.push(Role::Plain, "in ");
            row.push(Role::Function, name.demangled.raw());
        }
        if let Some(location) = &at.location {
            row.push(Role::Plain, if row.width() > 0 { " at " } else { "at " });
            row.push(Role::Path, &place(location));
        }
        self.rows.push(row);
    }

    fn exception(&mut self, exception: &ExceptionView) {
        self.heading("Exception");
        let mut text = match exception.mnemonic {
            Some(mnemonic) => format!("{mnemonic} {}", exception.name),
            None => format!("vector {} {}", exception.vector, exception.name),
        };
        if let Some(code) = exception.error_code {
            text.push_str(&format!(", error code {code}"));
        }
        if !exception.error_bits.is_empty() {
            text.push_str(&format!(": {}", exception.error_bits.join(", ")));
        }
        self.prose(Role::Plain, 2, &text);
        if let Some(address) = exception.address {
            let row = Row::of(Role::Plain, "  address ").with(Role::Address, address.to_string());
            self.rows.push(row);
        }
        if let Some(walk) = &exception.walk {
            self.prose(Role::Plain, 2, &format!("page tables: {}", page_walk(walk)));
        }
    }

    fn panic(&mut self, panic: &PanicView) {
        self.heading("Panic");
        self.prose(Role::Plain, 2, panic.message.raw());
        if let Some(place) = &panic.place {
            self.rows
                .push(Row::of(Role::Plain, "  at ").untrusted(Role::Path, place));
        }
    }

    fn instruction(&mut self, instruction: &InstructionView) {
        self.heading("Instruction");
        let row = Row::of(Role::Address, format!("  {}  ", instruction.address))
            .untrusted(Role::Strong, &instruction.text);
        self.rows.push(row);
        for operand in &instruction.operands {
            let value = match operand.value {
                Some(value) => value.to_string(),
                None => "<unavailable>".to_owned(),
            };
            let mut row = Row::of(Role::Plain, format!("    {}", operand.text))
                .with(Role::Muted, " = ")
                .with(Role::Address, value);
            if let Some(meaning) = &operand.meaning {
                row = row.with(Role::Muted, "  ").untrusted(Role::Plain, meaning);
            }
            self.rows.push(row);
        }
    }

    fn source(&mut self, source: &SourceView) {
        self.heading("Source");
        self.rows.push(Row::of(
            Role::Path,
            format!("  {}", place(&source.location)),
        ));
        if source.lines.is_empty() {
            self.prose(
                Role::Doubt,
                2,
                "the file was not found; --source-map FROM=TO says where it is",
            );
        }
        self.rows.extend(source_rows(source));
    }

    fn backtrace(&mut self, backtrace: &BacktraceView) {
        self.heading("Backtrace");
        let frames = &backtrace.frames;
        let folds = frames.len() > FIRST_FRAMES + LAST_FRAMES + 1;
        let first = if folds { FIRST_FRAMES } else { frames.len() };
        frames[..first].iter().for_each(|frame| self.frame(frame));
        if folds {
            let last = frames.len() - LAST_FRAMES;
            let text = format!("{} more frames; 2 shows them all", last - first);
            self.prose(Role::Muted, 7, &text);
            frames[last..].iter().for_each(|frame| self.frame(frame));
        }
        self.rows.extend(stack_end(&backtrace.end));
    }

    /// A frame in one row; with many arguments, its place has a row of its own.
    fn frame(&mut self, frame: &FrameView) {
        let row = Row::of(Role::Muted, format!("  #{:<3} ", frame.index));
        let row = with_function(row, frame).with(Role::Plain, "  ");
        let place = |row| with_whereabouts(row, frame, self.width);
        let whole = place(row.clone());
        if whole.width() <= self.width || frame.arguments.is_empty() {
            self.rows.push(whole);
        } else {
            let below = place(Row::of(Role::Plain, " ".repeat(FRAME_INDENT)));
            self.rows.extend([row, below]);
        }
    }

    fn events(&mut self, events: &TraceView) {
        self.heading("Last events");
        self.rows.extend(events.events.iter().map(event_row));
        if events.lost > 0 {
            let text = format!("{} events before these were overwritten", events.lost);
            self.prose(Role::Doubt, 2, &text);
        }
        for gap in &events.gaps {
            self.prose(Role::Doubt, 2, gap);
        }
    }

    /// What to do next, by the keys that do it here.
    fn next(&mut self, steps: &[NextStep]) {
        if steps.is_empty() {
            return;
        }
        self.heading("Go on with");
        for step in steps {
            let (pane, what) = match step {
                NextStep::Graph { function, .. } => (
                    PaneId::Graph,
                    format!("the control flow of {}", function.raw()),
                ),
                NextStep::Trace => (PaneId::Trace, "all events".to_owned()),
                NextStep::Look => (PaneId::Backtrace, "the frames, one by one".to_owned()),
            };
            let key = Row::of(Role::Command, format!("  {}  ", pane.digit()));
            self.rows.push(key.with(Role::Plain, what));
        }
    }

    fn list(&mut self, heading: &str, lines: &[String], role: Role) {
        if lines.is_empty() {
            return;
        }
        self.heading(heading);
        for line in lines {
            self.prose(role, 2, line);
        }
    }
}
