//! Steps, line by line, beside GDB's.

use ukdbg_session::{Calls, Motion, NewBreakpoint};
use ukdbg_tests::{
    BuiltGuest, Ending, GuestShape, Qemu, Tool, Traps, UnwindTables, available, gdb, gdb_frames,
};

use super::debugger::{Debugger, place};

/// A function and a line.
type Stop = (String, Option<u64>);

fn with_gdb(guest: &BuiltGuest, start: &str, commands: &[&str]) -> Vec<Stop> {
    let machine = Qemu::boot_held(&guest.image, &[]);
    let start = format!("tbreak {start}");
    let mut all = vec![start.as_str(), "continue", "backtrace 1"];
    for command in commands {
        all.extend([*command, "backtrace 1"]);
    }
    let socket = machine.gdb_socket().display().to_string();
    let printed = gdb(&socket, guest.symbol_file(), &all);
    let frames = gdb_frames(&printed);
    assert_eq!(frames.len(), commands.len() + 1, "{printed}");
    frames
        .iter()
        .map(|frame| (frame.short_name(), frame.line))
        .collect()
}

fn motion(command: &str) -> Motion {
    let lines = |calls| Motion::Lines { calls, count: 1 };
    let instructions = |calls| Motion::Instructions { calls, count: 1 };
    match command {
        "step" => lines(Calls::Into),
        "next" => lines(Calls::Over),
        "stepi" => instructions(Calls::Into),
        "nexti" => instructions(Calls::Over),
        "finish" => Motion::Out { frame: 0 },
        "until" => Motion::PastLoop,
        command => panic!("{command}"),
    }
}

fn with_us(guest: &BuiltGuest, start: &str, commands: &[&str]) -> Vec<Stop> {
    let machine = Qemu::boot_held(&guest.image, &[]);
    let mut debugger = Debugger::attach(&machine.gdb_socket(), guest.symbol_file());
    debugger.add(NewBreakpoint {
        life: ukdbg_session::Life::Once,
        ..NewBreakpoint::at(start)
    });
    let mut stops = vec![debugger.run()];
    for command in commands {
        stops.push(debugger.go(motion(command)));
    }
    stops
        .iter()
        .map(|stop| {
            let seen = place(stop);
            (seen.short_name(), seen.line)
        })
        .collect()
}

#[track_caller]
fn check(shape: GuestShape, start: &str, commands: &[&str]) {
    if !available(&[Tool::Qemu, Tool::Gcc, Tool::Gdb]) {
        return;
    }
    let guest = shape.build();
    let ours = with_us(&guest, start, commands);
    let gdbs = with_gdb(&guest, start, commands);
    let commands = std::iter::once(&"break").chain(commands);
    for ((command, ours), gdbs) in commands.zip(&ours).zip(&gdbs) {
        assert_eq!(ours, gdbs, "after {command}");
    }
}

/// The workload, which comes to its end.
fn shape(optimization: &'static str) -> GuestShape {
    GuestShape {
        optimization,
        // Without a frame pointer GDB stops before arguments are stored.
        unwind: match optimization {
            "-O0" => UnwindTables::FramePointers,
            _ => UnwindTables::EhFrame,
        },
        traps: Traps::Handlers,
        ending: Ending::Handled,
        ..GuestShape::default()
    }
}

#[test]
fn next_without_optimization() {
    check(shape("-O0"), "replay", &["next"; 14]);
}

#[test]
fn step_without_optimization() {
    check(shape("-O0"), "replay", &["step"; 11]);
}

#[test]
fn next_with_optimization() {
    check(shape("-O2"), "replay", &["next"; 6]);
}

#[test]
fn step_with_optimization() {
    check(shape("-O2"), "replay", &["step"; 7]);
}

/// One instruction of `submit` lies amid those of the calls inlined into it.
/// GDB takes what follows it for another call and shows both calls again; the
/// program makes them once.
#[test]
fn a_call_that_was_inlined_in_pieces_is_entered_once() {
    if !available(&[Tool::Qemu, Tool::Gcc]) {
        return;
    }
    let guest = shape("-O2").build();
    let stops = with_us(&guest, "submit", &["step"; 5]);
    let functions: Vec<&str> = stops.iter().map(|(function, _)| &**function).collect();
    let expected = ["submit", "submit", "route", "best_level", "match", "settle"];
    assert_eq!(functions, expected, "{stops:?}");
}

#[test]
fn out_of_functions() {
    check(shape("-O0"), "match", &["finish", "next", "finish"]);
}
