//! Pieces of rows that several panes show alike: places, functions, frames,
//! source lines, events.

use ukdbg_session::SourceLocation;
use ukdbg_session::inspect::{FoundBy, StackEnd, VirtAddr};
use ukdbg_session::view::{EventView, FrameView, SourceView, StackOwner};

use crate::tui::row::{Role, Row, expand_tabs, tail};

/// Columns that a path gets however little room there is.
const LEAST_PATH: usize = 16;
/// Columns of a tab in source text.
const SOURCE_TAB: usize = 4;

/// Where a frame executes: for a caller the call, which is before its return
/// address and may be the last instruction of its function.
pub(super) fn executes(frame: &FrameView) -> VirtAddr {
    let exact = frame.physical == 0 || frame.interrupted || frame.found_by == FoundBy::TrapFrame;
    match exact {
        true => frame.pc,
        false => frame.pc.checked_sub(1).unwrap_or(frame.pc),
    }
}

/// `file:line`; columns are for machines.
pub(super) fn place(location: &SourceLocation) -> String {
    crate::render::location(&SourceLocation {
        column: None,
        ..location.clone()
    })
}

/// A frame's function, or what there is instead of one.
pub(super) fn with_function(mut row: Row, frame: &FrameView) -> Row {
    match &frame.function {
        Some(name) => row.push(Role::Function, name.demangled.raw()),
        None => row.push(Role::Address, &frame.pc.to_string()),
    }
    if let (Some(_), Some(offset), None) = (&frame.function, frame.offset, &frame.location) {
        row.push(Role::Address, &format!("+{offset:#x}"));
    }
    if !frame.arguments.is_empty() {
        row.push(Role::Muted, "(");
        for (number, argument) in frame.arguments.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            row.push(Role::Muted, &format!("{comma}{}=", argument.name.raw()));
            row.push(Role::Plain, argument.value.raw());
        }
        row.push(Role::Muted, ")");
    }
    row
}

/// Where a frame is, its path cut to the room there is, and what is special
/// about it.
pub(super) fn with_whereabouts(mut row: Row, frame: &FrameView, room: usize) -> Row {
    let special = special(frame);
    let left = room.saturating_sub(row.width() + special.width() + 2);
    let (role, text) = match (&frame.location, &frame.module) {
        (Some(location), _) => (Role::Path, tail(&place(location), left.max(LEAST_PATH))),
        (None, Some(module)) => (Role::Muted, format!("in {module}")),
        (None, None) => (Role::Muted, String::new()),
    };
    row.push(role, &text);
    if !text.is_empty() && special.width() > 0 {
        row.push(Role::Plain, "  ");
    }
    row.extend(special)
}

fn special(frame: &FrameView) -> Row {
    let mut row = Row::new();
    let mut apart = "";
    if frame.inlined {
        row.push(Role::Muted, "inlined");
        apart = ", ";
    }
    if frame.interrupted {
        row.push(Role::Strong, &format!("{apart}interrupted"));
        apart = ", ";
    }
    if frame.found_by == FoundBy::Scan {
        row.push(
            Role::Doubt,
            &format!("{apart}a guess, from scanning the stack"),
        );
    }
    row
}

/// Why there are no more frames; nothing for a stack that was followed to its
/// root.
pub(super) fn stack_end(end: &StackEnd) -> Option<Row> {
    let text = match end {
        StackEnd::Root => return None,
        StackEnd::Truncated { at } => format!("cut off: the stack cannot be read at {at}"),
        StackEnd::NoRule { pc } => format!("cut off: nothing says how to leave {pc}"),
        StackEnd::Limit { frames } => format!("cut off after {frames} frames"),
        StackEnd::Loop { cfa } => format!("cut off: the stack loops at {cfa}"),
    };
    Some(Row::of(Role::Doubt, text))
}

/// Whose stack it is.
pub(super) fn owner(owner: &StackOwner) -> String {
    match owner {
        StackOwner::Cpu { id } => format!("CPU {}", id.0),
        StackOwner::Fault { cpu } => format!("fault on CPU {cpu}"),
        StackOwner::Task { name } => format!("task {}", name.raw()),
    }
}

/// Source lines with their numbers, the place itself marked.
pub(super) fn source_rows(view: &SourceView) -> Vec<Row> {
    let digits = view
        .lines
        .last()
        .map_or(1, |line| line.number.to_string().len());
    let row = |line: &ukdbg_session::view::SourceLine| {
        let mark = if line.selected { "▶" } else { " " };
        let number = format!("{mark} {:>digits$} │ ", line.number);
        let text = expand_tabs(line.text.raw(), SOURCE_TAB);
        Row::of(Role::Muted, number)
            .with(Role::Plain, text)
            .current(line.selected)
    };
    view.lines.iter().map(row).collect()
}

/// An event: when, on which CPU, what.
pub(super) fn event_row(event: &EventView) -> Row {
    let time = match event.nanoseconds {
        Some(nanoseconds) => format!(
            "{:>5}.{:09}",
            nanoseconds / 1_000_000_000,
            nanoseconds % 1_000_000_000
        ),
        None => format!("{:>15}", event.tsc),
    };
    let mut row = Row::of(Role::Address, time)
        .with(Role::Muted, format!("  cpu{} ", event.cpu))
        .untrusted(Role::Strong, &event.name);
    for (name, value) in &event.fields {
        row.push(Role::Muted, &format!("  {}=", name.raw()));
        row.push(Role::Plain, value.raw());
    }
    row
}
