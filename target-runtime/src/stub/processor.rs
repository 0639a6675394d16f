//! What of the processor's state a trap frame does not hold.
#![expect(unsafe_code, reason = "debug and model-specific registers")]

use core::arch::asm;

use ukdbg_guest_abi::RegisterSet;

use crate::{TrapFrame, cpu};

/// DR6 without any condition, its reserved bits set.
const NO_CONDITION: u64 = 0xffff_0ff0;

/// Why there was a debug exception. DR6 keeps its conditions until they are
/// cleared.
pub(super) fn take_debug_conditions() -> u64 {
    let conditions: u64;
    // SAFETY: DR6 only reports; ring 0 may read and write it.
    unsafe {
        asm!("mov {}, dr6", out(reg) conditions, options(nomem, nostack, preserves_flags));
        asm!("mov dr6, {}", in(reg) NO_CONDITION, options(nomem, nostack, preserves_flags));
    }
    conditions
}

/// The registers beside those in the frame.
pub(super) fn special_registers(frame: &TrapFrame) -> RegisterSet {
    // SAFETY: every long-mode processor has these registers.
    let [fs_base, gs_base, efer] = unsafe {
        [
            cpu::read_msr(cpu::MSR_FS_BASE),
            cpu::read_msr(cpu::MSR_GS_BASE),
            cpu::read_msr(cpu::MSR_EFER),
        ]
    };
    RegisterSet {
        segments: [
            frame.cs,
            frame.ss,
            cpu::ds(),
            cpu::es(),
            cpu::fs(),
            cpu::gs(),
        ],
        fs_base,
        gs_base,
        cr0: cpu::cr0(),
        cr2: cpu::cr2(),
        cr3: cpu::cr3(),
        cr4: cpu::cr4(),
        efer,
        ..RegisterSet::default()
    }
}
