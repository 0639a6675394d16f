//! The sample kernel: so far it starts two tasks, one of which reads through a
//! null reference.
#![cfg_attr(not(test), no_std)]

use ukdbg_target_runtime::{println, run_tasks, spawn, ticks, tsc_frequency, yield_now};

/// The kernel's main function.
pub fn main() {
    println!(
        "time-stamp counter {:?} Hz, {} ticks",
        tsc_frequency(),
        ticks()
    );
    let spawned = spawn("first", || {
        yield_now();
        println!("{}", read_field(core::hint::black_box(core::ptr::null())));
    });
    if spawned.is_ok() && spawn("second", yield_now).is_ok() {
        run_tasks();
    }
}

#[inline(never)]
#[expect(unsafe_code, reason = "it is to fault")]
fn read_field(pointer: *const u64) -> u64 {
    // SAFETY: none; the pointer is null, and reading it faults.
    unsafe { *pointer }
}
