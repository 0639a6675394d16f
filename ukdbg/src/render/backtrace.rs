//! Backtraces as text: one line a frame, recursion folded, the end named.

use std::fmt::Write;

use ukdbg_session::inspect::{FoundBy, StackEnd};
use ukdbg_session::view::{BacktraceView, FrameView, StackOwner};

use super::{Style, Styles, place};
use crate::escape::escape;

/// Frames of one function in a row that are shown before the rest is folded.
const SHOWN_OF_A_RUN: usize = 3;
/// A shorter run is not folded.
const SHORTEST_FOLDED_RUN: usize = 8;

/// Every backtrace, with a heading when there are several.
pub(crate) fn backtraces(views: &[BacktraceView], styles: Styles) -> String {
    let mut out = String::new();
    for (index, view) in views.iter().enumerate() {
        if views.len() > 1 {
            if index > 0 {
                out.push('\n');
            }
            let _ = writeln!(out, "{}", styles.paint(Style::Heading, owner(&view.of)));
        }
        out.push_str(&backtrace(view, styles));
    }
    out
}

/// One backtrace.
pub(crate) fn backtrace(view: &BacktraceView, styles: Styles) -> String {
    let mut out = String::new();
    let mut index = 0;
    while let Some(first) = view.frames.get(index) {
        let run = run_length(&view.frames[index..]);
        if run.frames >= SHORTEST_FOLDED_RUN {
            let shown = SHOWN_OF_A_RUN.max(run.period);
            for frame in &view.frames[index..index + shown] {
                out.push_str(&frame_line(frame, styles));
            }
            let folded = run.frames - shown;
            let last = first.index + run.frames - 1;
            let _ = writeln!(
                out,
                "{}",
                styles.paint(
                    Style::Dim,
                    format!("      … {folded} more frames of the same recursion, to #{last}")
                )
            );
            index += run.frames;
        } else {
            out.push_str(&frame_line(first, styles));
            index += 1;
        }
    }
    if let Some(end) = end_text(&view.end) {
        let _ = writeln!(out, "  {}", styles.paint(Style::Dim, end));
    }
    out
}

/// A run of recursion at the start of a list of frames.
struct Run {
    frames: usize,
    period: usize,
}

/// The longest run of frames that repeat with a period of one to four frames
/// (direct or mutual recursion), by function and code address.
fn run_length(frames: &[FrameView]) -> Run {
    let mut best = Run {
        frames: 1,
        period: 1,
    };
    for period in 1..=4 {
        let repeats = frames
            .iter()
            .zip(frames.iter().skip(period))
            .take_while(|(a, b)| a.pc == b.pc && a.level == b.level)
            .count();
        let whole = (repeats + period) / period * period;
        if repeats > 0 && whole > best.frames {
            best = Run {
                frames: whole,
                period,
            };
        }
    }
    best
}

/// One frame as a line.
pub(crate) fn frame_line(frame: &FrameView, styles: Styles) -> String {
    let mut line = format!("#{:<3} ", frame.index);
    match &frame.function {
        Some(name) => {
            line.push_str(&styles.paint(Style::Name, escape(&name.demangled)));
            line.push_str(&arguments(frame));
        }
        None => line.push_str(&format!("{} (no symbol)", frame.pc)),
    }
    match (&frame.location, frame.offset) {
        (Some(location), _) => {
            line.push_str(&format!(" at {}", place::location(location)));
        }
        (None, Some(offset)) => {
            line.push_str(&styles.paint(Style::Dim, format!(" +{offset:#x} at {}", frame.pc)));
        }
        (None, None) => {}
    }
    for note in notes(frame) {
        line.push_str(&styles.paint(Style::Dim, format!(" [{note}]")));
    }
    line.push('\n');
    line
}

fn arguments(frame: &FrameView) -> String {
    if frame.arguments_left_out {
        return "(…)".to_owned();
    }
    let list: Vec<String> = frame
        .arguments
        .iter()
        .map(|argument| format!("{}={}", escape(&argument.name), escape(&argument.value)))
        .collect();
    if list.is_empty() {
        return String::new();
    }
    format!("({})", list.join(", "))
}

fn notes(frame: &FrameView) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if frame.inlined {
        notes.push("inlined");
    }
    if frame.interrupted {
        notes.push("interrupted");
    }
    match frame.found_by {
        FoundBy::Stop
        | FoundBy::FaultRecord
        | FoundBy::EmulatorLog
        | FoundBy::Cfi
        | FoundBy::SwitchFrame => {}
        FoundBy::TrapFrame => notes.push("found by its trap frame"),
        FoundBy::Code => notes.push("found by its code"),
        FoundBy::FramePointer => notes.push("found by frame pointer"),
        FoundBy::ReturnAddress => notes.push("found by the return address on the stack"),
        FoundBy::Scan => notes.push("a guess: a scan of the stack found it"),
    }
    notes
}

fn end_text(end: &StackEnd) -> Option<String> {
    Some(match end {
        StackEnd::Root => return None,
        StackEnd::Truncated { at } => {
            format!("the backtrace is cut short: the stack at {at} cannot be read")
        }
        StackEnd::NoRule { pc } => {
            format!("the backtrace is cut short: nothing says who called {pc}")
        }
        StackEnd::Limit { frames } => {
            format!("the backtrace is cut at its limit of {frames} frames")
        }
        StackEnd::Loop { cfa } => {
            format!("the backtrace ends: the frame at {cfa} comes again, the stack is damaged")
        }
    })
}

fn owner(of: &StackOwner) -> String {
    match of {
        StackOwner::Cpu { id } => format!("CPU {}", id.0),
        StackOwner::Fault { cpu } => format!("CPU {cpu} at its fault"),
        StackOwner::Task { name } => format!("task {}", escape(name)),
    }
}
