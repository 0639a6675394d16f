//! Starting and ending a QEMU of our own: its arguments, its private
//! directory, the process that watches over it, and what its log says.
//! The guest in it is reached through [`Machine`](crate::Machine) like any
//! other.

mod arguments;
mod log;
mod recording;
mod start;
mod supervisor;
mod tail;

pub(crate) use arguments::VISITORS;
pub use arguments::{Accelerator, Device, Launch, LogDetail};
pub use log::{EmulatorLog, LogEntry, LoggedException};
pub use recording::{Tape, TapeMode, empty_disk};
pub use start::{LaunchError, Qemu, QemuEnd, Started, private_directories, start};
pub use supervisor::{WORD as SUPERVISOR_WORD, main as supervise};
