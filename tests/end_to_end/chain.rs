//! The frames that a guest of a shape has when it ends: its call chain is
//! known by construction, its lines by their markers.

use ukdbg_tests::{Ending, ExpectedFrame, GuestShape, SymbolFile, Traps, guest_sources, line_of};

/// A function of the workload.
struct Link {
    function: &'static str,
    /// The optimizer inlines it.
    inlinable: bool,
    /// An argument and the value it is called with.
    argument: Option<(&'static str, u64)>,
}

const fn link(function: &'static str, argument: Option<(&'static str, u64)>) -> Link {
    Link {
        function,
        inlinable: false,
        argument,
    }
}

/// The workload, innermost first.
const WORKLOAD: [Link; 7] = [
    link("settle", Some(("fee", 27))),
    link("match", Some(("depth", 20))),
    Link {
        inlinable: true,
        ..link("best_level", Some(("side", 2)))
    },
    Link {
        inlinable: true,
        ..link("route", Some(("side", 1)))
    },
    link("submit", Some(("side", 1))),
    link("replay", Some(("count", 3))),
    link("guest_main", None),
];

/// The frames of a guest that reached its end.
pub(crate) fn chain(shape: GuestShape) -> Vec<ExpectedFrame> {
    let mut frames = Vec::new();
    match (shape.ending, shape.traps) {
        (Ending::Panic | Ending::HandledThenPanic, _) => frames.push(frame("panic", "support.c")),
        (Ending::Fault, Traps::Handlers | Traps::BareHandlers) => {
            frames.push(frame("on_exception", "exceptions.c"));
            frames.push(frame("trap_common", "traps.S"));
        }
        _ => {}
    }
    frames.extend(WORKLOAD.iter().map(|link| ExpectedFrame {
        inlined: link.inlinable && shape.optimization != "-O0",
        argument: link.argument,
        ..frame(link.function, "orders.c")
    }));
    frames.push(frame("guest_entry", "boot.S"));
    if shape.symbols == SymbolFile::SymbolsOnly {
        frames.retain(|frame| !frame.inlined);
        for frame in &mut frames {
            (frame.place, frame.argument) = (None, None);
        }
    }
    frames
}

/// The frames but for one function's.
pub(crate) fn without(frames: &[ExpectedFrame], function: &str) -> Vec<ExpectedFrame> {
    let others = frames.iter().filter(|frame| frame.function != function);
    others.copied().collect()
}

fn frame(function: &'static str, file: &'static str) -> ExpectedFrame {
    let marker = format!("/* frame: {function} */");
    ExpectedFrame {
        function,
        place: Some((file, line_of(&guest_sources().join(file), &marker))),
        inlined: false,
        argument: None,
    }
}
