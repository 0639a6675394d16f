//! What `ukdbg run` makes of guests that know nothing of it, by how they end.

use serde_json::Value;
use ukdbg_tests::{
    BuiltGuest, Ending, GuestShape, SeenFrame, Tool, Traps, Ukdbg, available, compare_frames,
};

use crate::chain::{chain, without};

/// Runs a guest, expects an exit code, and gives the document.
fn run(built: &BuiltGuest, options: &[&str], qemu: &[&str], code: i32) -> Value {
    Ukdbg::new(["run", "--batch", "--json"])
        .and(options)
        .and([&built.image])
        .and(qemu)
        .json_as_given(code)
}

/// Runs a guest that faults, and compares verdict and frames.
#[track_caller]
fn check_fault(shape: GuestShape, kind: &str) {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let report = run(&shape.build(), &["--timeout", "50s"], &[], 1);
    assert_eq!(report["verdict"]["kind"], kind, "{report:#}");
    let seen = SeenFrame::from_json(&report["backtrace"]);
    // A report begins where the fault is, not in what handled it.
    let expected = without(&without(&chain(shape), "on_exception"), "trap_common");
    compare_frames(&seen, &expected).unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn a_fault_without_handlers_is_a_triple_fault() {
    let shape = GuestShape {
        ending: Ending::Fault,
        ..GuestShape::default()
    };
    check_fault(shape, "triple_fault");
}

#[test]
fn a_fault_whose_handler_halts_is_that_fault() {
    let shape = GuestShape {
        ending: Ending::Fault,
        traps: Traps::Handlers,
        ..GuestShape::default()
    };
    check_fault(shape, "null_reference");
}

#[test]
fn a_halt_with_interrupts_off_is_noticed() {
    let shape = GuestShape {
        ending: Ending::Panic,
        ..GuestShape::default()
    };
    check_fault(shape, "halted");
}

#[test]
fn a_reset_by_the_guest_is_no_triple_fault() {
    let shape = GuestShape {
        ending: Ending::Reset,
        ..GuestShape::default()
    };
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let report = run(&shape.build(), &["--timeout", "50s"], &[], 1);
    assert_eq!(report["verdict"]["kind"], "reset", "{report:#}");
}

#[track_caller]
fn check_time_limit(ending: Ending) {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let shape = GuestShape {
        ending,
        ..GuestShape::default()
    };
    let report = run(&shape.build(), &["--timeout", "3s"], &[], 5);
    let seen = SeenFrame::from_json(&report["backtrace"]);
    compare_frames(&seen, &chain(shape)).unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn a_guest_that_never_stops() {
    check_time_limit(Ending::Spin);
}

/// What was handled before the guest gave up on its own is not what it gave
/// up for.
#[test]
fn a_halt_after_handled_exceptions_is_a_halt() {
    let shape = GuestShape {
        ending: Ending::HandledThenPanic,
        traps: Traps::Handlers,
        ..GuestShape::default()
    };
    check_fault(shape, "halted");
}

/// Many a kernel prints its fault and goes round in a loop for ever.
#[test]
fn a_handler_that_never_ends_is_seen_when_the_time_is_up() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let shape = GuestShape {
        ending: Ending::Fault,
        traps: Traps::SpinningHandlers,
        ..GuestShape::default()
    };
    let report = run(&shape.build(), &["--timeout", "3s"], &[], 5);
    assert_eq!(report["verdict"]["kind"], "null_reference", "{report:#}");
    assert_eq!(report["verdict"]["certainty"], "likely", "{report:#}");
    let seen = SeenFrame::from_json(&report["backtrace"]);
    compare_frames(&seen, &chain(shape)).unwrap_or_else(|difference| panic!("{difference}"));
}

/// Halted, but an interrupt could wake it: that is no fault.
#[test]
fn a_guest_that_waits_for_interrupts() {
    check_time_limit(Ending::Idle);
}

#[test]
fn handled_exceptions_are_no_faults() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let shape = GuestShape {
        ending: Ending::Handled,
        traps: Traps::Handlers,
        ..GuestShape::default()
    };
    let built = shape.build();
    let exit_device = ["--", "-device", "isa-debug-exit"];
    let plain = Ukdbg::new(["run", "--batch", "--timeout", "50s"])
        .and([&built.image])
        .and(exit_device)
        .run();
    assert_eq!(plain.code, Some(0), "{plain}");
    let with_status = Ukdbg::new(["run", "--batch", "--timeout", "50s", "--guest-status"])
        .and([&built.image])
        .and(exit_device)
        .run();
    assert_eq!(with_status.code, Some(3), "{with_status}");
}
