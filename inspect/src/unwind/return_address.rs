//! Return addresses found on the stack itself: at its top, where a call went
//! somewhere wrong or a function has only begun; and, as a guess, anywhere
//! above.

use super::step::{Caller, Machine, Word, across_call};
use super::{FoundBy, Frame};
use crate::{Register, VirtAddr};

/// Words looked at by a scan.
const SCAN_WORDS: u64 = 512;

impl Machine<'_, '_> {
    /// The word at the stack top, if it follows a call. Nothing has changed
    /// but the stack pointer: every register is still the caller's, or what
    /// it passed.
    pub(super) fn by_stack_top(&mut self, frame: &Frame) -> Option<Caller> {
        let sp = frame.registers.sp()?;
        let pc = VirtAddr(self.read_word(sp).ok()?);
        if !self.follows_call(pc) {
            return None;
        }
        let cfa = sp.checked_add(self.word.size())?;
        let registers = frame.registers;
        Some(Caller::by_return(
            cfa,
            pc,
            registers,
            FoundBy::ReturnAddress,
        ))
    }

    /// The first word above the stack pointer that follows a call. It may be
    /// left over from a call that has long returned.
    pub(super) fn by_scan(&mut self, frame: &Frame) -> Option<Caller> {
        let sp = frame.registers.sp()?;
        let size = self.word.size();
        let start = VirtAddr(sp.0.checked_next_multiple_of(size)?);
        for index in 0..SCAN_WORDS {
            let at = start.checked_add(index * size)?;
            if !self.same_stack(sp, at) {
                return None;
            }
            let pc = VirtAddr(self.read_word(at).ok()?);
            if self.follows_call(pc) {
                let mut registers = across_call(&frame.registers);
                for register in [
                    Register::Rbx,
                    Register::R12,
                    Register::R13,
                    Register::R14,
                    Register::R15,
                ] {
                    registers.clear(register);
                }
                let cfa = at.checked_add(size)?;
                if registers.get(Register::Rbp).is_some_and(|rbp| rbp < cfa.0) {
                    registers.clear(Register::Rbp);
                }
                return Some(Caller::by_return(cfa, pc, registers, FoundBy::Scan));
            }
        }
        None
    }

    /// In 32-bit code the frame pointer is the low half of the register.
    pub(super) fn frame_pointer(&self, frame: &Frame) -> Option<VirtAddr> {
        let rbp = frame.registers.get(Register::Rbp)?;
        Some(VirtAddr(match self.word {
            Word::Four => rbp & 0xffff_ffff,
            Word::Eight => rbp,
        }))
    }
}
