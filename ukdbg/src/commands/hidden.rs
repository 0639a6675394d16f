//! The hidden modes in which `ukdbg` supervises QEMU and guards a machine that
//! is looked at.

use std::ffi::OsStr;
use std::process::ExitCode;

use ukdbg_gdb_bridge::{GUARDIAN_WORD, SUPERVISOR_WORD, guard, supervise};

/// Whether this process was started in such a mode; then it has done its part.
pub(crate) fn entered() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let word = arguments.next()?;
    if word == OsStr::new(SUPERVISOR_WORD) {
        Some(supervise(arguments))
    } else if word == OsStr::new(GUARDIAN_WORD) {
        Some(guard())
    } else {
        None
    }
}
