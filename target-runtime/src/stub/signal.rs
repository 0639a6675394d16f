//! The signal by which a client is told of an exception.

use gdbstub::common::Signal;

/// As Linux does it for a process (SDM volume 3A, table 6-1 for the vectors).
pub(super) fn of_vector(vector: u64) -> Signal {
    match vector {
        0 | 16 | 19 => Signal::SIGFPE,
        1 | 3 => Signal::SIGTRAP,
        6 => Signal::SIGILL,
        8 | 10..=12 | 17 | 18 => Signal::SIGBUS,
        _ => Signal::SIGSEGV,
    }
}
