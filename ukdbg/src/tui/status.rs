//! The lines at the bottom: how the guest is, and what the user is told or
//! types.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use ukdbg_session::diagnose::VerdictKind;
use ukdbg_session::inspect::{BreakpointKind, InHistory, ShutdownCause, Stop, StopReason};

use super::model::{Machine, Model};
use super::pane::PaneId;
use super::row::{Role, Row, columns, head};
use super::theme::Theme;
use crate::escape::escape_str;

/// What to press, if nothing else is known.
const KEYS: &str = "  ? keys  q quit ";
/// Columns that the keys leave for what the machine is.
const LEAST_ABOUT: usize = 24;

/// The newest message, or what is typed.
pub(crate) fn message(model: &Model) -> Row {
    if let Some(text) = &model.prompt {
        return Row::of(Role::Strong, "/")
            .with(Role::Plain, text)
            .with(Role::Strong, "▏")
            .with(Role::Muted, "  Enter looks for it, Esc does not");
    }
    let Some(notice) = model.notices.shown() else {
        return Row::new();
    };
    let mut row = Row::of(Role::Error, &notice.text);
    if let Some(hint) = notice.hint {
        row.push(Role::Plain, &format!(" ({hint})"));
    }
    match model.notices.count() {
        0 | 1 => row,
        count => row.with(Role::Muted, format!("  e shows all {count}")),
    }
}

/// Draws the status line: the state first, the keys as long as there is room
/// for them, and between them as much as fits.
pub(crate) fn draw(model: &Model, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let area = area.intersection(buffer.area);
    let (state, detail) = state(model);
    let about = [
        detail,
        escape_str(&model.setup.image),
        escape_str(&model.setup.endpoint),
    ];
    let about: Vec<_> = about.into_iter().filter(|text| !text.is_empty()).collect();
    let about = about.join("  ");
    let room = usize::from(area.width).saturating_sub(columns(state) + 3);
    let (keys, room) = match room.checked_sub(KEYS.len() + LEAST_ABOUT) {
        Some(left) => (KEYS, left + LEAST_ABOUT),
        None => ("", room),
    };
    let about = head(&about, room);
    let gap = " ".repeat(room.saturating_sub(columns(&about)));
    let line = Line::from(vec![
        Span::styled(format!(" {state}  "), theme.style(Role::Strong)),
        Span::raw(about),
        Span::raw(gap),
        Span::raw(keys),
    ]);
    line.render(area, buffer);
    buffer.set_style(area, theme.status());
}

fn state(model: &Model) -> (&'static str, String) {
    match &model.machine {
        Machine::Running => ("RUNNING", String::new()),
        Machine::Stopping => ("STOPPING", String::new()),
        Machine::Gone(why) => ("GONE", escape_str(why)),
        Machine::Stopped(stop) => match model.verdict {
            None | Some(VerdictKind::NoFault) => ("STOPPED", reason(stop)),
            Some(_) if model.focus() == PaneId::Report => {
                ("FAULTED", "Tab shows where and why".to_owned())
            }
            Some(_) => ("FAULTED", "1 shows the report".to_owned()),
        },
    }
}

fn reason(stop: &Stop) -> String {
    let cpu = stop.vcpu.map(|vcpu| format!(", CPU {}", vcpu.0));
    let why = match &stop.reason {
        StopReason::Trap => "at a breakpoint".to_owned(),
        StopReason::Watch { access, address } => {
            let what = match access {
                BreakpointKind::Write => "write of",
                BreakpointKind::Read => "read of",
                _ => "access to",
            };
            format!("{what} {address}")
        }
        StopReason::Interrupted => "on request".to_owned(),
        StopReason::InHistory { at } => match at {
            InHistory::Sought | InHistory::Back => "in the recording".to_owned(),
            InHistory::Beginning => "at the recording's beginning".to_owned(),
            InHistory::End => "at the recording's end".to_owned(),
        },
        StopReason::Signal { number } => format!("signal {number}"),
        StopReason::Shutdown(cause) => match cause {
            ShutdownCause::GuestShutdown => "the guest powered off",
            ShutdownCause::GuestReset => "the guest reset itself",
            ShutdownCause::GuestPanic => "the guest panicked",
            ShutdownCause::Host => "the emulator was told to end",
        }
        .to_owned(),
        StopReason::Exited { .. } => "it ended".to_owned(),
    };
    format!("{why}{}", cpu.unwrap_or_default())
}
