//! The normal end of a guest. A fault does not end here: it halts, because
//! QEMU's exit device destroys the state that explains it.
#![expect(unsafe_code, reason = "a device's port")]

use crate::{cpu, port, stub};

/// Port of QEMU's `isa-debug-exit` by default.
const EXIT_PORT: u16 = 0x501;

/// Ends the guest with a status: QEMU exits with `status << 1 | 1`, so that 0,
/// the status of a guest that ended well, is QEMU's exit code 1. Without that
/// device the CPU halts with interrupts off.
pub fn exit(status: u8) -> ! {
    stub::on_exit(status);
    // SAFETY: a port that only `isa-debug-exit` answers.
    unsafe { port::write_u32(EXIT_PORT, u32::from(status)) };
    cpu::halt()
}
