//! A panic as a fault.
#![expect(unsafe_code, reason = "registers are caught in assembly")]

use core::panic::PanicInfo;

use ukdbg_guest_abi::RegisterSet;

use super::{begin, end, record, ukdbg_rendezvous};
use crate::trace::Level;
use crate::{stub, trace_event};

core::arch::global_asm!(include_str!("panic.s"), captured = sym captured);

unsafe extern "C" {
    fn ukdbg_panic(info: *const ()) -> !;
}

/// What `panic.s` stores.
#[repr(C)]
struct Captured {
    general: [u64; 16],
    rip: u64,
    rflags: u64,
}

/// Records the panic, meets the debugger, and stops. A kernel calls it from
/// its `#[panic_handler]`.
pub fn panic(info: &PanicInfo<'_>) -> ! {
    // SAFETY: `info` outlives the call, which does not return.
    unsafe { ukdbg_panic(core::ptr::from_ref(info).cast()) }
}

extern "C" fn captured(info: &PanicInfo<'_>, registers: &Captured) -> ! {
    stub::recover_from_panic(registers.rip);
    begin(format_args!("{info}"));
    let registers = RegisterSet {
        general: registers.general,
        rip: registers.rip,
        rflags: registers.rflags,
        ..RegisterSet::ZERO
    };
    let location = info
        .location()
        .map(|location| (location.file(), location.line()));
    let record = record::panic(registers, &info.message(), location);
    let line = location.map_or(0, |(_, line)| line);
    trace_event!(Level::Error, "panic", rip: code = registers.rip, line: u32 = line);
    ukdbg_rendezvous(record);
    stub::panicked();
    end(format_args!("{info}"))
}
