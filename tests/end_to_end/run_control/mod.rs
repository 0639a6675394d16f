//! Run control on real machines: the session's own interface over QEMU's stub
//! and the one in the guest, beside stock GDB where that does the same.

mod breaks;
mod debugger;
mod kernel;
mod numbers;
mod steps;
mod ways;
