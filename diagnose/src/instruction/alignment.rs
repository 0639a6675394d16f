//! Which instructions need an aligned memory operand. Not here: alignment
//! checking (#AC), which concerns every access and no kernel.

use ukdbg_image::iced_x86::{EncodingKind, Instruction, Mnemonic, OpKind};

/// What the address of an instruction's memory operand must be a multiple of:
/// anything else raises #GP(0).
pub(super) fn required(instruction: &Instruction) -> Option<u32> {
    use Mnemonic as M;
    if !(0..instruction.op_count()).any(|index| instruction.op_kind(index) == OpKind::Memory) {
        return None;
    }
    let size = u32::try_from(instruction.memory_size().size()).ok()?;
    match instruction.mnemonic() {
        // SDM 2A, FXSAVE, FXRSTOR, CMPXCHG16B.
        M::Fxsave | M::Fxsave64 | M::Fxrstor | M::Fxrstor64 | M::Cmpxchg16b => Some(16),
        // SDM 1 13.7 and following: the XSAVE area.
        M::Xsave | M::Xsave64 | M::Xsaveopt | M::Xsaveopt64 | M::Xsavec | M::Xsavec64 => Some(64),
        M::Xsaves | M::Xsaves64 | M::Xrstor | M::Xrstor64 | M::Xrstors | M::Xrstors64 => Some(64),
        // SDM 2A table 2-18, exceptions type 1: aligned in every encoding.
        M::Vmovaps
        | M::Vmovapd
        | M::Vmovdqa
        | M::Vmovdqa32
        | M::Vmovdqa64
        | M::Vmovntps
        | M::Vmovntpd
        | M::Vmovntdq
        | M::Vmovntdqa => Some(size),
        // SDM 2A table 2-19 and the text of each: these are made for operands
        // that are not aligned.
        M::Movups | M::Movupd | M::Movdqu | M::Lddqu => None,
        M::Pcmpestri | M::Pcmpestrm | M::Pcmpistri | M::Pcmpistrm => None,
        M::Pcmpestri64 | M::Pcmpestrm64 => None,
        _ => (size == 16 && is_legacy_vector(instruction)).then_some(16),
    }
}

/// SSE without a VEX prefix: types 2 and 4 then need 16-byte operands aligned
/// (SDM 2A tables 2-19, 2-21).
fn is_legacy_vector(instruction: &Instruction) -> bool {
    instruction.code().encoding() == EncodingKind::Legacy
        && (0..instruction.op_count()).any(|index| {
            instruction.op_kind(index) == OpKind::Register
                && instruction.op_register(index).is_xmm()
        })
}

#[cfg(test)]
mod tests {
    use ukdbg_image::{LinkAddr, decode};

    use super::required;

    #[track_caller]
    fn check(code: &[u8], expected: Option<u32>) {
        let instruction = decode(code, LinkAddr(0x1000)).next().unwrap();
        assert_eq!(required(&instruction), expected, "{instruction}");
    }

    #[test]
    fn moves() {
        check(&[0x0f, 0x28, 0x07], Some(16)); // movaps xmm0, [rdi]
        check(&[0x66, 0x0f, 0x7f, 0x07], Some(16)); // movdqa [rdi], xmm0
        check(&[0x0f, 0x2b, 0x07], Some(16)); // movntps [rdi], xmm0
        check(&[0x0f, 0x10, 0x07], None); // movups xmm0, [rdi]
        check(&[0xf3, 0x0f, 0x6f, 0x07], None); // movdqu xmm0, [rdi]
        check(&[0xf2, 0x0f, 0xf0, 0x07], None); // lddqu xmm0, [rdi]
        check(&[0xf3, 0x0f, 0x10, 0x07], None); // movss xmm0, [rdi]
        check(&[0x0f, 0x28, 0xc1], None); // movaps xmm0, xmm1
        check(&[0x48, 0x8b, 0x07], None); // mov rax, [rdi]
    }

    #[test]
    fn arithmetic() {
        check(&[0x0f, 0x58, 0x07], Some(16)); // addps xmm0, [rdi]
        check(&[0xf3, 0x0f, 0x58, 0x07], None); // addss xmm0, [rdi]
        check(&[0x66, 0x0f, 0x3a, 0x63, 0x07, 0x00], None); // pcmpistri
        check(&[0x66, 0x0f, 0x38, 0xdc, 0x07], Some(16)); // aesenc xmm0, [rdi]
    }

    #[test]
    fn vector_extensions() {
        check(&[0xc5, 0xf8, 0x28, 0x07], Some(16)); // vmovaps xmm0, [rdi]
        check(&[0xc5, 0xfc, 0x28, 0x07], Some(32)); // vmovaps ymm0, [rdi]
        check(&[0xc5, 0xfc, 0x10, 0x07], None); // vmovups ymm0, [rdi]
        check(&[0xc5, 0xf8, 0x58, 0x07], None); // vaddps xmm0, xmm0, [rdi]
        check(&[0x62, 0xf1, 0x7c, 0x48, 0x28, 0x07], Some(64)); // vmovaps zmm0, [rdi]
    }

    #[test]
    fn state() {
        check(&[0x48, 0x0f, 0xae, 0x07], Some(16)); // fxsave64 [rdi]
        check(&[0x0f, 0xae, 0x0f], Some(16)); // fxrstor [rdi]
        check(&[0x48, 0x0f, 0xae, 0x27], Some(64)); // xsave64 [rdi]
        check(&[0x48, 0x0f, 0xc7, 0x0f], Some(16)); // cmpxchg16b [rdi]
        check(&[0x0f, 0xc7, 0x0f], None); // cmpxchg8b [rdi]
        check(&[0x0f, 0xae, 0x17], None); // ldmxcsr [rdi]
    }
}
