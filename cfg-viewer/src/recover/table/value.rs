//! What a register holds at a place, as far as the code before it tells: a
//! constant, a table's entry, or some origin that is only known to be the same
//! value wherever it is met.

use std::collections::HashSet;

use iced_x86::{Instruction, MemorySize, Mnemonic, OpKind, Register};

use super::view::View;

/// What a register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// A number, or an address.
    Constant(u64),
    /// A number that depends on an index.
    Affine(Affine),
    /// What memory holds at an address that depends on an index; so many
    /// bytes, not extended (4) or a whole register (8).
    Loaded(Affine, u64),
    /// The same, 4 bytes, sign-extended.
    Signed(Affine),
    /// A constant plus a sign-extended entry.
    Relative(u64, Affine),
    /// What it held before on a way that was looked at already.
    Same,
    /// Anything else.
    Unknown,
}

/// `base + scale * index`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Affine {
    pub(super) base: u64,
    pub(super) scale: u64,
    pub(super) origin: Origin,
    /// The index is these low bits of the origin.
    pub(super) width: u32,
}

/// A value, by where it comes from. Two that are equal are the same value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    pub(super) place: Place,
    pub(super) since: Since,
    /// All bits above these are zero.
    pub(super) natural: u32,
}

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Register(Register),
    /// In the frame, at a distance from rbp or rsp.
    Slot(Register, u64),
}

/// Since when a place has held a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Since {
    /// Since the instruction at this address.
    Instruction(u64),
    /// Since the start of this block.
    Block(usize),
}

/// The way a question has come so far.
#[derive(Clone, Default)]
struct Visited {
    /// Blocks entered for a register: to meet one again is a loop.
    entered: HashSet<(usize, Register)>,
    /// Definitions looked into.
    depth: u32,
}

impl Visited {
    /// Notes a block.
    fn enter(&mut self, block: usize, register: Register) -> Entered {
        match self.entered.insert((block, register)) {
            false => Entered::Again,
            true if self.entered.len() > MAX_ENTERED => Entered::TooFar,
            true => Entered::First,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entered {
    First,
    Again,
    TooFar,
}

/// Blocks that one question enters.
const MAX_ENTERED: usize = 256;

/// Definitions that one question looks into.
const MAX_DEPTH: u32 = 32;

impl View<'_, '_> {
    /// Where an indirect jump, the `count`-th instruction of a block, goes.
    pub(super) fn jump_target(&self, block: usize, count: usize) -> Value {
        let instructions = self.instructions(block);
        let Some(jump) = instructions.get(count) else {
            return Value::Unknown;
        };
        match jump.op0_kind() {
            OpKind::Register => self.register(jump.op0_register(), block, count),
            OpKind::Memory => match self.address(jump, block, count, &Visited::default()) {
                Value::Affine(affine) => Value::Loaded(affine, 8),
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    /// What a register holds before the `count`-th instruction of a block.
    pub(super) fn register(&self, register: Register, block: usize, count: usize) -> Value {
        self.value(register, block, count, &mut Visited::default())
    }

    /// As [`Self::register`], for any width: narrower than 64 bits it is the
    /// low bits that are meant.
    fn value(
        &self,
        register: Register,
        mut block: usize,
        count: usize,
        visited: &mut Visited,
    ) -> Value {
        let full = register.full_register();
        let mut instructions = self.instructions(block);
        let mut count = count;
        loop {
            while let Some(number) = count.checked_sub(1) {
                if !self.spend() {
                    return Value::Unknown;
                }
                let instruction = &instructions[number];
                if self.changes(instruction, full) {
                    let value = self.defined(instruction, full, block, number, visited);
                    return narrowed(value, register);
                }
                count = number;
            }
            match self.before(block) {
                [(only, _)] => match visited.enter(block, full) {
                    Entered::First => {
                        block = *only;
                        instructions = self.instructions(block);
                        count = instructions.len();
                    }
                    Entered::Again => return Value::Same,
                    Entered::TooFar => return Value::Unknown,
                },
                _ => return narrowed(self.joined(full, block, visited), register),
            }
        }
    }

    /// What a register holds at the start of a block with several ways in, or
    /// none that is known: a constant when all agree.
    fn joined(&self, register: Register, block: usize, visited: &mut Visited) -> Value {
        let before = self.before(block);
        let origin = opaque(Place::Register(register), Since::Block(block), 64);
        if before.is_empty() {
            return origin;
        }
        match visited.enter(block, register) {
            Entered::First => {}
            Entered::Again => return Value::Same,
            Entered::TooFar => return Value::Unknown,
        }
        let mut agreed = None;
        for &(from, _) in before {
            let count = self.instructions(from).len();
            match self.value(register, from, count, visited) {
                Value::Same => {}
                Value::Constant(value) if agreed.is_none_or(|agreed| agreed == value) => {
                    agreed = Some(value);
                }
                _ => return origin,
            }
        }
        // Nothing but loops: as it was where they were entered.
        agreed.map_or(Value::Same, Value::Constant)
    }

    /// What an instruction, the `number`-th of a block, leaves in a register
    /// that it changes.
    fn defined(
        &self,
        instruction: &Instruction,
        register: Register,
        block: usize,
        number: usize,
        visited: &mut Visited,
    ) -> Value {
        visited.depth += 1;
        let whole = instruction.op0_kind() == OpKind::Register
            && instruction.op0_register().full_register() == register
            && instruction.op0_register().size() >= 4;
        let bits = match whole {
            true => 8 * instruction.op0_register().size() as u32,
            false => 64,
        };
        let since = Since::Instruction(instruction.ip());
        let natural = match (instruction.mnemonic(), instruction.op1_kind()) {
            (Mnemonic::Movzx, OpKind::Memory) => 8 * instruction.memory_size().size() as u32,
            _ => bits,
        };
        let other = opaque(Place::Register(register), since, natural);
        let value = match instruction.mnemonic() {
            _ if visited.depth > MAX_DEPTH => Value::Unknown,
            Mnemonic::Cdqe => signed(self.value(register, block, number, visited)),
            _ if !whole => Value::Unknown,
            Mnemonic::Lea => self.address(instruction, block, number, visited),
            Mnemonic::Mov | Mnemonic::Movzx => self.moved(instruction, block, number, visited),
            Mnemonic::Movsxd => signed(self.moved(instruction, block, number, visited)),
            Mnemonic::Add => {
                let to = self.value(register, block, number, &mut visited.clone());
                added(to, self.operand(instruction, block, number, visited))
            }
            Mnemonic::Shl if instruction.op1_kind() == OpKind::Immediate8 && bits == 64 => {
                let scale = 1_u64.checked_shl(instruction.immediate8().into());
                let value = self.value(register, block, number, visited);
                scale.map_or(Value::Unknown, |scale| scaled(value, scale))
            }
            _ => Value::Unknown,
        };
        match narrowed_to(value, bits) {
            Value::Unknown => other,
            // Not a plain copy of what it held.
            Value::Same if instruction.mnemonic() != Mnemonic::Mov || bits != 64 => other,
            value => value,
        }
    }

    /// The source operand of a move.
    fn moved(
        &self,
        instruction: &Instruction,
        block: usize,
        number: usize,
        visited: &mut Visited,
    ) -> Value {
        if instruction.op1_kind() != OpKind::Memory {
            return self.operand(instruction, block, number, visited);
        }
        let bits = 8 * instruction.memory_size().size() as u32;
        match self.address(instruction, block, number, visited) {
            Value::Affine(table) if table.scale == 8 && bits == 64 => Value::Loaded(table, 8),
            Value::Affine(table) if table.scale == 4 && bits == 32 => Value::Loaded(table, 4),
            _ => self.slot(instruction, block, number, bits),
        }
    }

    /// An operand that is a register or a number.
    fn operand(
        &self,
        instruction: &Instruction,
        block: usize,
        number: usize,
        visited: &mut Visited,
    ) -> Value {
        match instruction.op1_kind() {
            OpKind::Register if !is_high_byte(instruction.op1_register()) => {
                self.value(instruction.op1_register(), block, number, visited)
            }
            OpKind::Register | OpKind::Memory => Value::Unknown,
            _ => instruction
                .try_immediate(1)
                .map_or(Value::Unknown, Value::Constant),
        }
    }

    /// A variable in the frame.
    pub(super) fn slot(
        &self,
        instruction: &Instruction,
        mut block: usize,
        count: usize,
        bits: u32,
    ) -> Value {
        let base = instruction.memory_base();
        let is_slot = matches!(base, Register::RBP | Register::RSP)
            && instruction.memory_index() == Register::None
            && instruction.memory_size() != MemorySize::Unknown;
        if !is_slot {
            return Value::Unknown;
        }
        let place = Place::Slot(base, instruction.memory_displacement64());
        let mut instructions = self.instructions(block);
        let mut count = count;
        let mut blocks = 0;
        loop {
            while let Some(number) = count.checked_sub(1) {
                let before = &instructions[number];
                if !self.spend() {
                    return Value::Unknown;
                }
                if self.stores(before) || self.changes(before, base) {
                    return opaque(place, Since::Instruction(before.ip()), bits);
                }
                count = number;
            }
            match self.before(block) {
                [(only, _)] if blocks < 16 => block = *only,
                _ => return opaque(place, Since::Block(block), bits),
            }
            instructions = self.instructions(block);
            count = instructions.len();
            blocks += 1;
        }
    }

    /// The address that an instruction's memory operand names.
    fn address(
        &self,
        instruction: &Instruction,
        block: usize,
        number: usize,
        visited: &Visited,
    ) -> Value {
        let displacement = instruction.memory_displacement64();
        if instruction.is_ip_rel_memory_operand() {
            return Value::Constant(displacement);
        }
        let far = matches!(instruction.memory_segment(), Register::FS | Register::GS);
        let mut sum = Value::Constant(displacement);
        for (register, scale) in [
            (instruction.memory_base(), 1),
            (instruction.memory_index(), instruction.memory_index_scale()),
        ] {
            if register != Register::None {
                let value = match register.size() {
                    8 if !far => self.value(register, block, number, &mut visited.clone()),
                    _ => Value::Unknown,
                };
                sum = added(sum, scaled(value, scale.into()));
            }
        }
        sum
    }
}

fn opaque(place: Place, since: Since, natural: u32) -> Value {
    Value::Affine(Affine {
        base: 0,
        scale: 1,
        origin: Origin {
            place,
            since,
            natural,
        },
        width: natural,
    })
}

fn added(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Constant(a), Value::Constant(b)) => Value::Constant(a.wrapping_add(b)),
        (Value::Constant(constant), Value::Affine(affine))
        | (Value::Affine(affine), Value::Constant(constant)) => Value::Affine(Affine {
            base: affine.base.wrapping_add(constant),
            ..affine
        }),
        (Value::Constant(base), Value::Signed(table))
        | (Value::Signed(table), Value::Constant(base)) => Value::Relative(base, table),
        _ => Value::Unknown,
    }
}

fn scaled(value: Value, by: u64) -> Value {
    match value {
        _ if by == 1 => value,
        Value::Constant(value) => Value::Constant(value.wrapping_mul(by)),
        Value::Affine(affine) => match affine.scale.checked_mul(by) {
            Some(scale) => Value::Affine(Affine {
                base: affine.base.wrapping_mul(by),
                scale,
                ..affine
            }),
            None => Value::Unknown,
        },
        _ => Value::Unknown,
    }
}

/// A 32-bit value, sign-extended. An index is not changed by that as long as
/// its bound is small, which it must be to be a table's.
fn signed(value: Value) -> Value {
    match value {
        Value::Loaded(table, 4) => Value::Signed(table),
        Value::Constant(value) => Value::Constant(value as i32 as u64),
        Value::Affine(_) => narrowed_to(value, 32),
        _ => Value::Unknown,
    }
}

/// The part of a value that a narrower register names.
fn narrowed(value: Value, register: Register) -> Value {
    match is_high_byte(register) {
        true => Value::Unknown,
        false => narrowed_to(value, 8 * register.size() as u32),
    }
}

fn narrowed_to(value: Value, bits: u32) -> Value {
    match value {
        _ if bits >= 64 => value,
        Value::Constant(value) => Value::Constant(value & ((1 << bits) - 1)),
        Value::Affine(affine) if affine.base == 0 && affine.scale == 1 => Value::Affine(Affine {
            width: affine.width.min(bits),
            ..affine
        }),
        Value::Loaded(table, 4) if bits == 32 => Value::Loaded(table, 4),
        _ => Value::Unknown,
    }
}

fn is_high_byte(register: Register) -> bool {
    matches!(
        register,
        Register::AH | Register::BH | Register::CH | Register::DH
    )
}
