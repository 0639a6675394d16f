//! The end of a guest: by itself, or by its debugger. A fault does not end here: it halts, because
//! QEMU's exit device destroys the state that explains it.
#![expect(unsafe_code, reason = "a device's port")]

use crate::{cpu, port, stub};

/// Port of QEMU's `isa-debug-exit` by default.
const EXIT_PORT: u16 = 0x501;
/// 82371SB (PIIX3) data sheet, RC register.
const RESET_CONTROL: u16 = 0xcf9;
/// 8042: pulses output line 0.
const KEYBOARD_CONTROL: u16 = 0x64;

/// Ends the guest with a status: QEMU exits with `status << 1 | 1`, so that 0,
/// the status of a guest that ended well, is QEMU's exit code 1. Without that
/// device the CPU halts with interrupts off.
pub fn exit(status: u8) -> ! {
    stub::on_exit(status);
    end_emulator(status);
    cpu::halt()
}

/// Ends the guest at once, for a debugger that kills it: by QEMU's exit device
/// with a status, or else as a reset.
pub(crate) fn power_off(status: u8) -> ! {
    end_emulator(status);
    reset()
}

fn end_emulator(status: u8) {
    // SAFETY: a port that only `isa-debug-exit` answers.
    unsafe { port::write_u32(EXIT_PORT, u32::from(status)) };
}

/// Resets the machine: by the chipset's reset control register, which every PC
/// since the PIIX3 has, or by the keyboard controller's reset line.
pub(crate) fn reset() -> ! {
    // SAFETY: nothing runs after a reset.
    unsafe {
        port::write_u8(RESET_CONTROL, 0x02);
        port::write_u8(RESET_CONTROL, 0x06);
        port::write_u8(KEYBOARD_CONTROL, 0xfe);
    }
    cpu::halt()
}
