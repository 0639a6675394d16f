//! The debugger inside the guest: a server of GDB's remote protocol on a serial
//! port, which stock GDB and LLDB attach to. Where there is only one port, it
//! shares that with the console.
//!
//! [`install`] makes it answer; a client may then come and go at any time.
//! While one is attached, breakpoints, steps, its interrupts and faults stop
//! the guest; while none is, the guest behaves as without a debugger, unless it
//! waits for one ([`wait_for_client`]). Tasks are shown as threads.
//!
//! `monitor help` lists what it can tell beyond the protocol. `kill` ends the
//! guest: QEMU's exit device with status 9 where there is one, a reset
//! elsewhere. A request that makes the stub itself fault is refused.
//!
//! It does not decide what is a fault, and a fault that nobody is attached for
//! takes its course.

mod breakpoints;
mod console;
mod framing;
mod guest;
mod memory;
mod monitor;
mod pages;
mod processor;
mod recovery;
mod registers;
mod reply;
mod session;
mod signal;
mod target;
mod tasks;
#[cfg(test)]
mod testing;
mod watchpoints;
mod x87;

pub(crate) use console::show;
// For the entry of a trap, which is in assembly.
pub use guest::{Line, install, wait_for_client};
pub(crate) use guest::{on_exit, panicked, recover, recover_from_panic};
#[cfg(any(target_os = "none", ukdbg_guest))]
pub(crate) use {breakpoints::CAPACITY as BREAKPOINT_COUNT, guest::BREAKPOINTS};

/// The guest that this runs in. Its memory, tasks and processor are each in a
/// file of their own.
struct ThisGuest;
