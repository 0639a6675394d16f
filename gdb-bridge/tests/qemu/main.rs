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
mod dropped;
mod endings;
mod guarded;
mod guest;
mod launch;
mod lifetime;
mod visits;

/// Each test by its path.
macro_rules! tests {
    ($($module:ident::$name:ident,)*) => {
        [$((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),*]
    };
}

const TESTS: [(&str, fn()); 29] = tests![
    launch::stops_at_a_breakpoint,
    launch::watches_and_interrupts,
    launch::reads_live_memory,
    launch::writes_a_core,
    launch::reads_much,
    launch::says_what_is_wrong,
    endings::triple_fault,
    endings::keyboard_reset,
    endings::debug_exit,
    endings::halt,
    attach::leaves_it_running,
    attach::leaves_it_stopped,
    attach::over_the_monitor_alone,
    attach::says_what_is_wrong,
    dropped::while_it_stands_still,
    dropped::while_it_runs,
    dropped::and_another_guest_is_there,
    visits::are_no_stops,
    visits::end_with_their_visitor,
    visits::yield_to_an_interrupt,
    visits::hide_no_shutdown,
    visits::leave_a_stop_alone,
    visits::leave_a_later_stop_alone,
    lifetime::of_a_killed_debugger,
    lifetime::of_a_killed_supervisor,
    guarded::at_every_stage,
    guarded::who_gave_up_waiting,
    guarded::at_any_moment,
    guarded::stopped_stays_stopped,
];

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
    let trials = TESTS
        .into_iter()
        .map(|(name, test)| Trial::test(name, move || run(test)))
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run(test: fn()) -> Result<(), Failed> {
    std::panic::catch_unwind(test).map_err(|_| Failed::without_message())
}
