//! The faulting instruction with the values of its operands.

use ukdbg_diagnose::{InstructionFacts, MemoryAccess};
use ukdbg_image::iced_x86::Instruction;
use ukdbg_inspect::{AccessKind, Target, VirtAddr};

use crate::addresses::Known;
use crate::view::{InstructionView, OperandView, Word};
use crate::{disassembly, names};

/// The instruction, its registers, and the memory it touches.
pub(crate) fn view<T: Target>(
    known: &mut Known<'_, '_, T>,
    decoded: &Instruction,
    facts: &InstructionFacts,
) -> InstructionView {
    let registers = facts.registers.iter().map(|used| OperandView {
        text: used.register.name().to_owned(),
        value: used.value.map(Word),
        meaning: used
            .value
            .and_then(|value| names::describe(known, VirtAddr(value))),
    });
    let mut operands: Vec<OperandView> = registers.collect();
    operands.extend(facts.accesses.iter().map(|access| memory(known, access)));
    operands.extend(facts.target.map(|target| OperandView {
        text: "target".to_owned(),
        value: Some(Word(target.0)),
        meaning: names::describe(known, target),
    }));
    InstructionView {
        address: VirtAddr(decoded.ip()),
        text: disassembly::text(known.modules, decoded),
        operands,
    }
}

fn memory<T: Target>(known: &mut Known<'_, '_, T>, access: &MemoryAccess) -> OperandView {
    let kind = match access.kind {
        AccessKind::Read => "read",
        AccessKind::Write => "write",
        AccessKind::Execute => "fetch",
    };
    let text = match access.size {
        0 => format!("{kind} address"),
        1 => format!("{kind} address (1 byte)"),
        size => format!("{kind} address ({size} bytes)"),
    };
    OperandView {
        text,
        value: access.address.map(|address| Word(address.0)),
        meaning: access
            .address
            .and_then(|address| names::describe(known, address)),
    }
}
