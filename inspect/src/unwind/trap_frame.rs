//! The frame that the processor pushes in 64-bit mode when it delivers an
//! interrupt or exception: rip, cs, rflags, rsp, ss (SDM 3A 6.14.2).

use ukdbg_image::CodeAddr;

use super::step::{Caller, Machine};
use super::{FoundBy, Frame};
use crate::{MemoryError, Register, Registers, VirtAddr};

/// Words of the frame.
pub(super) const WORDS: u64 = 5;
const REGISTERS: [Register; WORDS as usize] = [
    Register::Rip,
    Register::Cs,
    Register::Rflags,
    Register::Rsp,
    Register::Ss,
];

impl Machine<'_, '_> {
    /// Reads the frame at an address into registers that were restored
    /// before.
    pub(super) fn interrupted(
        &mut self,
        at: VirtAddr,
        registers: Registers,
    ) -> Result<Caller, MemoryError> {
        let mut registers = registers;
        let old_privilege = registers.get(Register::Cs).map(|cs| cs & 3);
        let unmapped = MemoryError::Unmapped { at };
        let cfa = at.checked_add(WORDS * 8).ok_or(unmapped)?;
        for (index, register) in REGISTERS.into_iter().enumerate() {
            let word = self.read_u64(VirtAddr(at.0 + 8 * index as u64))?;
            registers.set(register, word);
        }
        if old_privilege != registers.get(Register::Cs).map(|cs| cs & 3) {
            // `swapgs` stands between the two.
            registers.clear(Register::GsBase);
        }
        let pc = VirtAddr(registers.get(Register::Rip).unwrap_or(0));
        Ok(Caller {
            cfa,
            frame: Frame {
                pc: CodeAddr::Exact(pc),
                cfa: None,
                registers,
                found_by: FoundBy::TrapFrame,
                interrupted: true,
            },
        })
    }
}

/// Whether registers look as if the processor had pushed them: selectors of
/// 16 bits, flags with their fixed bits (SDM 1 3.4.3).
pub(super) fn is_plausible(registers: &Registers) -> bool {
    const ALWAYS_SET: u64 = 1 << 1;
    const ALWAYS_CLEAR: u64 = !0x3f_ffff | 1 << 15 | 1 << 5 | 1 << 3;
    let selector = |register| registers.get(register).is_some_and(|value| value <= 0xffff);
    let code = registers.get(Register::Cs).is_some_and(|cs| cs & !3 != 0);
    let flags = registers
        .get(Register::Rflags)
        .is_some_and(|flags| flags & ALWAYS_SET != 0 && flags & ALWAYS_CLEAR == 0);
    code && flags && selector(Register::Cs) && selector(Register::Ss)
}
