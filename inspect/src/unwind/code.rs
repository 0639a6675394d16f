//! What the bytes around a code address say: whether a call stands before it,
//! whether its function returns from traps.

use ukdbg_image::Function;
use ukdbg_image::iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction};

use super::step::{Machine, Place};
use crate::VirtAddr;

/// The longest x86 instruction (SDM 2A 2.3.11).
const LONGEST: usize = 15;
/// The longest near call: prefix, REX, opcode, ModRM, SIB, 32-bit offset.
const LONGEST_CALL: usize = 8;

/// `call rel32`.
const DIRECT_CALL: u8 = 0xe8;
/// `call r/m64`, when the middle bits of the next byte are 2.
const INDIRECT_CALL: u8 = 0xff;

/// How long an indirect call is, by the byte behind its opcode (ModRM, SDM 2A
/// table 2-2); 0 for other instructions, and for forms with a SIB byte, which
/// are decoded.
const INDIRECT_CALL_LENGTHS: [u8; 256] = {
    let mut lengths = [0; 256];
    let mut register = 0;
    while register < 8 {
        let call = 2 << 3 | register;
        // Through a pointer, one with an offset of a byte or of four, and a
        // register.
        let has_sib = register == 4;
        if !has_sib {
            lengths[call] = if register == 5 { 6 } else { 2 };
            lengths[1 << 6 | call] = 3;
            lengths[2 << 6 | call] = 6;
        }
        lengths[3 << 6 | call] = 2;
        register += 1;
    }
    lengths
};

impl Machine<'_, '_> {
    /// The instruction at an address; none where nothing can be read or
    /// decoded.
    pub(super) fn instruction(&mut self, at: VirtAddr) -> Option<Instruction> {
        let mut bytes = [0; LONGEST];
        let got = self.code(at, &mut bytes);
        let bitness = self.word.bitness();
        let mut decoder = Decoder::with_ip(bitness, &bytes[..got], at.0, DecoderOptions::NONE);
        let instruction = decoder.decode();
        (!instruction.is_invalid()).then_some(instruction)
    }

    /// Whether an address is in code and right behind a call: what a return
    /// address is.
    #[inline]
    pub(super) fn follows_call(&mut self, at: VirtAddr) -> bool {
        self.clearly_follows_call(at) || self.decodes_to_call(at)
    }

    /// Whether a call of a usual form stands before an address, in code that
    /// was met before. One branch for all forms: which of them it is nothing
    /// predicts.
    #[inline]
    fn clearly_follows_call(&self, at: VirtAddr) -> bool {
        let Some(region) = self.regions.iter().flatten().find(|it| it.contains(at)) else {
            return false;
        };
        let Some(before) = region.bytes_before::<LONGEST_CALL>(at) else {
            return false;
        };
        let [.., a, b, c, d] = *before;
        let target =
            at.0.wrapping_add_signed(i32::from_le_bytes([a, b, c, d]).into());
        let target = VirtAddr(self.word.truncated(target));
        let direct = (before[LONGEST_CALL - 5] == DIRECT_CALL) & region.contains(target);
        region.executable & (direct | is_indirect_call(before))
    }

    fn decodes_to_call(&mut self, at: VirtAddr) -> bool {
        let Some(last) = at.checked_sub(1) else {
            return false;
        };
        if !self.is_code(last) {
            return false;
        }
        let mut before = [0; LONGEST_CALL];
        let Some(start) = at.checked_sub(LONGEST_CALL as u64) else {
            return false;
        };
        if self.code(start, &mut before) < LONGEST_CALL {
            // The first bytes of a mapping.
            return (2..LONGEST_CALL).any(|length| {
                let mut bytes = [0; LONGEST_CALL];
                let start = VirtAddr(at.0 - length as u64);
                let got = self.code(start, &mut bytes[..length]);
                got == length && self.is_call(start, &bytes[..length])
            });
        }
        is_indirect_call(&before)
            || (2..=LONGEST_CALL).any(|length| {
                let bytes = &before[LONGEST_CALL - length..];
                may_be_call(bytes) && self.is_call(VirtAddr(at.0 - length as u64), bytes)
            })
    }

    /// Whether bytes are one call, all of them, and it goes to code.
    fn is_call(&mut self, at: VirtAddr, bytes: &[u8]) -> bool {
        let bitness = self.word.bitness();
        let mut decoder = Decoder::with_ip(bitness, bytes, at.0, DecoderOptions::NONE);
        let instruction = decoder.decode();
        let call = matches!(
            instruction.flow_control(),
            FlowControl::Call | FlowControl::IndirectCall
        );
        call && instruction.len() == bytes.len() && self.is_call_to_code(&instruction)
    }

    /// A direct call's target must be code; of an indirect one nothing is
    /// known.
    fn is_call_to_code(&mut self, instruction: &Instruction) -> bool {
        if instruction.flow_control() == FlowControl::IndirectCall {
            return instruction.is_call_near_indirect();
        }
        instruction.is_call_near() && self.is_code(VirtAddr(instruction.near_branch_target()))
    }

    /// Whether the function returns from a trap (`iretq`).
    pub(super) fn returns_from_trap(&mut self, place: &Place<'_, '_>) -> bool {
        /// Trap stubs are short; a longer function is not read.
        const MOST: usize = 16 * 1024;
        let Some(function) = place.function() else {
            return false;
        };
        function.ranges.iter().any(|range| {
            let Some(start) = place.module.run_address(range.start) else {
                return false;
            };
            let size = range.end.offset_from(range.start).unwrap_or(0);
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(MOST).min(MOST)];
            let got = self.code(start, &mut bytes);
            contains_iretq(&bytes[..got], start)
        })
    }

    /// Whether execution begins in that function: an image's entry point is
    /// inside it.
    pub(super) fn is_entry(&self, place: &Place<'_, '_>, function: &Function) -> bool {
        let image = &place.module.image;
        function.contains(image.entry()) || pvh_entry(image).is_some_and(|at| function.contains(at))
    }
}

/// Whether bytes end with an indirect call of a usual form: through the global
/// offset table, a register, or a pointer at a register plus a constant.
#[inline]
fn is_indirect_call(bytes: &[u8; LONGEST_CALL]) -> bool {
    let of_length = |length: usize| {
        let start = LONGEST_CALL - length;
        let known = INDIRECT_CALL_LENGTHS[usize::from(bytes[start + 1])];
        (bytes[start] == INDIRECT_CALL) & (usize::from(known) == length)
    };
    of_length(2) | of_length(3) | of_length(6)
}

/// Whether bytes may be a near call (SDM 2A, CALL), prefixes included: a look
/// that spares decoding.
fn may_be_call(bytes: &[u8]) -> bool {
    let indirect = |pair: &[u8]| pair[0] == INDIRECT_CALL && (pair[1] >> 3) & 7 == 2;
    bytes.contains(&DIRECT_CALL) || bytes.windows(2).any(indirect)
}

fn contains_iretq(bytes: &[u8], at: VirtAddr) -> bool {
    // REX.W IRET; looked for first, since decoding costs more.
    let may = bytes.windows(2).any(|pair| pair == [0x48, 0xcf]);
    may && Decoder::with_ip(64, bytes, at.0, DecoderOptions::NONE)
        .into_iter()
        .any(|instruction| instruction.code() == Code::Iretq)
}

/// The entry point of the PVH boot protocol (Xen's note 18).
fn pvh_entry(image: &ukdbg_image::Image<'_>) -> Option<ukdbg_image::LinkAddr> {
    const XEN_ELFNOTE_PHYS32_ENTRY: u32 = 18;
    let notes = image.notes(b"Xen\0", XEN_ELFNOTE_PHYS32_ENTRY);
    let bytes: [u8; 4] = notes.first()?.get(..4)?.try_into().ok()?;
    Some(ukdbg_image::LinkAddr(u32::from_le_bytes(bytes).into()))
}
