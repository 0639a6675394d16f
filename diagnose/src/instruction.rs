//! What the faulting instruction touches: its operands with the values they
//! have in the registers of the fault.

mod alignment;

use serde::Serialize;
use ukdbg_image::iced_x86::{
    Code, FlowControl, Instruction, Mnemonic, OpKind, Register as IcedRegister,
};
use ukdbg_image::{Access, MemoryOperand, memory_operands, register_operands};
use ukdbg_inspect::{AccessKind, Register, Registers, VirtAddr};

/// A memory access that an instruction makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct MemoryAccess {
    /// What it does; a read-modify-write is a write.
    pub kind: AccessKind,
    /// Where; none when a register it needs is not known.
    pub address: Option<VirtAddr>,
    /// Bytes; 0 where the instruction does not say (string and state
    /// instructions).
    pub size: u32,
    /// Through the stack pointer or frame pointer: the processor reports a bad
    /// address as a stack fault.
    pub through_stack: bool,
    /// The register that its address is relative to holds 0.
    pub through_null: bool,
    /// The segment base that is added to its address.
    pub segment: Option<Register>,
}

/// A register that an instruction names, or that goes into an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct RegisterOperand {
    /// The register, as its full 64 bits.
    pub register: Register,
    /// Its value, when known.
    pub value: Option<u64>,
}

/// The faulting instruction, understood.
#[derive(Clone, Debug, Default)]
pub struct InstructionFacts {
    /// Every access to memory, those of the operands first, then the implied
    /// ones of the stack.
    pub accesses: Vec<MemoryAccess>,
    /// Every register it reads by name, each once.
    pub registers: Vec<RegisterOperand>,
    /// Where control goes, when it is an indirect call or jump, or a return.
    pub target: Option<VirtAddr>,
    /// The divisor of a division, signed as the division is, when known.
    pub divisor: Option<i128>,
    /// What the address of its memory operand must be a multiple of, where it
    /// faults otherwise.
    pub alignment: Option<u32>,
    /// It is an undefined instruction by definition (`ud2`): compilers end
    /// what must not be reached with it.
    pub deliberate_trap: Option<&'static str>,
}

impl InstructionFacts {
    /// Looks at an instruction with the registers it met. `load` reads up to
    /// eight bytes of memory, zero-extended.
    pub fn of(
        instruction: &Instruction,
        registers: &Registers,
        mut load: impl FnMut(VirtAddr, u32) -> Option<u64>,
    ) -> Self {
        let operands = memory_operands(instruction);
        Self {
            accesses: operands
                .iter()
                .map(|operand| access(operand, registers))
                .collect(),
            registers: read_registers(instruction, &operands)
                .into_iter()
                .map(|register| RegisterOperand {
                    register,
                    value: registers.get(register),
                })
                .collect(),
            target: target(instruction, registers, &mut load),
            divisor: divisor(instruction, registers, &mut load),
            alignment: alignment::required(instruction),
            deliberate_trap: match instruction.mnemonic() {
                Mnemonic::Ud0 => Some("ud0"),
                Mnemonic::Ud1 => Some("ud1"),
                Mnemonic::Ud2 => Some("ud2"),
                _ => None,
            },
        }
    }

    /// The access that covers an address, for a fault there.
    pub fn access_at(&self, address: VirtAddr, kind: AccessKind) -> Option<&MemoryAccess> {
        let covers = |access: &&MemoryAccess| {
            let start = access.address;
            start.is_some_and(|start| {
                address
                    .offset_from(start)
                    .is_some_and(|offset| offset < u64::from(access.size.max(1)))
            })
        };
        let matching: Vec<&MemoryAccess> = self.accesses.iter().filter(covers).collect();
        let same_kind = matching.iter().find(|access| access.kind == kind);
        same_kind.or_else(|| matching.first()).copied()
    }
}

fn access(operand: &MemoryOperand, registers: &Registers) -> MemoryAccess {
    let kind = if operand.access.writes() {
        AccessKind::Write
    } else {
        AccessKind::Read
    };
    MemoryAccess {
        kind,
        address: operand
            .address(|register| value_of(register, registers))
            .map(VirtAddr),
        size: u32::try_from(operand.size).unwrap_or(0),
        through_stack: operand
            .base
            .and_then(full)
            .is_some_and(|base| matches!(base, Register::Rsp | Register::Rbp)),
        through_null: is_through_null(operand, registers),
        segment: match operand.segment {
            IcedRegister::FS => Some(Register::FsBase),
            IcedRegister::GS => Some(Register::GsBase),
            _ => None,
        },
    }
}

/// Whether the register that an address is relative to is 0. With an index
/// that is not scaled, either of the two can be the reference.
fn is_through_null(operand: &MemoryOperand, registers: &Registers) -> bool {
    let is_zero = |register: Option<IcedRegister>| {
        register.and_then(|register| value_of(register, registers)) == Some(0)
    };
    is_zero(operand.base) || (operand.scale == 1 && is_zero(operand.index))
}

/// Every register that the instruction's text reads, those of addresses
/// included, each once.
fn read_registers(instruction: &Instruction, operands: &[MemoryOperand]) -> Vec<Register> {
    let of_addresses = operands
        .iter()
        .filter(|operand| operand.explicit)
        .flat_map(|operand| [operand.base, operand.index]);
    let of_operands = register_operands(instruction)
        .into_iter()
        .map(|operand| Some(operand.register).filter(|_| operand.access != Some(Access::Write)));
    let mut read: Vec<Register> = Vec::new();
    for register in of_addresses.chain(of_operands).flatten().filter_map(full) {
        if !read.contains(&register) {
            read.push(register);
        }
    }
    read
}

/// A register's value as an operand; for FS and GS the segment's base.
fn value_of(register: IcedRegister, registers: &Registers) -> Option<u64> {
    match register {
        IcedRegister::FS => registers.get(Register::FsBase),
        IcedRegister::GS => registers.get(Register::GsBase),
        _ => {
            let value = registers.get(full(register)?)?;
            Some(match register.size() {
                4 => value & 0xffff_ffff,
                2 => value & 0xffff,
                1 => low_or_high_byte(register, value),
                _ => value,
            })
        }
    }
}

fn low_or_high_byte(register: IcedRegister, value: u64) -> u64 {
    match register {
        IcedRegister::AH | IcedRegister::BH | IcedRegister::CH | IcedRegister::DH => {
            (value >> 8) & 0xff
        }
        _ => value & 0xff,
    }
}

fn full(register: IcedRegister) -> Option<Register> {
    let whole = register.full_register();
    if !whole.is_gpr64() {
        return None;
    }
    // iced orders the 64-bit registers as the instruction encoding does: rax,
    // rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 … r15 (SDM 2A table 2-2).
    const ENCODED: [Register; 16] = [
        Register::Rax,
        Register::Rcx,
        Register::Rdx,
        Register::Rbx,
        Register::Rsp,
        Register::Rbp,
        Register::Rsi,
        Register::Rdi,
        Register::R8,
        Register::R9,
        Register::R10,
        Register::R11,
        Register::R12,
        Register::R13,
        Register::R14,
        Register::R15,
    ];
    ENCODED.get(whole.number()).copied()
}

fn target(
    instruction: &Instruction,
    registers: &Registers,
    load: &mut impl FnMut(VirtAddr, u32) -> Option<u64>,
) -> Option<VirtAddr> {
    match instruction.flow_control() {
        // A far one's target is a selector and an offset.
        FlowControl::IndirectCall | FlowControl::IndirectBranch
            if instruction.is_call_near_indirect() || instruction.is_jmp_near_indirect() =>
        {
            operand(instruction, 0, registers, load).map(VirtAddr)
        }
        FlowControl::Return if is_near_return(instruction) => {
            load(VirtAddr(registers.get(Register::Rsp)?), 8).map(VirtAddr)
        }
        _ => None,
    }
}

fn is_near_return(instruction: &Instruction) -> bool {
    matches!(instruction.code(), Code::Retnq | Code::Retnq_imm16)
}

fn divisor(
    instruction: &Instruction,
    registers: &Registers,
    load: &mut impl FnMut(VirtAddr, u32) -> Option<u64>,
) -> Option<i128> {
    let signed = match instruction.mnemonic() {
        Mnemonic::Div => false,
        Mnemonic::Idiv => true,
        _ => return None,
    };
    let value = operand(instruction, 0, registers, load)?;
    let size = match instruction.op_kind(0) {
        OpKind::Register => instruction.op_register(0).size(),
        _ => instruction.memory_size().size(),
    };
    Some(match (signed, size) {
        (false, _) => value.into(),
        // Truncation takes the operand's own bits, whose sign then counts.
        (true, 1) => (value as i8).into(),
        (true, 2) => (value as i16).into(),
        (true, 4) => (value as i32).into(),
        (true, _) => (value as i64).into(),
    })
}

/// The value of a register or memory operand.
fn operand(
    instruction: &Instruction,
    index: u32,
    registers: &Registers,
    load: &mut impl FnMut(VirtAddr, u32) -> Option<u64>,
) -> Option<u64> {
    match instruction.op_kind(index) {
        OpKind::Register => value_of(instruction.op_register(index), registers),
        OpKind::Memory => {
            let operand = memory_operands(instruction)
                .into_iter()
                .find(|o| o.explicit)?;
            let at = operand.address(|register| value_of(register, registers))?;
            load(VirtAddr(at), u32::try_from(operand.size).ok()?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ukdbg_image::{LinkAddr, decode};
    use ukdbg_inspect::{AccessKind, Register, Registers, VirtAddr};

    use super::InstructionFacts;

    fn facts(code: &[u8], known: &[(Register, u64)]) -> InstructionFacts {
        let mut registers = Registers::default();
        for &(register, value) in known {
            registers.set(register, value);
        }
        let instruction = decode(code, LinkAddr(0x1000)).next().unwrap();
        InstructionFacts::of(&instruction, &registers, |at, _| Some(at.0 + 1))
    }

    #[test]
    fn a_store_is_a_write_at_its_operand() {
        // mov [rdi+rcx*8+0x10], rax
        let facts = facts(
            &[0x48, 0x89, 0x44, 0xcf, 0x10],
            &[
                (Register::Rdi, 0x100),
                (Register::Rcx, 2),
                (Register::Rax, 7),
            ],
        );
        let access = facts.accesses[0];
        assert_eq!(access.kind, AccessKind::Write);
        assert_eq!(access.address, Some(VirtAddr(0x120)));
        assert_eq!(access.size, 8);
        let names: Vec<&str> = facts.registers.iter().map(|r| r.register.name()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(
            facts
                .access_at(VirtAddr(0x127), AccessKind::Write)
                .is_some()
        );
        assert!(
            facts
                .access_at(VirtAddr(0x128), AccessKind::Write)
                .is_none()
        );
    }

    #[test]
    fn an_address_that_needs_an_unknown_register_is_unknown() {
        let facts = facts(&[0x48, 0x8b, 0x07], &[]); // mov rax, [rdi]
        assert_eq!(facts.accesses[0].address, None);
        assert_eq!(facts.registers[0].value, None);
    }

    #[test]
    fn where_control_goes() {
        let call_rax = facts(
            &[0xff, 0xd0],
            &[(Register::Rax, 0xbad), (Register::Rsp, 0x80)],
        );
        assert_eq!(call_rax.target, Some(VirtAddr(0xbad)));
        let call_memory = facts(
            &[0xff, 0x17],
            &[(Register::Rdi, 0x40), (Register::Rsp, 0x80)],
        );
        assert_eq!(call_memory.target, Some(VirtAddr(0x41)));
        let ret = facts(&[0xc3], &[(Register::Rsp, 0x80)]);
        assert_eq!(ret.target, Some(VirtAddr(0x81)));
    }

    #[test]
    fn the_divisor() {
        let by_register = facts(&[0x48, 0xf7, 0xf1], &[(Register::Rcx, 0)]); // div rcx
        assert_eq!(by_register.divisor, Some(0));
        let by_low_byte = facts(&[0xf6, 0xf1], &[(Register::Rcx, 0x1200)]); // div cl
        assert_eq!(by_low_byte.divisor, Some(0));
        let by_memory = facts(&[0xf7, 0x37], &[(Register::Rdi, 4)]); // div dword [rdi]
        assert_eq!(by_memory.divisor, Some(5));
        let signed = facts(&[0xf7, 0xf9], &[(Register::Rcx, 0xffff_ffff)]); // idiv ecx
        assert_eq!(signed.divisor, Some(-1));
        assert_eq!(facts(&[0x90], &[]).divisor, None);
    }

    #[test]
    fn a_push_writes_through_the_stack_pointer() {
        let push = facts(&[0x50], &[(Register::Rsp, 0x1000), (Register::Rax, 1)]);
        assert_eq!(push.accesses[0].address, Some(VirtAddr(0xff8)));
        assert_eq!(push.accesses[0].kind, AccessKind::Write);
        assert!(push.accesses[0].through_stack);
        assert_eq!(facts(&[0x0f, 0x0b], &[]).deliberate_trap, Some("ud2"));
    }
}
