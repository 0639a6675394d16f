//! The bridge against real QEMUs. Has a `main` of its own, because it is also
//! the executable that plays the supervisor and the guardian, and the debugger
//! that is killed.
#![allow(
    clippy::unwrap_used,
    reason = "a test, though without the usual attribute"
)]

use std::ffi::OsString;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

mod attach;
mod endings;
mod guarded;
mod guest;
mod launch;
mod lifetime;
mod visits;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == *ukdbg_gdb_bridge::SUPERVISOR_WORD => {
            return ukdbg_gdb_bridge::supervise(arguments);
        }
        Some(word) if word == *ukdbg_gdb_bridge::GUARDIAN_WORD => {
            return ukdbg_gdb_bridge::guard();
        }
        Some(word) if word == *guarded::DEBUG => {
            guarded::debug(&arguments.collect::<Vec<OsString>>());
        }
        Some(word) if word == *lifetime::HANG => {
            return lifetime::start_and_hang(&arguments.collect::<Vec<OsString>>());
        }
        _ => {}
    }
    let tests: [(&str, fn()); 26] = [
        (
            "launch::stops_at_a_breakpoint",
            launch::stops_at_a_breakpoint,
        ),
        (
            "launch::watches_and_interrupts",
            launch::watches_and_interrupts,
        ),
        ("launch::reads_live_memory", launch::reads_live_memory),
        ("launch::writes_a_core", launch::writes_a_core),
        ("launch::reads_much", launch::reads_much),
        ("launch::says_what_is_wrong", launch::says_what_is_wrong),
        ("endings::triple_fault", endings::triple_fault),
        ("endings::keyboard_reset", endings::keyboard_reset),
        ("endings::debug_exit", endings::debug_exit),
        ("endings::halt", endings::halt),
        ("attach::leaves_it_running", attach::leaves_it_running),
        ("attach::leaves_it_stopped", attach::leaves_it_stopped),
        (
            "attach::over_the_monitor_alone",
            attach::over_the_monitor_alone,
        ),
        ("attach::says_what_is_wrong", attach::says_what_is_wrong),
        ("visits::are_no_stops", visits::are_no_stops),
        (
            "visits::end_with_their_visitor",
            visits::end_with_their_visitor,
        ),
        (
            "visits::yield_to_an_interrupt",
            visits::yield_to_an_interrupt,
        ),
        ("visits::hide_no_shutdown", visits::hide_no_shutdown),
        ("visits::leave_a_stop_alone", visits::leave_a_stop_alone),
        (
            "visits::leave_a_later_stop_alone",
            visits::leave_a_later_stop_alone,
        ),
        (
            "lifetime::of_a_killed_debugger",
            lifetime::of_a_killed_debugger,
        ),
        (
            "lifetime::of_a_killed_supervisor",
            lifetime::of_a_killed_supervisor,
        ),
        ("guarded::at_every_stage", guarded::at_every_stage),
        ("guarded::who_gave_up_waiting", guarded::who_gave_up_waiting),
        ("guarded::at_any_moment", guarded::at_any_moment),
        (
            "guarded::stopped_stays_stopped",
            guarded::stopped_stays_stopped,
        ),
    ];
    let trials = tests
        .into_iter()
        .map(|(name, test)| Trial::test(name, move || run(test)))
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run(test: fn()) -> Result<(), Failed> {
    std::panic::catch_unwind(test).map_err(|_| Failed::without_message())
}
