//! Which memory and registers an instruction reads and writes, and where that
//! memory is.

use iced_x86::{Instruction, InstructionInfoFactory, OpAccess, OpKind, Register, UsedMemory};
use serde::Serialize;

/// What is done to an operand. A conditional access counts as one that is
/// made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It is read.
    Read,
    /// It is written.
    Write,
    /// It is read, then written.
    ReadWrite,
}

impl Access {
    fn of(access: OpAccess) -> Option<Self> {
        match access {
            OpAccess::Read | OpAccess::CondRead => Some(Self::Read),
            OpAccess::Write | OpAccess::CondWrite => Some(Self::Write),
            OpAccess::ReadWrite | OpAccess::ReadCondWrite => Some(Self::ReadWrite),
            OpAccess::None | OpAccess::NoMemAccess => None,
        }
    }

    /// Whether it writes.
    pub fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }
}

/// Memory that an instruction touches.
#[derive(Clone, PartialEq, Debug)]
pub struct MemoryOperand {
    /// Base register, `rip` for a place relative to the instruction.
    pub base: Option<Register>,
    /// Index register.
    pub index: Option<Register>,
    /// What the index is multiplied by.
    pub scale: u32,
    /// Added to base and index; with `rip` as the base the address itself.
    pub displacement: u64,
    /// The segment; `fs` and `gs` have a base of their own.
    pub segment: Register,
    /// Bytes touched; 0 when the instruction does not fix it (`fxsave`).
    pub size: usize,
    /// Read or written.
    pub access: Access,
    /// Written in the instruction's text, unlike what `push` and `call` do
    /// to the stack.
    pub explicit: bool,
    used: UsedMemory,
}

impl MemoryOperand {
    /// The address, given the registers' values: for `fs` and `gs` the
    /// segment's base. None when a value is missing, or for several addresses
    /// at once (gathers).
    pub fn address(&self, mut register: impl FnMut(Register) -> Option<u64>) -> Option<u64> {
        if self.index.is_some_and(Register::is_vector_register) {
            return None;
        }
        self.used.virtual_address(0, |wanted, _, _| match wanted {
            // Flat in long mode (SDM volume 1, 3.4.2.1).
            Register::CS | Register::DS | Register::ES | Register::SS => Some(0),
            wanted => register(wanted),
        })
    }
}

/// A register written in an instruction's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegisterOperand {
    /// The register.
    pub register: Register,
    /// Read or written; none when neither (`nop eax`).
    pub access: Option<Access>,
}

/// The memory an instruction touches, implied accesses included, in the order
/// of its operands. What it only computes the address of (`lea`) is not
/// touched.
pub fn memory_operands(instruction: &Instruction) -> Vec<MemoryOperand> {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let operands = info.used_memory().iter().filter_map(|used| {
        let present = |register| (register != Register::None).then_some(register);
        let relative = instruction.is_ip_rel_memory_operand()
            && used.base() == Register::None
            && used.displacement() == instruction.ip_rel_memory_address();
        Some(MemoryOperand {
            base: if relative {
                Some(Register::RIP)
            } else {
                present(used.base())
            },
            index: present(used.index()),
            scale: used.scale(),
            displacement: used.displacement(),
            segment: used.segment(),
            size: used.memory_size().size(),
            access: Access::of(used.access())?,
            explicit: is_explicit(instruction, used),
            used: *used,
        })
    });
    operands.collect()
}

fn is_explicit(instruction: &Instruction, used: &UsedMemory) -> bool {
    (0..instruction.op_count()).any(|operand| match instruction.op_kind(operand) {
        OpKind::Memory => {
            let base = instruction.memory_base();
            let relative = base == Register::RIP || base == Register::EIP;
            (used.base() == base || relative)
                && used.index() == instruction.memory_index()
                && used.displacement() == instruction.memory_displacement64()
        }
        OpKind::MemorySegSI | OpKind::MemorySegESI | OpKind::MemorySegRSI => {
            used.base().full_register() == Register::RSI
        }
        OpKind::MemorySegDI
        | OpKind::MemorySegEDI
        | OpKind::MemorySegRDI
        | OpKind::MemoryESDI
        | OpKind::MemoryESEDI
        | OpKind::MemoryESRDI => used.base().full_register() == Register::RDI,
        _ => false,
    })
}

/// The registers in an instruction's text, in the order of its operands;
/// those that an address is made of are part of [`MemoryOperand`].
pub fn register_operands(instruction: &Instruction) -> Vec<RegisterOperand> {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let operands = (0..instruction.op_count())
        .filter(|&operand| instruction.op_kind(operand) == OpKind::Register)
        .map(|operand| RegisterOperand {
            register: instruction.op_register(operand),
            access: Access::of(info.op_access(operand)),
        });
    operands.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkAddr;
    use crate::instruction::decode;

    fn instruction(code: &[u8]) -> Instruction {
        decode(code, LinkAddr(0x1000))
            .next()
            .expect("an instruction")
    }

    fn registers(register: Register) -> Option<u64> {
        match register {
            Register::RAX => Some(0x10),
            Register::RBX => Some(0x2000),
            Register::RSP => Some(0x8000),
            Register::RSI => Some(0x3000),
            Register::RDI => Some(0x4000),
            Register::GS => Some(0x50_0000),
            _ => None,
        }
    }

    /// Access, size, address and explicitness of each memory operand.
    #[track_caller]
    fn check(code: &[u8], expected: &[(Access, usize, Option<u64>, bool)]) {
        let operands = memory_operands(&instruction(code));
        let operands: Vec<_> = operands
            .iter()
            .map(|operand| {
                (
                    operand.access,
                    operand.size,
                    operand.address(registers),
                    operand.explicit,
                )
            })
            .collect();
        assert_eq!(operands, expected, "{}", instruction(code));
    }

    #[test]
    fn memory() {
        use Access::{Read, ReadWrite, Write};
        // mov rax, [rbx+rax*4+8]
        check(
            &[0x48, 0x8b, 0x44, 0x83, 0x08],
            &[(Read, 8, Some(0x2048), true)],
        );
        // mov [rbx], al
        check(&[0x88, 0x03], &[(Write, 1, Some(0x2000), true)]);
        // add dword ptr [rbx], eax
        check(&[0x01, 0x03], &[(ReadWrite, 4, Some(0x2000), true)]);
        // mov rax, [rip+0x10]
        check(
            &[0x48, 0x8b, 0x05, 0x10, 0, 0, 0],
            &[(Read, 8, Some(0x1017), true)],
        );
        // mov rax, gs:[8]
        check(
            &[0x65, 0x48, 0x8b, 0x04, 0x25, 8, 0, 0, 0],
            &[(Read, 8, Some(0x50_0008), true)],
        );
        // push rax; call rax
        check(&[0x50], &[(Write, 8, Some(0x7ff8), false)]);
        check(&[0xff, 0xd0], &[(Write, 8, Some(0x7ff8), false)]);
        // movsb
        check(
            &[0xa4],
            &[
                (Write, 1, Some(0x4000), true),
                (Read, 1, Some(0x3000), true),
            ],
        );
        // lea rax, [rbx]; nop
        check(&[0x48, 0x8d, 0x03], &[]);
        check(&[0x90], &[]);
        // mov rax, [rcx], with rcx unknown
        check(&[0x48, 0x8b, 0x01], &[(Read, 8, None, true)]);
    }

    #[test]
    fn relative_memory_has_rip_as_its_base() {
        let operands = memory_operands(&instruction(&[0x48, 0x8b, 0x05, 0x10, 0, 0, 0]));
        assert_eq!(operands[0].base, Some(Register::RIP));
    }

    #[test]
    fn registers_of_the_text() {
        let found = register_operands(&instruction(&[0x48, 0x01, 0xd8]));
        let expected = [
            (Register::RAX, Access::ReadWrite),
            (Register::RBX, Access::Read),
        ];
        let expected = expected.map(|(register, access)| RegisterOperand {
            register,
            access: Some(access),
        });
        assert_eq!(found, expected);
    }
}
