//! The debugger inside the guest: a server of GDB's remote protocol on the
//! second serial port, which stock GDB and LLDB attach to.
//!
//! [`install`] makes it answer; a client may then come and go at any time.
//! While one is attached, breakpoints, steps, its interrupts and faults stop
//! the guest; while none is, the guest behaves as without a debugger, unless it
//! waits for one ([`wait_for_client`]). Tasks are shown as threads.
//!
//! It does not decide what is a fault, and a fault that nobody is attached for
//! takes its course.

mod breakpoints;
mod framing;
mod guest;
mod memory;
mod pages;
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

pub use guest::{install, wait_for_client};
pub(crate) use guest::{on_exit, on_panic};

/// The guest that this runs in. Its memory, tasks and processor are each in a
/// file of their own.
struct ThisGuest;
