//! A caller by the code that is still to run: from where a frame stands, its
//! instructions are followed to its return, and what they pop on the way is
//! popped here. For code without call frame information, at any instruction,
//! trap stubs included.

use std::collections::HashSet;

use ukdbg_image::CodeAddr;
use ukdbg_image::iced_x86::{FlowControl, Instruction, Mnemonic};

use super::simulate::State;
use super::step::{Caller, Machine, Place, Word};
use super::{FoundBy, Frame, trap_frame};
use crate::VirtAddr;

/// Where execution goes on from an instruction.
enum Way {
    Next,
    Jump(VirtAddr),
    /// To the next instruction or elsewhere.
    Fork(VirtAddr),
    Return,
    /// Nowhere that is known.
    Lost,
}

/// Instructions followed in all, over all branches.
const MOST_INSTRUCTIONS: usize = 2_000;

impl Machine<'_, '_> {
    /// Follows the code from a frame to a return whose target follows a call,
    /// or to the end of a trap handler.
    pub(super) fn by_following(&mut self, place: &Place<'_, '_>, frame: &Frame) -> Option<Caller> {
        if self.word == Word::Four || !stays_in_function(place, frame.pc) {
            return None;
        }
        let mut seen = HashSet::new();
        let mut paths = vec![(frame.pc.address(), State::new(frame.registers))];
        while let Some((mut at, mut state)) = paths.pop() {
            while seen.len() < MOST_INSTRUCTIONS && seen.insert(at) && self.is_code(at) {
                let Some(instruction) = self.instruction(at) else {
                    break;
                };
                at = match self.way_on(&instruction) {
                    Way::Next => VirtAddr(instruction.next_ip()),
                    Way::Jump(target) => target,
                    Way::Fork(target) => {
                        paths.push((target, state.clone()));
                        VirtAddr(instruction.next_ip())
                    }
                    Way::Return => match self.returned(&instruction, &state) {
                        Some(caller) => return Some(caller),
                        None => break,
                    },
                    Way::Lost => break,
                };
                state.step(self, &instruction);
                if state.sp().is_none() {
                    break;
                }
            }
        }
        None
    }

    fn way_on(&self, instruction: &Instruction) -> Way {
        let target = VirtAddr(instruction.near_branch_target());
        match instruction.flow_control() {
            FlowControl::Next | FlowControl::IndirectCall => Way::Next,
            FlowControl::Call if self.calls_noreturn(instruction) => Way::Lost,
            FlowControl::Call => Way::Next,
            FlowControl::UnconditionalBranch => Way::Jump(target),
            FlowControl::ConditionalBranch => Way::Fork(target),
            FlowControl::Return => Way::Return,
            _ => Way::Lost,
        }
    }

    fn calls_noreturn(&self, call: &Instruction) -> bool {
        let target = VirtAddr(call.near_branch_target());
        let Some((module, link)) = self.modules.find(target) else {
            return false;
        };
        let function = module.image.function_at(link);
        function.is_some_and(|function| function.entry == link && function.noreturn)
    }

    fn returned(&mut self, instruction: &Instruction, state: &State) -> Option<Caller> {
        let sp = state.sp()?;
        match instruction.mnemonic() {
            Mnemonic::Ret => {
                // As the code leaves it: a thunk puts its target there.
                let pc = VirtAddr(state.load(self, sp.0)?);
                if !self.follows_call(pc) {
                    return None;
                }
                let cfa = sp.checked_add(8)?;
                let registers = super::step::across_call(&state.registers);
                Some(Caller::by_return(cfa, pc, registers, FoundBy::Code))
            }
            Mnemonic::Iretq => {
                let caller = self.interrupted(sp, state.registers).ok()?;
                trap_frame::is_plausible(&caller.frame.registers).then_some(caller)
            }
            _ => None,
        }
    }
}

/// A return address behind its function's end follows a call that does not
/// return: what comes next is another function.
fn stays_in_function(place: &Place<'_, '_>, pc: CodeAddr<VirtAddr>) -> bool {
    let (CodeAddr::Return(at), Some(function)) = (pc, place.function()) else {
        return true;
    };
    place
        .module
        .link_address(at)
        .is_some_and(|link| function.contains(link))
}
