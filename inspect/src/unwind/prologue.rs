//! A caller by the code that has run: from the function's entry to where a
//! frame stands, what was pushed. For functions without call frame
//! information that never return, so that no way out can be followed.

use ukdbg_image::iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register as X86};
use ukdbg_image::{CodeAddr, Function};

use super::step::{Caller, Machine, Place, across_call};
use super::{FoundBy, Frame};
use crate::{Register, VirtAddr};

/// Instructions looked at; what comes later is not a prologue's.
const MOST_INSTRUCTIONS: usize = 1_000;

/// What a function's code up to a frame's place did to its stack.
pub(super) enum Prologue {
    /// Its caller is known by it.
    Caller(Box<Caller>),
    /// It loaded the stack pointer with a constant: nobody called it.
    OwnStack,
    /// Nothing that is known.
    Unknown,
}

/// The stack as a prologue left it.
struct Shape {
    /// Bytes between the stack pointer and the return address.
    depth: u64,
    /// Bytes between the frame pointer and the return address, once it is
    /// set up.
    frame_pointer: Option<u64>,
    /// Registers pushed: how deep the stack was then.
    saved: Vec<(Register, u64)>,
}

impl Machine<'_, '_> {
    /// Reads a function's code from its entry to the frame's place, in
    /// address order; where branches lead is not followed, so the caller must
    /// bear the test of a return address.
    pub(super) fn by_prologue(
        &mut self,
        place: &Place<'_, '_>,
        function: &Function,
        frame: &Frame,
    ) -> Prologue {
        let Some(entry) = place.module.run_address(function.entry) else {
            return Prologue::Unknown;
        };
        let pc = frame.pc.address();
        let mut shape = Shape {
            depth: 0,
            frame_pointer: None,
            saved: Vec::new(),
        };
        let mut at = entry;
        for _ in 0..MOST_INSTRUCTIONS {
            if at >= pc {
                break;
            }
            let Some(instruction) = self.instruction(at) else {
                return Prologue::Unknown;
            };
            match effect(&instruction) {
                Effect::None => {}
                Effect::OwnStack => return Prologue::OwnStack,
                Effect::Lost => return Prologue::Unknown,
                Effect::Down(bytes) => shape.push(bytes, &instruction),
                Effect::Up(bytes) => shape.depth = shape.depth.saturating_sub(bytes),
                Effect::FramePointer => shape.frame_pointer = Some(shape.depth),
            }
            at = VirtAddr(instruction.next_ip());
        }
        if at != pc {
            return Prologue::Unknown;
        }
        self.caller_of(&shape, frame)
            .map_or(Prologue::Unknown, |caller| {
                Prologue::Caller(Box::new(caller))
            })
    }

    fn caller_of(&mut self, shape: &Shape, frame: &Frame) -> Option<Caller> {
        let sp = frame.registers.sp()?;
        let slot = match shape.frame_pointer {
            Some(above) => self.frame_pointer(frame)?.checked_add(above)?,
            None => sp.checked_add(shape.depth)?,
        };
        let pc = VirtAddr(self.read_word(slot).ok()?);
        if slot < sp || !self.same_stack(slot, sp) || !self.follows_call(pc) {
            return None;
        }
        let mut registers = match frame.pc {
            CodeAddr::Exact(_) if shape.depth == 0 => frame.registers,
            _ => across_call(&frame.registers),
        };
        for &(register, depth) in &shape.saved {
            let saved = slot.checked_sub(depth)?;
            match self.read_word(saved) {
                Ok(word) => registers.set(register, word),
                Err(_) => registers.clear(register),
            }
        }
        let cfa = slot.checked_add(self.word.size())?;
        Some(Caller::by_return(cfa, pc, registers, FoundBy::Code))
    }

    /// Whether a function begins by setting up a frame pointer, before `pc`.
    pub(super) fn keeps_frame_pointer(
        &mut self,
        place: &Place<'_, '_>,
        function: &Function,
        pc: VirtAddr,
    ) -> bool {
        /// `endbr64`, pushes of arguments, `push rbp`, `mov rbp, rsp`.
        const BEFORE: usize = 4;
        let Some(mut at) = place.module.run_address(function.entry) else {
            return false;
        };
        for _ in 0..BEFORE {
            let Some(instruction) = self.instruction(at) else {
                return false;
            };
            at = VirtAddr(instruction.next_ip());
            if at > pc {
                return false;
            }
            if let Effect::FramePointer = effect(&instruction) {
                return true;
            }
        }
        false
    }
}

impl Shape {
    fn push(&mut self, bytes: u64, instruction: &Instruction) {
        self.depth = self.depth.saturating_add(bytes);
        let pushed = match (instruction.mnemonic(), instruction.op0_register()) {
            (Mnemonic::Push, X86::RBP | X86::EBP) => Register::Rbp,
            (Mnemonic::Push, X86::RBX) => Register::Rbx,
            (Mnemonic::Push, X86::R12) => Register::R12,
            (Mnemonic::Push, X86::R13) => Register::R13,
            (Mnemonic::Push, X86::R14) => Register::R14,
            (Mnemonic::Push, X86::R15) => Register::R15,
            _ => return,
        };
        // Only the first push is the caller's value.
        if self.saved.iter().all(|(register, _)| *register != pushed) {
            self.saved.push((pushed, self.depth));
        }
    }
}

/// What one instruction does to the stack.
enum Effect {
    None,
    /// The stack pointer goes down by that many bytes.
    Down(u64),
    /// It goes up.
    Up(u64),
    /// The frame pointer is set to the stack pointer.
    FramePointer,
    /// The stack pointer is set to a constant.
    OwnStack,
    /// The stack pointer is changed in a way that is not understood.
    Lost,
}

fn effect(instruction: &Instruction) -> Effect {
    let target = instruction.op0_register();
    let to_sp = instruction.op_count() > 0
        && instruction.op0_kind() == OpKind::Register
        && matches!(target, X86::RSP | X86::ESP);
    let constant = instruction
        .try_immediate(1)
        .ok()
        .filter(|_| instruction.op_count() == 2);
    match instruction.mnemonic() {
        // A call's own push is undone by its return; an early return's pops
        // are behind a branch.
        Mnemonic::Call => Effect::None,
        Mnemonic::Mov
            if matches!(target, X86::RBP | X86::EBP)
                && matches!(instruction.op1_register(), X86::RSP | X86::ESP) =>
        {
            Effect::FramePointer
        }
        Mnemonic::Mov if to_sp && constant.is_some() => Effect::OwnStack,
        Mnemonic::Lea if to_sp && matches!(instruction.memory_base(), X86::RIP | X86::None) => {
            Effect::OwnStack
        }
        Mnemonic::Sub if to_sp => constant.map_or(Effect::Lost, Effect::Down),
        Mnemonic::Add if to_sp => constant.map_or(Effect::Lost, Effect::Up),
        // Found from the frame pointer if at all.
        Mnemonic::And if to_sp => Effect::None,
        _ if to_sp => Effect::Lost,
        _ if instruction.flow_control() == FlowControl::Return => Effect::Lost,
        _ if instruction.is_stack_instruction() => match instruction.stack_pointer_increment() {
            change if change < 0 => Effect::Down(change.unsigned_abs().into()),
            change => Effect::Up(change.unsigned_abs().into()),
        },
        _ => Effect::None,
    }
}
