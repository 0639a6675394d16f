//! Exit codes, all of them, and nothing else that ends the process.

use std::process::ExitCode;

/// How a command ended. The numbers are part of the interface: `ukdbg --help`
/// and the README list them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// Done; for `run`, the guest ended by itself.
    Fine,
    /// `run`: the guest faulted, panicked, reset or hung.
    GuestFaulted,
    /// The command line cannot be used, or names a function that is not there.
    Usage,
    /// A tool is missing, or a machine cannot be reached.
    Unreachable,
    /// An image cannot be used.
    BadImage,
    /// The time limit passed.
    TimeLimit,
    /// A defect of ukdbg's own.
    Defect,
    /// `run --guest-status`: the value the guest wrote when it ended.
    GuestStatus(u8),
    /// Ended by a signal, as a shell counts it: 128 plus its number.
    Signal(u8),
}

impl Exit {
    /// Standard output was closed by its reader (SIGPIPE's number).
    pub(crate) const BROKEN_PIPE: Self = Self::Signal(13);
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::GuestFaulted => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::BadImage => 4,
            Exit::TimeLimit => 5,
            Exit::Defect => 70,
            Exit::GuestStatus(status) => status,
            Exit::Signal(number) => 128u8.wrapping_add(number),
        })
    }
}
