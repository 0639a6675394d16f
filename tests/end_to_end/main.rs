//! End-to-end tests: the built `ukdbg` against guests in a real QEMU.
//!
//! Here is only what needs all of them; everything that can be tested in
//! memory is tested beside the code.

mod bad_input;
mod beside_run;
mod chain;
mod commands;
mod cores;
mod debug_files;
mod every_instruction;
mod foreign_endings;
mod foreign_shapes;
mod gdb_parity;
mod in_guest_stub;
mod look;
mod page_tables;
mod prompt;
mod run_control;
mod sample_faults;
mod slides;
mod sudden_ends;
mod terminal;
mod time_travel;
mod values_of_a_guest;
