//! The vectors: names and stacks. Not what is done about them.

/// Debug exception.
pub(crate) const DEBUG: u64 = 1;
/// Breakpoint, `int3`.
pub(crate) const BREAKPOINT: u64 = 3;
/// Page fault.
pub(crate) const PAGE_FAULT: u64 = 14;
/// The local APIC's timer.
pub(crate) const TIMER: u64 = 32;
/// The debugger's serial port.
pub(crate) const DEBUGGER_PORT: u64 = 33;
/// The local APIC's spurious interrupt; its low bits are all ones.
pub(crate) const SPURIOUS: u64 = 47;
/// Vectors that have an entry.
pub(crate) const COUNT: usize = 48;

/// The interrupt stack of a vector, counted from 1 as in the processor's table.
/// Vectors that may arrive while another is handled have stacks of their own
/// (SDM volume 3A, 6.14.5).
pub(crate) const fn interrupt_stack(vector: usize) -> u8 {
    match vector {
        8 => 2,
        2 => 3,
        18 => 4,
        1 | 3 => 5,
        14 => 6,
        32.. => 7,
        _ => 1,
    }
}

/// Mnemonic and name of an exception (SDM volume 3A, table 6-1).
pub(crate) fn name(vector: u64) -> &'static str {
    match vector {
        0 => "#DE divide error",
        1 => "#DB debug exception",
        2 => "NMI",
        3 => "#BP breakpoint",
        4 => "#OF overflow",
        5 => "#BR bound range exceeded",
        6 => "#UD invalid opcode",
        7 => "#NM device not available",
        8 => "#DF double fault",
        10 => "#TS invalid TSS",
        11 => "#NP segment not present",
        12 => "#SS stack-segment fault",
        13 => "#GP general protection",
        14 => "#PF page fault",
        16 => "#MF x87 error",
        17 => "#AC alignment check",
        18 => "#MC machine check",
        19 => "#XM SIMD error",
        20 => "#VE virtualization exception",
        21 => "#CP control protection",
        _ => "reserved exception",
    }
}
