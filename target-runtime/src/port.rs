//! Port I/O. Not a device: who may touch which port is up to the callers in
//! this crate.
#![expect(unsafe_code, reason = "in and out are instructions")]

use core::arch::asm;

/// Reads a byte.
///
/// # Safety
/// Reading the port must have no effect that breaks memory safety.
pub(crate) unsafe fn read_u8(port: u16) -> u8 {
    let value: u8;
    // SAFETY: the caller vouches for the port; `in` touches no memory.
    unsafe {
        asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags));
    }
    value
}

/// Writes a byte.
///
/// # Safety
/// Writing the port must have no effect that breaks memory safety.
pub(crate) unsafe fn write_u8(port: u16, value: u8) {
    // SAFETY: the caller vouches for the port; `out` touches no memory.
    unsafe {
        asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags));
    }
}

/// Writes a doubleword.
///
/// # Safety
/// As for [`write_u8`].
pub(crate) unsafe fn write_u32(port: u16, value: u32) {
    // SAFETY: the caller vouches for the port; `out` touches no memory.
    unsafe {
        asm!("out dx, eax", in("dx") port, in("eax") value, options(nomem, nostack, preserves_flags));
    }
}
