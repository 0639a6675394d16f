//! The hidden mode in which `ukdbg` supervises QEMU.

use std::ffi::OsStr;
use std::process::ExitCode;

use ukdbg_gdb_bridge::{SUPERVISOR_WORD, supervise};

/// Whether this process was started to supervise; then it has done so.
pub(crate) fn entered() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    (arguments.next().as_deref() == Some(OsStr::new(SUPERVISOR_WORD))).then(|| supervise(arguments))
}
