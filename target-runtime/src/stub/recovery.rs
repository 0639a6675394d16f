//! Surviving what goes wrong in the stub itself: a client may make it walk page
//! tables that make no sense, and then only that request must fail.
#![expect(unsafe_code, reason = "leaves a call by its stack pointer")]

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{TrapFrame, cpu};

/// Where a call that is given up goes on: its stack pointer, 0 outside.
static POINT: AtomicU64 = AtomicU64::new(0);

#[cfg(any(target_os = "none", ukdbg_guest))]
core::arch::global_asm!(include_str!("recovery.s"), point = sym POINT);

unsafe extern "C" {
    fn ukdbg_protect(call: extern "C" fn(*mut ()), data: *mut ()) -> u32;
    safe static ukdbg_give_up: u8;
}

/// RFLAGS of a handler that goes on: only its reserved bit.
const FLAGS: u64 = 1 << 1;
/// Exceptions that are not the fault of what runs: NMI, machine check.
const ASYNCHRONOUS: [u64; 2] = [2, 18];

/// Calls `run`. False when it was given up half-way: what it had borrowed is
/// then as it was left.
pub(super) fn protect<F: FnMut()>(mut run: F) -> bool {
    extern "C" fn call<F: FnMut()>(data: *mut ()) {
        // SAFETY: `protect` passes its own closure, which outlives the call.
        unsafe { (*data.cast::<F>())() };
    }
    // SAFETY: the closure is called with its own data; when the call is given
    // up, the callee-saved registers are those that were saved before it.
    unsafe { ukdbg_protect(call::<F>, (&raw mut run).cast()) != 0 }
}

/// Makes a trap in a protected call return to where the call is given up. False
/// outside of one, and for exceptions that nothing in it caused.
pub(super) fn give_up(frame: &mut TrapFrame) -> bool {
    let point = POINT.load(Ordering::Relaxed);
    if point == 0 || ASYNCHRONOUS.contains(&frame.vector) {
        return false;
    }
    // It may have been writing to read-only pages.
    cpu::enable_write_protection();
    frame.rip = &raw const ukdbg_give_up as u64;
    frame.rsp = point;
    frame.rflags = FLAGS;
    true
}

/// Gives up the protected call that this runs in, if it does.
pub(super) fn give_up_now() {
    let point = POINT.load(Ordering::Relaxed);
    if point == 0 {
        return;
    }
    cpu::enable_write_protection();
    // SAFETY: the protected call is below on this very stack or on one whose
    // handlers are done with, and nothing between has anything to release.
    unsafe {
        core::arch::asm!(
            "mov rsp, {point}",
            "jmp {on}",
            point = in(reg) point,
            on = sym ukdbg_give_up,
            options(noreturn),
        );
    }
}
