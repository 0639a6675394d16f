//! Single instructions of the processor: control registers, model-specific
//! registers, time-stamp counter, halting.
#![expect(unsafe_code, reason = "each is an instruction")]

use core::arch::asm;

/// EFER.
pub(crate) const MSR_EFER: u32 = 0xc000_0080;
/// Base of FS.
pub(crate) const MSR_FS_BASE: u32 = 0xc000_0100;
/// Base of GS.
pub(crate) const MSR_GS_BASE: u32 = 0xc000_0101;

macro_rules! read_register {
    ($($(#[$doc:meta])* $name:ident = $register:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name() -> u64 {
            let value: u64;
            // SAFETY: reading a register of ring 0, where this crate runs.
            unsafe {
                asm!(concat!("mov {}, ", $register), out(reg) value,
                     options(nomem, nostack, preserves_flags));
            }
            value
        }
    )*};
}

read_register! {
    /// CR0.
    cr0 = "cr0";
    /// CR2: the address of the last page fault.
    cr2 = "cr2";
    /// CR3: the page tables.
    cr3 = "cr3";
    /// CR4.
    cr4 = "cr4";
    /// Selector of DS.
    ds = "ds";
    /// Selector of ES.
    es = "es";
    /// Selector of FS.
    fs = "fs";
    /// Selector of GS.
    gs = "gs";
    /// Selector of CS.
    cs = "cs";
    /// Selector of SS.
    ss = "ss";
    /// The frame pointer of the function this is inlined into.
    #[inline(always)]
    frame_pointer = "rbp";
}

/// Time-stamp counter.
#[inline(always)]
pub fn read_tsc() -> u64 {
    // SAFETY: `rdtsc` is available in every long-mode processor.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// A model-specific register.
///
/// # Safety
/// The processor has the register.
pub(crate) unsafe fn read_msr(register: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the caller vouches for the register.
    unsafe {
        asm!("rdmsr", in("ecx") register, out("eax") low, out("edx") high,
             options(nomem, nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Invalidates one page's translation.
pub(crate) fn flush_page(address: u64) {
    // SAFETY: it only makes the processor look again.
    unsafe {
        asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags));
    }
}

/// Changes page tables.
///
/// # Safety
/// The tables at `root` map everything that is in use where it is in use.
pub(crate) unsafe fn write_cr3(root: u64) {
    // SAFETY: the caller vouches for the tables.
    unsafe {
        asm!("mov cr3, {}", in(reg) root, options(nostack, preserves_flags));
    }
}

/// Lets interrupts in.
pub(crate) fn enable_interrupts() {
    // SAFETY: called only once the interrupt table is loaded.
    unsafe {
        asm!("sti", options(nomem, nostack));
    }
}

/// Halts this CPU for good, interrupts off: what a host recognises as an end.
pub fn halt() -> ! {
    loop {
        // SAFETY: nothing runs after this.
        unsafe {
            asm!("cli", "hlt", options(nomem, nostack));
        }
    }
}

/// Runs something that no interrupt may come into.
pub(crate) fn without_interrupts<T>(run: impl FnOnce() -> T) -> T {
    let flags: u64;
    // SAFETY: the flags are put back below.
    unsafe { asm!("pushfq", "pop {}", "cli", out(reg) flags) };
    let result = run();
    if flags & INTERRUPTS != 0 {
        enable_interrupts();
    }
    result
}

/// RFLAGS: interrupts are let in.
const INTERRUPTS: u64 = 1 << 9;

/// Runs something that may write to read-only pages.
pub(crate) fn without_write_protection(run: impl FnOnce()) {
    let saved = cr0();
    // SAFETY: clearing CR0.WP only allows more.
    unsafe { write_cr0(saved & !CR0_WRITE_PROTECT) };
    run();
    // SAFETY: as it was.
    unsafe { write_cr0(saved) };
}

/// Lets read-only pages be read-only again, wherever that was left off.
pub(crate) fn enable_write_protection() {
    // SAFETY: it is how the guest runs.
    unsafe { write_cr0(cr0() | CR0_WRITE_PROTECT) };
}

/// CR0: supervisor code heeds read-only pages.
const CR0_WRITE_PROTECT: u64 = 1 << 16;

/// Changes CR0.
///
/// # Safety
/// The processor can run on with the value.
unsafe fn write_cr0(value: u64) {
    // SAFETY: the caller vouches for the value.
    unsafe { asm!("mov cr0, {}", in(reg) value, options(nostack, preserves_flags)) };
}
