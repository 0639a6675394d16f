//! The sample kernel, through both stubs: what only a guest with our runtime
//! has, and the stub that puts instructions into memory.

use ukdbg_session::view::{Cause, StopView};
use ukdbg_session::{BreakAt, Calls, Life, Motion, NewBreakpoint, Reply, Request};
use ukdbg_tests::{Qemu, Tool, available, kernel_image};

use super::debugger::{Debugger, place};

/// A kernel that waits for a debugger at its own stub.
fn waiting() -> Option<(Qemu, Debugger)> {
    if !available(&[Tool::Qemu]) {
        return None;
    }
    let machine = Qemu::boot(kernel_image(), &["-append", "wait-gdb fault=panic"]);
    machine.wait_for_console("waiting for a debugger");
    let debugger = Debugger::attach(&machine.second_serial_socket(), kernel_image());
    Some((machine, debugger))
}

fn catch(debugger: &mut Debugger, at: BreakAt) {
    debugger.add(NewBreakpoint {
        at,
        life: Life::Once,
        ..NewBreakpoint::at("")
    });
}

fn stopped_at_breakpoint(stop: &StopView) -> bool {
    matches!(stop.causes[..], [Cause::Breakpoint { .. }])
}

/// Task switches, trace events and panics stop a machine; what was put into
/// memory for that is not seen there, and a step goes over it.
fn check(debugger: &mut Debugger) {
    debugger.add(NewBreakpoint {
        at: BreakAt::TaskSwitch,
        ..NewBreakpoint::at("")
    });
    for _ in 0..3 {
        let stop = debugger.run();
        assert!(stopped_at_breakpoint(&stop), "{stop:?}");
        assert_eq!(place(&stop).function, "ukdbg_switch");
    }
    let stop = debugger.session.last_stop();
    let frame = stop.and_then(|stop| stop.frame.as_ref());
    let at = frame.expect("the stop has a frame").pc;
    let reply = debugger.ask(Request::Disassembly { at });
    let Reply::Disassembly(code) = reply else {
        panic!("{reply:?}");
    };
    let here = code.lines.iter().find(|line| line.selected);
    let bytes = here.map(|line| &*line.bytes);
    assert_eq!(bytes, Some("c3"), "the guest's own `ret`");
    let stop = debugger.go(Motion::Instructions {
        calls: Calls::Into,
        count: 1,
    });
    assert_ne!(place(&stop).function, "ukdbg_switch", "{stop:?}");
    debugger.ask(Request::DeleteBreakpoint { number: None });
    catch(debugger, BreakAt::Panic);
    let stop = debugger.run();
    assert!(stopped_at_breakpoint(&stop), "{stop:?}");
    assert!(
        place(&stop).function.contains("rust_begin_unwind"),
        "{stop:?}"
    );
}

#[test]
fn through_the_guest() {
    let Some((_machine, mut debugger)) = waiting() else {
        return;
    };
    check(&mut debugger);
    debugger.leave();
}

/// Two CPUs, of which the second never starts: it has its place, and steps of
/// the first leave it there.
#[test]
fn cpus_are_told_apart() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let machine = Qemu::boot_held(kernel_image(), &["-smp", "2", "-append", "fault=panic"]);
    let mut debugger = Debugger::attach(&machine.gdb_socket(), kernel_image());
    check(&mut debugger);
    let Reply::Cpus(view) = debugger.ask(Request::Cpus) else {
        panic!("no CPUs");
    };
    assert_eq!(view.cpus.len(), 2);
    assert_eq!(view.cpus.iter().filter(|cpu| cpu.selected).count(), 1);
    let other = view.cpus.iter().find(|cpu| !cpu.selected).unwrap().id;
    let Reply::Cpus(view) = debugger.ask(Request::SelectCpu { cpu: other }) else {
        panic!("no CPUs");
    };
    assert!(view.cpus.iter().any(|cpu| cpu.id == other && cpu.selected));
}
