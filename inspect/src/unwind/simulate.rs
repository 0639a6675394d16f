//! A few instructions, carried out on known registers only: enough to see
//! what a function's code does to the stack pointer and to saved registers.
//! Not an emulator: whatever is not understood makes its results unknown.

use ukdbg_image::iced_x86::{
    Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register as X86,
};

use super::step::{CALLER_SAVED, Machine};
use crate::{Register, Registers, VirtAddr};

/// Registers, and the words written on the way.
#[derive(Clone)]
pub(super) struct State {
    pub(super) registers: Registers,
    /// Newest last; none for a word whose value is not known.
    writes: Vec<(u64, Option<u64>)>,
}

/// Writes remembered; a function that stores more hides nothing from a
/// backtrace, since its saved registers come first.
const MOST_WRITES: usize = 64;

impl State {
    pub(super) fn new(registers: Registers) -> Self {
        Self {
            registers,
            writes: Vec::new(),
        }
    }

    pub(super) fn sp(&self) -> Option<VirtAddr> {
        self.registers.sp()
    }

    /// A word of memory as the code would see it now.
    pub(super) fn load(&self, machine: &mut Machine<'_, '_>, at: u64) -> Option<u64> {
        match self.writes.iter().rev().find(|(written, _)| *written == at) {
            Some((_, word)) => *word,
            None => machine.read_u64(VirtAddr(at)).ok(),
        }
    }

    fn store(&mut self, at: u64, word: Option<u64>) {
        if self.writes.len() < MOST_WRITES {
            self.writes.push((at, word));
        }
    }

    fn set(&mut self, register: Register, value: Option<u64>) {
        match value {
            Some(value) => self.registers.set(register, value),
            None => self.registers.clear(register),
        }
    }

    fn push(&mut self, word: Option<u64>) {
        let sp = self.registers.get(Register::Rsp);
        let sp = sp.and_then(|sp| sp.checked_sub(8));
        self.set(Register::Rsp, sp);
        if let Some(sp) = sp {
            self.store(sp, word);
        }
    }

    fn pop(&mut self, machine: &mut Machine<'_, '_>) -> Option<u64> {
        let sp = self.registers.get(Register::Rsp);
        let word = sp.and_then(|sp| self.load(machine, sp));
        self.set(Register::Rsp, sp.and_then(|sp| sp.checked_add(8)));
        word
    }

    /// Carries out one instruction that does not branch. A call is taken to
    /// return, with what it may change unknown.
    pub(super) fn step(&mut self, machine: &mut Machine<'_, '_>, instruction: &Instruction) {
        match instruction.mnemonic() {
            Mnemonic::Push => {
                let word = self.operand(machine, instruction, 0);
                self.push(word);
            }
            Mnemonic::Pushfq => self.push(None),
            Mnemonic::Pop => {
                let word = self.pop(machine);
                self.write_operand(instruction, word);
            }
            Mnemonic::Popfq => {
                self.pop(machine);
            }
            Mnemonic::Leave => {
                let rbp = self.registers.get(Register::Rbp);
                self.set(Register::Rsp, rbp);
                let word = self.pop(machine);
                self.set(Register::Rbp, word);
            }
            Mnemonic::Mov => {
                let value = self.operand(machine, instruction, 1);
                self.write_operand(instruction, value);
            }
            Mnemonic::Lea => {
                let value = self.address(instruction);
                self.write_operand(instruction, value);
            }
            Mnemonic::Add | Mnemonic::Sub | Mnemonic::And => {
                let value = self.arithmetic(machine, instruction);
                self.write_operand(instruction, value);
            }
            Mnemonic::Call => {
                for register in CALLER_SAVED {
                    self.registers.clear(register);
                }
            }
            _ => self.forget_written(instruction),
        }
    }

    fn arithmetic(&self, machine: &mut Machine<'_, '_>, instruction: &Instruction) -> Option<u64> {
        let left = self.operand(machine, instruction, 0)?;
        let right = self.operand(machine, instruction, 1)?;
        Some(match instruction.mnemonic() {
            Mnemonic::Add => left.wrapping_add(right),
            Mnemonic::Sub => left.wrapping_sub(right),
            _ => left & right,
        })
    }

    /// The 64-bit value of an operand.
    fn operand(
        &self,
        machine: &mut Machine<'_, '_>,
        instruction: &Instruction,
        index: u32,
    ) -> Option<u64> {
        match instruction.op_kind(index) {
            OpKind::Register => self.registers.get(full(instruction.op_register(index))?),
            OpKind::Memory if instruction.memory_size().size() == 8 => {
                let at = self.address(instruction)?;
                self.load(machine, at)
            }
            OpKind::Memory => None,
            _ => instruction.try_immediate(index).ok(),
        }
    }

    /// Writes the first operand. Anything but a whole register or word makes
    /// its contents unknown.
    fn write_operand(&mut self, instruction: &Instruction, value: Option<u64>) {
        match instruction.op_kind(0) {
            OpKind::Register => match full(instruction.op_register(0)) {
                Some(register) => self.set(register, value),
                None => self.forget_written(instruction),
            },
            OpKind::Memory => {
                if let Some(at) = self.address(instruction) {
                    let whole = instruction.memory_size().size() == 8;
                    self.store(at, value.filter(|_| whole));
                }
            }
            _ => {}
        }
    }

    /// The address of the memory operand: no segment, known registers.
    fn address(&self, instruction: &Instruction) -> Option<u64> {
        if matches!(instruction.memory_segment(), X86::FS | X86::GS) {
            return None;
        }
        let base = match instruction.memory_base() {
            // The displacement is the whole address already.
            X86::None | X86::RIP => 0,
            base => self.registers.get(full(base)?)?,
        };
        let index = match instruction.memory_index() {
            X86::None => 0,
            index => self.registers.get(full(index)?)?,
        };
        let scaled = index.wrapping_mul(instruction.memory_index_scale().into());
        let at = base.wrapping_add(scaled);
        Some(at.wrapping_add(instruction.memory_displacement64()))
    }

    fn forget_written(&mut self, instruction: &Instruction) {
        let mut factory = InstructionInfoFactory::new();
        for used in factory.info(instruction).used_registers() {
            let written = matches!(
                used.access(),
                OpAccess::Write
                    | OpAccess::ReadWrite
                    | OpAccess::CondWrite
                    | OpAccess::ReadCondWrite
            );
            if let Some(register) = full(used.register().full_register()).filter(|_| written) {
                self.registers.clear(register);
            }
        }
    }
}

/// Our name of a whole 64-bit register.
fn full(register: X86) -> Option<Register> {
    Some(match register {
        X86::RAX => Register::Rax,
        X86::RBX => Register::Rbx,
        X86::RCX => Register::Rcx,
        X86::RDX => Register::Rdx,
        X86::RSI => Register::Rsi,
        X86::RDI => Register::Rdi,
        X86::RBP => Register::Rbp,
        X86::RSP => Register::Rsp,
        X86::R8 => Register::R8,
        X86::R9 => Register::R9,
        X86::R10 => Register::R10,
        X86::R11 => Register::R11,
        X86::R12 => Register::R12,
        X86::R13 => Register::R13,
        X86::R14 => Register::R14,
        X86::R15 => Register::R15,
        _ => return None,
    })
}
