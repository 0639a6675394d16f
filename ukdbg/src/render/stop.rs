//! Stops and what happened before them as text.

use std::fmt::Write;

use ukdbg_session::WatchAccess;
use ukdbg_session::diagnose::Ending;
use ukdbg_session::inspect::InHistory;
use ukdbg_session::view::{Cause, Event, Returned, StopView};

use super::backtrace::frame_line;
use super::{Style, Styles};
use crate::escape::{escape, escape_str};

/// Why the machine stopped, and in which frame where that is another one. What
/// was seen from outside says more than the stop itself.
pub(crate) fn stop(view: &StopView, seen: Option<Ending>, styles: Styles) -> String {
    let mut out = String::new();
    for cause in &view.causes {
        if let Some(text) = seen.map(fate).or_else(|| cause_text(cause)) {
            let _ = writeln!(out, "{}", styles.paint(Style::Strong, text));
        }
    }
    let stepped = matches!(view.causes.as_slice(), [Cause::Stepped]);
    if let Some(frame) = view.frame.as_ref().filter(|_| view.new_frame || !stepped) {
        out.push_str(&frame_line(frame, styles));
    }
    out
}

fn fate(seen: Ending) -> String {
    match seen {
        Ending::Stopped => "stopped",
        Ending::TripleFault => "triple fault: the machine was reset; `report` explains it",
        Ending::Reset => "the guest reset the machine",
        Ending::ResetOfUnknownCause => "the machine was reset, by a triple fault or by the guest",
        Ending::Halted | Ending::SeemsHalted => {
            "every CPU is halted with interrupts off: nothing will run again"
        }
        Ending::TimeLimit => "the time limit passed",
    }
    .to_owned()
}

/// None for what the frame and the line say by themselves.
fn cause_text(cause: &Cause) -> Option<String> {
    Some(match cause {
        Cause::Breakpoint {
            number,
            condition_error,
            ..
        } => with_error(format!("breakpoint {number}"), condition_error.as_deref()),
        Cause::Watchpoint {
            number,
            expression,
            access,
            old,
            new,
            condition_error,
        } => {
            let expression = escape_str(expression);
            let new = escape(new);
            let change = match (old, access) {
                (Some(old), _) => format!("{} -> {new}", escape(old)),
                (None, WatchAccess::Read) => format!("read: {new}"),
                (None, _) => format!("used: {new}"),
            };
            let text = format!("watchpoint {number}: {expression}: {change}");
            with_error(text, condition_error.as_deref())
        }
        Cause::WatchpointEnded { number, expression } => format!(
            "watchpoint {number} is gone: the frame of {} has ended",
            escape_str(expression)
        ),
        Cause::Stepped | Cause::Arrived => return None,
        Cause::Returned { value } => match value {
            Returned::Value { type_name, text } => {
                format!("returned {}: {}", escape(type_name), escape(text))
            }
            Returned::Nothing => "returned".to_owned(),
            Returned::Unknown { why } => {
                format!("returned; what, is not known: {}", escape_str(why))
            }
        },
        Cause::Fault => "the guest faulted; `report` explains it".to_owned(),
        Cause::Trap { vector } => match vector {
            Some(vector) => format!("handler of vector {vector}"),
            None => "a handler of the processor's".to_owned(),
        },
        Cause::OtherTrap => "a trap that is none of ours".to_owned(),
        Cause::Interrupted => "interrupted".to_owned(),
        Cause::InHistory { at } => match at {
            InHistory::Beginning => "at the recording's beginning".to_owned(),
            InHistory::End => "at the recording's end".to_owned(),
            InHistory::Sought | InHistory::Back => return None,
        },
        Cause::Signal { number } => format!("the stub reports signal {number}"),
        Cause::Shutdown => "the machine shut down, and stands still".to_owned(),
        Cause::Exited => "the machine is gone".to_owned(),
        _ => "stopped".to_owned(),
    })
}

fn with_error(text: String, error: Option<&str>) -> String {
    match error {
        Some(error) => format!("{text}; its condition has no value: {}", escape_str(error)),
        None => text,
    }
}

/// What happened while the machine ran.
pub(crate) fn event(event: &Event, styles: Styles) -> String {
    match event {
        Event::Logged(log) => format!("{}\n", escape(&log.text)),
        Event::BreakpointArmed { number } => styles.paint(
            Style::Dim,
            format!("breakpoint {number} is armed: its code is in place\n"),
        ),
        Event::BreakpointDeleted { number } => {
            styles.paint(Style::Dim, format!("breakpoint {number} is gone\n"))
        }
        Event::Stopped(view) => stop(view, None, styles),
        _ => String::new(),
    }
}
