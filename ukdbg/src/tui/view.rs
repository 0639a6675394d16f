//! Draws the model and changes nothing.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::layout::{Slot, overlay};
use super::listing::Listing;
use super::model::{Machine, Model, Overlay, OverlayKind};
use super::pane::PaneId;
use super::row::{Role, Row, tail};
use super::status;
use super::theme::Theme;
use crate::escape::escape_str;

/// Columns below which a note says nothing.
const LEAST_NOTE: usize = 12;

/// Draws everything.
pub(crate) fn view(model: &Model, frame: &mut Frame<'_>) {
    let theme = Theme::new(model.setup.palette);
    let buffer = frame.buffer_mut();
    let arrangement = model.arrangement();
    for slot in &arrangement.slots {
        draw_slot(model, slot, buffer, &theme);
    }
    if arrangement.message.height > 0 {
        draw(&status::message(model), arrangement.message, buffer, &theme);
    }
    status::draw(model, arrangement.status, buffer, &theme);
    if let Some(overlay) = &model.overlay {
        draw_overlay(model, overlay, buffer, &theme);
    }
}

fn draw(row: &Row, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    row.line(theme)
        .render(area.intersection(buffer.area), buffer);
}

fn draw_slot(model: &Model, slot: &Slot, buffer: &mut Buffer, theme: &Theme) {
    let focused = slot.front == model.focus();
    let pane = model.panes.get(slot.front);
    let block = framed(theme.border(focused), pane.listing(), theme)
        .title_top(tabs(model, slot, focused, theme));
    let inner = block.inner(slot.area);
    block.render(slot.area, buffer);
    pane.view(inner, buffer, theme);
}

fn framed<'a>(border: Style, listing: &Listing, theme: &Theme) -> Block<'a> {
    let block = Block::bordered().border_style(border);
    match listing.position() {
        Some(position) => block.title_bottom(
            Line::styled(position, theme.style(Role::Muted)).alignment(Alignment::Right),
        ),
        None => block,
    }
}

/// The names of a place's panes, as far as there is room, and the note of the
/// one in front.
fn tabs<'a>(model: &'a Model, slot: &Slot, focused: bool, theme: &Theme) -> Line<'a> {
    let room = usize::from(slot.area.width.saturating_sub(2));
    let tab = |pane: &PaneId| {
        let style = theme.tab(*pane == slot.front, focused);
        Span::styled(format!(" {} {} ", pane.digit(), pane.title()), style)
    };
    let all: Vec<Span<'_>> = slot.panes.iter().map(tab).collect();
    let mut line = Line::from(all);
    if line.width() > room {
        line = Line::from(tab(&slot.front));
    }
    let note = note(model, slot.front);
    let left = room.saturating_sub(line.width());
    if !note.is_empty() && left >= LEAST_NOTE {
        let note = format!(" {} ", tail(&note, left - 2));
        line.push_span(Span::styled(note, theme.style(Role::Muted)));
    }
    line
}

fn note(model: &Model, pane: PaneId) -> String {
    let runs = matches!(model.machine, Machine::Running | Machine::Stopping);
    let old = runs && pane != PaneId::Console && model.panes.get(pane).listing().len() > 0;
    match (old, model.panes.get(pane).note()) {
        (true, _) => "at the last stop".to_owned(),
        (false, Some(note)) => escape_str(note),
        (false, None) => String::new(),
    }
}

fn draw_overlay(model: &Model, shown: &Overlay, buffer: &mut Buffer, theme: &Theme) {
    let area = overlay(model.size, shown.listing.len()).intersection(buffer.area);
    let title = match shown.kind {
        OverlayKind::Help => " Keys ",
        OverlayKind::Messages => " What went wrong so far ",
    };
    Clear.render(area, buffer);
    let block = framed(theme.border(true), &shown.listing, theme).title_top(title);
    let inner = block.inner(area);
    block.render(area, buffer);
    shown.listing.view(inner, buffer, theme);
}
