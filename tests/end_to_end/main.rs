//! End-to-end tests: the built `ukdbg` against guests in a real QEMU.
//!
//! Here is only what needs all of them; everything that can be tested in
//! memory is tested beside the code.

mod chain;
mod foreign_shapes;
