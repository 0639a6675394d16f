//! Reach a machine.
//!
//! An [`Endpoint`] names the links to one guest; [`open`] makes a [`Machine`]
//! of them (a GDB stub over TCP, unix socket or serial line, QEMU's monitor,
//! the guest's mapped memory), a [`Core`] or an [`ImageFile`] of a file. Each is
//! an `inspect::Target`; a machine can also be controlled, and is left as it
//! was found, or written down as a core ([`dump`]).
//!
//! [`start`] boots an image in a QEMU of our own. It runs under a small
//! supervisor ([`supervise`]), so that it ends when its user does, however
//! that happens.
//!
//! Not here: what an address or a stop means, symbols, rendering.

mod core;
mod dump;
mod endpoint;
mod guardian;
mod image;
mod machine;
mod qemu;
mod qmp;
mod ram;
mod rsp;
mod transport;

pub use crate::core::{Core, CoreError};
pub use dump::{DumpError, Dumped, Keepsake, Progress, dump};
pub use endpoint::{Endpoint, EndpointError, Link};
pub use guardian::{WORD as GUARDIAN_WORD, main as guard};
pub use image::{ImageFile, ImageFileError};
pub use machine::{
    Approach, ConnectError, Leave, Machine, Opened, RecordedEnd, RecordingEnd, open,
};
pub use qemu::{
    Accelerator, Device, EmulatorLog, Launch, LaunchError, LogDetail, LogEntry, LoggedException,
    Qemu, QemuEnd, SUPERVISOR_WORD, Started, Tape, TapeMode, empty_disk, private_directories,
    start, supervise,
};
pub use ram::MappedRam;

#[doc(hidden)]
pub use qmp::read_qmp;
pub use rsp::Traffic;
#[doc(hidden)]
pub use rsp::read_rsp;
