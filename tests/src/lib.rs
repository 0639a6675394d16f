//! What the end-to-end tests stand on: small guests compiled on the spot,
//! QEMUs that end with their owner, and the built `ukdbg`, run with a
//! deadline and watched for what it leaves behind.
//!
//! Not here: the tests themselves (`end_to_end/`), and anything that can be
//! tested without a process; such tests are beside the code.
//!
//! Every wait has a deadline, every socket is in a temporary directory, and
//! nothing sleeps. A missing tool skips a test with a line on standard error,
//! unless `UKDBG_REQUIRE_TOOLS` is set, as `cargo xtask test` does.
#![forbid(unsafe_code)]

mod built;
mod compile;
mod conversation;
mod debuggers;
mod frame;
mod gdb;
mod leftovers;
mod marker;
mod oracle;
mod process;
mod qemu;
mod relay;
mod terminal;
mod tool;
mod ukdbg;

pub use built::{hosted_kernel_image, kernel_image, sample_kernel_sources, ukdbg_program};
pub use compile::{
    APPLICATION_AT, BuiltGuest, Ending, GuestShape, Layout, SymbolFile, Traps, UnwindTables,
    application, assemble, compile, guest_sources,
};
pub use conversation::{Answer, Answers, answers};
pub use debuggers::{Held, gdb_session, lldb_session};
pub use frame::{ExpectedFrame, SeenFrame, compare_frames};
pub use gdb::{gdb, gdb_backtrace, gdb_frames, gdb_of_core};
pub use leftovers::{expect_nothing_left, processes_under};
pub use marker::{line_of, lines_of};
pub use oracle::oracle_guest;
pub use process::{Finished, Running};
pub use qemu::Qemu;
pub use relay::{Quality, Record, Relay, Way};
pub use terminal::Terminal;
pub use tool::{Tool, available};
pub use ukdbg::Ukdbg;

use std::time::Duration;

/// How long anything may take before a test fails: generous, since machines
/// of continuous integration are slow and shared, and QEMU interprets.
pub const DEADLINE: Duration = Duration::from_secs(60);
