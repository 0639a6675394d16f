//! A caller by the chain of frame pointers: the saved one, and the return
//! address above it (System V psABI, figure 3.3).

use super::step::{Caller, Machine, across_call};
use super::{FoundBy, Frame};
use crate::{Register, VirtAddr};

impl Machine<'_, '_> {
    /// Follows the frame pointer one link, if it is one: aligned, not below
    /// the stack pointer, on the same stack, with a return address above it,
    /// and a link further up or the end of the chain.
    pub(super) fn by_frame_pointer(&mut self, frame: &Frame) -> Option<Caller> {
        let sp = frame.registers.sp()?;
        let fp = self.frame_pointer(frame)?;
        let size = self.word.size();
        if fp < sp || fp.0 % size != 0 || !self.same_stack(fp, sp) {
            return None;
        }
        let next = self.read_word(fp).ok()?;
        let pc = VirtAddr(self.read_word(fp.checked_add(size)?).ok()?);
        if !self.follows_call(pc) || (next != 0 && next <= fp.0) {
            return None;
        }
        let cfa = fp.checked_add(2 * size)?;
        let mut registers = across_call(&frame.registers);
        registers.set(Register::Rbp, next);
        // Where the function saved the others, only call frame information
        // could say.
        for register in [
            Register::Rbx,
            Register::R12,
            Register::R13,
            Register::R14,
            Register::R15,
        ] {
            registers.clear(register);
        }
        Some(Caller::by_return(cfa, pc, registers, FoundBy::FramePointer))
    }
}
