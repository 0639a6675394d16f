//! Backtraces: inlined functions are frames, numbers, long recursions.

use ukdbg_inspect::{FoundBy, StackEnd, VcpuId};

use super::guest;
use crate::view::{BacktraceView, StackOwner};
use crate::{Reply, Request, Scope, SessionError};

fn backtraces(reply: Reply) -> Vec<BacktraceView> {
    match reply {
        Reply::Backtraces { backtraces } => backtraces,
        other => panic!("{other:?}"),
    }
}

/// `index physical.level function:line [inlined]`
fn lines(view: &BacktraceView) -> Vec<String> {
    let lines = view.frames.iter().map(|frame| {
        let function = frame
            .function
            .as_ref()
            .map_or("?", |name| name.demangled.raw());
        let line = frame.location.as_ref().and_then(|place| place.line);
        let inlined = if frame.inlined { " inlined" } else { "" };
        format!(
            "{} {}.{} {function}:{}{inlined}",
            frame.index,
            frame.physical,
            frame.level,
            line.map_or(0, std::num::NonZeroU32::get)
        )
    });
    lines.collect()
}

#[test]
fn inlined_functions_are_frames_of_their_own() {
    let Some(guest) = guest() else { return };
    let mut session = guest.session(guest.recursing(2));
    let reply = session.answer(Request::Backtrace(Scope::Selected)).unwrap();
    let views = backtraces(reply);
    let [view] = views.as_slice() else {
        panic!("{views:?}")
    };
    assert_eq!(
        lines(view),
        [
            "0 0.0 price:5 inlined",
            "1 0.1 level:9 inlined",
            "2 0.2 commit:15",
            "3 1.0 commit:14",
            "4 2.0 _start:30",
        ]
    );
    assert_eq!(view.of, StackOwner::Cpu { id: VcpuId(0) });
    assert_eq!(view.frames[0].found_by, FoundBy::Stop);
    let names: Vec<&str> = view.frames[3]
        .arguments
        .iter()
        .map(|argument| argument.name.raw())
        .collect();
    assert_eq!(names, ["order", "depth"]);
}

#[test]
fn every_cpu_has_its_backtrace() {
    let Some(guest) = guest() else { return };
    let mut machine = guest.recursing(1);
    let mut other = machine.cpus[0];
    other.set(ukdbg_inspect::Register::Rip, guest.symbol("idle"));
    machine.cpus.push(other);
    let mut session = guest.session(machine);
    let views = backtraces(session.answer(Request::Backtrace(Scope::All)).unwrap());
    let owners: Vec<&StackOwner> = views.iter().map(|view| &view.of).collect();
    let cpu = |id| StackOwner::Cpu { id: VcpuId(id) };
    assert_eq!(owners, [&cpu(0), &cpu(1)]);
    assert_eq!(lines(&views[1])[0], "0 0.0 idle:18");
    // Frame numbers are those of the CPU that stopped.
    let Ok(Reply::Source(source)) = session.answer(Request::Source {
        frame: 0,
        context: 0,
    }) else {
        panic!("no source")
    };
    assert_eq!(source.location.line.map(|line| line.get()), Some(5));
}

/// The frames in the middle of a deep stack have no arguments read, and say
/// so; the stack ends at the unwinder's own limit.
#[test]
fn deep_recursion_is_bounded() {
    let Some(guest) = guest() else { return };
    let mut session = guest.session(guest.recursing(12_000));
    let views = backtraces(session.answer(Request::Backtrace(Scope::Selected)).unwrap());
    let view = &views[0];
    assert!(matches!(view.end, StackEnd::Limit { .. }), "{:?}", view.end);
    let left_out = view.frames.iter().filter(|f| f.arguments_left_out).count();
    let told = view
        .frames
        .iter()
        .filter(|f| !f.arguments.is_empty())
        .count();
    assert!(left_out > 9000, "{left_out}");
    assert!((64..=260).contains(&told), "{told}");
    assert!(!view.frames[3].arguments.is_empty());
    assert!(!view.frames.last().unwrap().arguments_left_out);
}

#[test]
fn frames_that_there_are_not() {
    let Some(guest) = guest() else { return };
    let mut session = guest.session(guest.recursing(1));
    let registers = session.answer(Request::Registers { frame: 2 });
    assert_eq!(
        registers.unwrap_err(),
        SessionError::NoFrame {
            index: 2,
            frames: 2
        }
    );
    let source = session.answer(Request::Source {
        frame: 4,
        context: 1,
    });
    assert_eq!(
        source.unwrap_err(),
        SessionError::NoFrame {
            index: 4,
            frames: 4
        }
    );
}
