//! How large an index can be: by the comparison that every way to the jump
//! passes, or by the mask that made it.

use iced_x86::{ConditionCode, FlowControl, Instruction, Mnemonic, OpKind};

use super::value::{Affine, Origin, Since, Value};
use super::view::View;
use crate::EdgeKind;

/// Blocks between a jump and its comparison.
const MAX_BLOCKS: usize = 32;

impl View<'_, '_> {
    /// The largest value of a table's index at the `count`-th instruction of a
    /// block, if anything bounds it.
    pub(super) fn bound(&self, mut block: usize, count: usize, table: &Affine) -> Option<u64> {
        let index = Index {
            origin: table.origin,
            width: table.width.min(table.origin.natural),
        };
        let jump_block = block;
        for _ in 0..MAX_BLOCKS {
            // With one way in, whatever decided for that way holds here.
            let [(from, kind)] = self.before(block) else {
                break;
            };
            if let Some(bound) = self.decided(*from, kind, &index) {
                return Some(bound);
            }
            block = *from;
        }
        self.made(jump_block, count, &index)
    }

    /// What a branch that was taken, or not, says of an index.
    fn decided(&self, block: usize, kind: &EdgeKind, index: &Index) -> Option<u64> {
        let instructions = self.instructions(block);
        let (branch, before) = instructions.split_last()?;
        let holds = match kind {
            EdgeKind::Taken => branch.condition_code(),
            EdgeKind::NotTaken => negated(branch),
            _ => return None,
        };
        // A callee leaves no flags to rely on (System V psABI, 3.2.1).
        let number = before.iter().rposition(|instruction| {
            instruction.rflags_modified() != 0 || instruction.flow_control() != FlowControl::Next
        })?;
        let compare = &before[number];
        if compare.mnemonic() != Mnemonic::Cmp {
            return None;
        }
        let (value, bits) = match compare.op0_kind() {
            OpKind::Register => {
                let register = compare.op0_register();
                let value = self.register(register, block, number);
                (value, 8 * register.size() as u32)
            }
            OpKind::Memory => {
                let bits = 8 * compare.memory_size().size() as u32;
                (self.slot(compare, block, number, bits), bits)
            }
            _ => return None,
        };
        let Value::Affine(compared) = value else {
            return None;
        };
        let same = (compared.base, compared.scale) == (0, 1) && compared.origin == index.origin;
        // The comparison must see all bits of the index.
        if !same || index.width > bits {
            return None;
        }
        limit(holds, immediate(compare, bits)?)
    }

    /// What the instruction that made an index leaves of it.
    fn made(&self, mut block: usize, mut count: usize, index: &Index) -> Option<u64> {
        let Since::Instruction(address) = index.origin.since else {
            return None;
        };
        for _ in 0..MAX_BLOCKS {
            let instructions = self.instructions(block);
            let before = instructions.get(..count)?;
            if let Some(number) = before.iter().position(|made| made.ip() == address) {
                return masked(&before[number], index)
                    .or_else(|| self.clamped(block, number, index));
            }
            let [(from, _)] = self.before(block) else {
                return None;
            };
            block = *from;
            count = self.instructions(block).len();
        }
        None
    }

    /// A conditional move that replaces all larger values by a constant.
    fn clamped(&self, block: usize, number: usize, index: &Index) -> Option<u64> {
        let instructions = self.instructions(block);
        let made = instructions.get(number)?;
        let registers = made.op0_kind() == OpKind::Register && made.op1_kind() == OpKind::Register;
        let holds = made.condition_code();
        if !registers || !is_conditional_move(made) || holds == ConditionCode::None {
            return None;
        }
        let before = &instructions[..number];
        // Moves of constants may stand between, which leave the flags.
        let compare = before
            .iter()
            .rposition(|instruction| instruction.rflags_modified() != 0)?;
        let (compared, against) = self.comparison(&before[compare], block, compare)?;
        let mut values = [made.op1_register(), made.op0_register()]
            .map(|register| self.register(register, block, number));
        let mut holds = [holds, negated(made)];
        // The constant second.
        if matches!(values[0], Value::Constant(_)) {
            values.reverse();
            holds.reverse();
        }
        let [Value::Affine(kept), Value::Constant(other)] = values else {
            return None;
        };
        let same = (kept.base, kept.scale) == (0, 1) && kept.origin == compared.origin;
        let bits = 8 * before[compare].op0_register().size() as u32;
        if !same || kept.width.min(index.width) > bits {
            return None;
        }
        Some(limit(holds[0], against)?.max(other))
    }

    /// What a comparison compares, from its lowest bit on, and with which
    /// number.
    fn comparison(
        &self,
        compare: &Instruction,
        block: usize,
        number: usize,
    ) -> Option<(Affine, u64)> {
        let is_register =
            compare.mnemonic() == Mnemonic::Cmp && compare.op0_kind() == OpKind::Register;
        if !is_register {
            return None;
        }
        let register = compare.op0_register();
        match self.register(register, block, number) {
            Value::Affine(compared) if (compared.base, compared.scale) == (0, 1) => {
                let bits = 8 * register.size() as u32;
                Some((compared, immediate(compare, bits)?))
            }
            _ => None,
        }
    }
}

fn is_conditional_move(instruction: &Instruction) -> bool {
    matches!(
        instruction.mnemonic(),
        Mnemonic::Cmova | Mnemonic::Cmovae | Mnemonic::Cmovb | Mnemonic::Cmovbe
    )
}

/// The mask that an index was made with.
fn masked(made: &Instruction, index: &Index) -> Option<u64> {
    let is_mask = made.mnemonic() == Mnemonic::And && made.op0_kind() == OpKind::Register;
    let bits = 8 * made.op0_register().size() as u32;
    // A narrow mask leaves the bits above as they were.
    match is_mask && index.width <= bits {
        true => immediate(made, bits),
        false => None,
    }
}

/// The largest number that a condition leaves.
fn limit(holds: ConditionCode, against: u64) -> Option<u64> {
    match holds {
        ConditionCode::be => Some(against),
        ConditionCode::b => against.checked_sub(1),
        _ => None,
    }
}

/// The low bits of an origin.
struct Index {
    origin: Origin,
    width: u32,
}

/// The condition that holds when a branch is not taken.
fn negated(branch: &Instruction) -> ConditionCode {
    let mut negated = *branch;
    negated.negate_condition_code();
    negated.condition_code()
}

/// The second operand as an unsigned number of some bits.
fn immediate(instruction: &Instruction, bits: u32) -> Option<u64> {
    if matches!(instruction.op1_kind(), OpKind::Register | OpKind::Memory) {
        return None;
    }
    let value = instruction.try_immediate(1).ok()?;
    Some(match bits {
        64 => value,
        _ => value & ((1 << bits) - 1),
    })
}
