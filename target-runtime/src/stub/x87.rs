//! x87 and SSE registers in an `fxsave64` area (SDM volume 1, table 10-2) and
//! as GDB names them.

use gdbstub_arch::x86::reg::X86_64CoreRegs;

use super::registers::Refused;
use crate::FxArea;

const CONTROL: usize = 0;
const STATUS: usize = 2;
const TAGS: usize = 4;
const OPCODE: usize = 6;
const INSTRUCTION: usize = 8;
const OPERAND: usize = 16;
const MXCSR: usize = 24;
const MXCSR_MASK: usize = 28;
const ST0: usize = 32;
const XMM0: usize = 160;
/// Bits of MXCSR that exist where the mask is 0 (SDM volume 1, section 11.6.6).
const DEFAULT_MXCSR_MASK: u32 = 0xffbf;

/// A tag of GDB's tag word: two bits a register.
const TAG_VALID: u32 = 0;
const TAG_ZERO: u32 = 1;
const TAG_SPECIAL: u32 = 2;
const TAG_EMPTY: u32 = 3;

fn bytes<const N: usize>(area: &FxArea, at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&area.0[at..at + N]);
    bytes
}

fn half(area: &FxArea, at: usize) -> u32 {
    u16::from_le_bytes(bytes(area, at)).into()
}

fn word(area: &FxArea, at: usize) -> u32 {
    u32::from_le_bytes(bytes(area, at))
}

fn put(area: &mut FxArea, at: usize, value: &[u8]) {
    area.0[at..at + value.len()].copy_from_slice(value);
}

/// Fills in what a client reads.
pub(super) fn read(area: &FxArea, registers: &mut X86_64CoreRegs) {
    for (index, st) in registers.st.iter_mut().enumerate() {
        *st = bytes(area, ST0 + index * 16);
    }
    for (index, xmm) in registers.xmm.iter_mut().enumerate() {
        *xmm = u128::from_le_bytes(bytes(area, XMM0 + index * 16));
    }
    let fpu = &mut registers.fpu;
    fpu.fctrl = half(area, CONTROL);
    fpu.fstat = half(area, STATUS);
    fpu.ftag = tags(area);
    fpu.fop = half(area, OPCODE);
    fpu.fioff = word(area, INSTRUCTION);
    fpu.fiseg = word(area, INSTRUCTION + 4);
    fpu.fooff = word(area, OPERAND);
    fpu.foseg = word(area, OPERAND + 4);
    registers.mxcsr = word(area, MXCSR);
}

/// Stores what a client wrote. An MXCSR with bits that the processor does not
/// have would fault when it is loaded.
pub(super) fn write(area: &mut FxArea, registers: &X86_64CoreRegs) -> Result<(), Refused> {
    let mask = match word(area, MXCSR_MASK) {
        0 => DEFAULT_MXCSR_MASK,
        mask => mask,
    };
    if registers.mxcsr & !mask != 0 {
        return Err(Refused);
    }
    put(area, MXCSR, &registers.mxcsr.to_le_bytes());
    for (index, st) in registers.st.iter().enumerate() {
        put(area, ST0 + index * 16, st);
    }
    for (index, xmm) in registers.xmm.iter().enumerate() {
        put(area, XMM0 + index * 16, &xmm.to_le_bytes());
    }
    let fpu = &registers.fpu;
    put(area, CONTROL, &(fpu.fctrl as u16).to_le_bytes());
    put(area, STATUS, &(fpu.fstat as u16).to_le_bytes());
    put(area, OPCODE, &(fpu.fop as u16).to_le_bytes());
    put(area, INSTRUCTION, &fpu.fioff.to_le_bytes());
    put(area, INSTRUCTION + 4, &fpu.fiseg.to_le_bytes());
    put(area, OPERAND, &fpu.fooff.to_le_bytes());
    put(area, OPERAND + 4, &fpu.foseg.to_le_bytes());
    area.0[TAGS] = (0..8)
        .filter(|register| fpu.ftag >> (register * 2) & 3 != TAG_EMPTY)
        .fold(0, |used, register| used | 1 << register);
    Ok(())
}

/// The tag word. The area only says which registers are in use; the rest is
/// worked out from their values (SDM volume 1, section 8.1.7).
fn tags(area: &FxArea) -> u32 {
    let top = half(area, STATUS) >> 11 & 7;
    (0..8).fold(0, |tags, register| {
        let used = area.0[TAGS] >> register & 1 != 0;
        // ST0 is the register at the top of the stack.
        let stack_position = (register + 8 - top) & 7;
        let tag = if used {
            tag(bytes(area, ST0 + stack_position as usize * 16))
        } else {
            TAG_EMPTY
        };
        tags | tag << (register * 2)
    })
}

fn tag(value: [u8; 10]) -> u32 {
    let [mantissa @ .., low, high] = value;
    let mantissa = u64::from_le_bytes(mantissa);
    match (u16::from_le_bytes([low, high]) & 0x7fff, mantissa) {
        (0, 0) => TAG_ZERO,
        (0 | 0x7fff, _) => TAG_SPECIAL,
        // Without its integer bit a number is not normal.
        (_, mantissa) if mantissa >> 63 == 0 => TAG_SPECIAL,
        _ => TAG_VALID,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_the_values_from_the_top_of_the_stack() {
        let mut area = FxArea([0; 512]);
        assert_eq!(tags(&area), 0xffff);
        // Top is register 6: ST0 there is 1.0, ST1 in register 7 is zero, ST2
        // in register 0 an infinity.
        put(&mut area, STATUS, &(6_u16 << 11).to_le_bytes());
        area.0[TAGS] = 0b1100_0001;
        put(&mut area, ST0, &[0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
        put(
            &mut area,
            ST0 + 32,
            &[0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x7f],
        );
        assert_eq!(tags(&area), 0b01_00_11_11_11_11_11_10);
    }

    #[test]
    fn the_area_survives_reading_and_writing() {
        let mut area = FxArea([0; 512]);
        for (index, byte) in area.0.iter_mut().enumerate().skip(ST0) {
            *byte = index as u8;
        }
        area.0[CONTROL] = 0x7f;
        area.0[TAGS] = 0x81;
        area.0[MXCSR] = 0x80;
        let mut registers = X86_64CoreRegs::default();
        read(&area, &mut registers);
        let mut written = FxArea([0; 512]);
        write(&mut written, &registers).unwrap();
        assert_eq!(written.0[..MXCSR_MASK], area.0[..MXCSR_MASK]);
        assert_eq!(written.0[ST0..ST0 + 10], area.0[ST0..ST0 + 10]);
        assert_eq!(written.0[XMM0..XMM0 + 256], area.0[XMM0..XMM0 + 256]);
    }
}
