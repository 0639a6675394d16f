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
    pub(super) fn follows_call(&mut self, at: VirtAddr) -> bool {
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
        // The direct call, the most frequent form, is seen without decoding.
        if let [.., DIRECT_CALL, a, b, c, d] = before {
            let target =
                at.0.wrapping_add_signed(i32::from_le_bytes([a, b, c, d]).into());
            if self.is_code(VirtAddr(self.word.truncated(target))) {
                return true;
            }
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
/// offset table, a register, or a pointer at a register plus a constant. The
/// opcode and the next byte give the length (SDM 2A, table 2-2).
fn is_indirect_call(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [.., INDIRECT_CALL, 0x15, _, _, _, _]
            | [.., INDIRECT_CALL, 0xd0..=0xd7]
            | [.., INDIRECT_CALL, 0x10..=0x13 | 0x16 | 0x17]
            | [.., INDIRECT_CALL, 0x50..=0x53 | 0x55..=0x57, _]
            | [.., INDIRECT_CALL, 0x90..=0x93 | 0x95..=0x97, _, _, _, _]
    )
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
