//! Breakpoints, watchpoints, places and CPUs as text.

use std::fmt::Write;

use ukdbg_session::view::{
    Armed, BreakpointKindView, BreakpointLocation, BreakpointView, BreakpointsView, CpusView,
    PlaceView, PlacesView,
};
use ukdbg_session::{BreakAt, Life, Means, WatchAccess};

use super::backtrace::frame_line;
use super::{Style, Styles, place};
use crate::escape::{escape, escape_str};

/// All of them: what each stops on, and where.
pub(crate) fn breakpoints(view: &BreakpointsView, styles: Styles) -> String {
    if view.breakpoints.is_empty() {
        return "no breakpoints and no watchpoints\n".to_owned();
    }
    let all = view.breakpoints.iter();
    all.map(|one| breakpoint(one, styles)).collect()
}

/// One of them, with its locations.
pub(crate) fn breakpoint(view: &BreakpointView, styles: Styles) -> String {
    let mut out = styles.paint(Style::Strong, format!("{:<3} ", view.number));
    let _ = writeln!(out, "{}", what(view));
    let more = [
        (!view.enabled).then(|| "disabled".to_owned()),
        view.condition
            .as_ref()
            .map(|condition| format!("only if {}", escape_str(condition))),
        view.log
            .as_ref()
            .map(|log| format!("prints \"{}\" and goes on", escape_str(log))),
        (view.hits > 0).then(|| format!("reached {} times", view.hits)),
        (view.ignore > 0).then(|| format!("passed {} times more", view.ignore)),
    ];
    for line in more.into_iter().flatten() {
        let _ = writeln!(out, "      {line}");
    }
    let several = view.locations.len() > 1;
    for location in &view.locations {
        let number = match several {
            true => format!("{}.{} ", view.number, location.number),
            false => String::new(),
        };
        let _ = writeln!(out, "    {number}{}", location_text(location, styles));
    }
    if view.locations.is_empty() && matches!(view.what, BreakpointKindView::Breakpoint { .. }) {
        out.push_str("    no image has such a place yet\n");
    }
    out
}

fn what(view: &BreakpointView) -> String {
    match &view.what {
        BreakpointKindView::Breakpoint { at, means } => {
            let once = match view.life {
                Life::Once => "temporary ",
                Life::Lasting => "",
            };
            let means = match means {
                Means::Hardware => "hardware ",
                Means::Fitting => "",
            };
            let at = match at {
                BreakAt::Place(text) if text.is_empty() => String::new(),
                BreakAt::Place(text) => format!(" at {}", escape_str(text)),
                BreakAt::Matching(text) => format!(" at functions like {}", escape_str(text)),
                BreakAt::Fault => " on faults".to_owned(),
                BreakAt::Panic => " on panics".to_owned(),
                BreakAt::TaskSwitch => " on switches of tasks".to_owned(),
                BreakAt::TraceEvent(name) => format!(" on event {}", escape_str(name)),
            };
            format!("{once}{means}breakpoint{at}")
        }
        BreakpointKindView::Watchpoint {
            expression,
            access,
            address,
            length,
            type_name,
            value,
        } => {
            let access = match access {
                WatchAccess::Change => "watchpoint",
                WatchAccess::Read => "read watchpoint",
                WatchAccess::Access => "access watchpoint",
            };
            format!(
                "{access} on {}: {} = {} ({length} bytes at {address})",
                escape_str(expression),
                escape(type_name),
                escape(value)
            )
        }
    }
}

fn location_text(location: &BreakpointLocation, styles: Styles) -> String {
    let place = PlaceView {
        address: location.address,
        function: location.function.clone(),
        inlined_into: location.inlined_into.clone(),
        location: location.location.clone(),
    };
    let mut text = place_text(&place, styles);
    let state = match &location.armed {
        _ if !location.enabled => Some("disabled".to_owned()),
        Armed::HardwareUntilInPlace => Some("by hardware until its code is in place".to_owned()),
        Armed::Refused { why } => Some(format!("refused: {}", escape_str(why))),
        Armed::Hardware => Some("by hardware".to_owned()),
        Armed::Off | Armed::AtResume | Armed::Software => None,
    };
    if let Some(state) = state {
        let _ = write!(text, "{}", styles.paint(Style::Dim, format!(" [{state}]")));
    }
    text
}

/// Places, one a line.
pub(crate) fn places(view: &PlacesView, styles: Styles) -> String {
    let places = view.places.iter();
    places
        .map(|place| format!("{}\n", place_text(place, styles)))
        .collect()
}

fn place_text(view: &PlaceView, styles: Styles) -> String {
    let mut text = styles.paint(Style::Dim, view.address.to_string());
    if let Some(function) = &view.function {
        let name = styles.paint(Style::Name, escape(&function.demangled));
        let _ = write!(text, " in {name}");
    }
    if let Some(function) = &view.inlined_into {
        let _ = write!(text, " inlined into {}", escape(&function.demangled));
    }
    if let Some(source) = &view.location {
        let _ = write!(text, " at {}", place::location(source));
    }
    text
}

/// The CPUs, the selected one marked.
pub(crate) fn cpus(view: &CpusView, styles: Styles) -> String {
    let mut out = String::new();
    for cpu in &view.cpus {
        let mark = if cpu.selected { '*' } else { ' ' };
        let frame = cpu.frame.as_ref().map_or_else(
            || "does not say where it executes\n".to_owned(),
            |frame| frame_line(frame, styles),
        );
        let _ = write!(out, "{mark} CPU {:<3} {frame}", cpu.id.0);
    }
    out
}
