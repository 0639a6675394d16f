//! A caller by call frame information (DWARF 5 §6.4).

use ukdbg_image::{CfaRule, CodeAddr, DwarfRegister, RegisterRule, UNWIND_REGISTERS, UnwindRow};

use super::expression::evaluate_rule;
use super::step::{CALLER_SAVED, Caller, Machine, Place};
use super::{FoundBy, Frame, StackEnd, trap_frame};
use crate::{Register, Registers, VirtAddr};

/// What the rules say.
pub(super) enum ByRules {
    /// There is a caller.
    Caller(Box<Caller>),
    /// The backtrace ends here.
    End(StackEnd),
    /// They need what is not known; another way may still find the caller.
    Unknown,
}

impl<'data> Machine<'_, 'data> {
    /// Applies a row of rules to a frame.
    pub(super) fn by_rules(
        &mut self,
        place: &Place<'_, 'data>,
        frame: &Frame,
        row: &UnwindRow<'data>,
    ) -> ByRules {
        let return_rule = &row.registers[usize::from(DwarfRegister::RETURN_ADDRESS.0)];
        if *return_rule == RegisterRule::Undefined {
            return ByRules::End(StackEnd::Root);
        }
        let Some(cfa) = self.frame_address(place, frame, &row.cfa) else {
            return ByRules::Unknown;
        };
        if self.goes_backwards(frame, row, cfa) {
            return ByRules::End(StackEnd::Loop { cfa });
        }
        let trap = row.signal_frame || has_trap_shape(row);
        let registers = self.restored(place, frame, row, cfa, trap);
        if has_trap_shape(row) {
            let at = VirtAddr(cfa.0.wrapping_sub(trap_frame::WORDS * 8));
            return match self.interrupted(at, registers) {
                Ok(caller) => ByRules::Caller(Box::new(caller)),
                Err(_) => ByRules::End(StackEnd::Truncated { at }),
            };
        }
        let pc = match self.restored_value(
            place,
            frame,
            cfa,
            DwarfRegister::RETURN_ADDRESS,
            return_rule,
        ) {
            Restored::Value(pc) => VirtAddr(pc),
            Restored::Unreadable(at) => return ByRules::End(StackEnd::Truncated { at }),
            Restored::Unknown => return ByRules::Unknown,
        };
        ByRules::Caller(Box::new(caller(cfa, pc, registers, trap)))
    }

    /// The canonical frame address of a frame without a caller, which its
    /// variables may still be found by.
    pub(super) fn outermost_cfa(&mut self, frame: &Frame) -> Option<VirtAddr> {
        let place = self.place(frame.pc)?;
        let row = place.module.image.unwind_row(place.lookup)?;
        self.frame_address(&place, frame, &row.cfa)
    }

    fn frame_address(
        &mut self,
        place: &Place<'_, 'data>,
        frame: &Frame,
        rule: &CfaRule<'data>,
    ) -> Option<VirtAddr> {
        match rule {
            CfaRule::RegisterOffset { register, offset } => {
                let base = frame.registers.get(Register::from_dwarf(*register)?)?;
                base.checked_add_signed(*offset).map(VirtAddr)
            }
            CfaRule::Expression(expression) => {
                evaluate_rule(self, place, frame, None, expression).map(VirtAddr)
            }
        }
    }

    /// A frame's end below its own stack pointer: the frame pointer it was
    /// computed from is not one. An expression may switch stacks; it is
    /// believed.
    fn goes_backwards(&self, frame: &Frame, row: &UnwindRow<'_>, cfa: VirtAddr) -> bool {
        let by_register = matches!(row.cfa, CfaRule::RegisterOffset { .. });
        frame
            .registers
            .sp()
            .is_some_and(|sp| by_register && cfa <= sp && self.same_stack(cfa, sp))
    }

    /// The caller's registers, except for its pc.
    fn restored(
        &mut self,
        place: &Place<'_, 'data>,
        frame: &Frame,
        row: &UnwindRow<'data>,
        cfa: VirtAddr,
        trap: bool,
    ) -> Registers {
        let mut registers = frame.registers;
        if !trap {
            registers.clear(Register::Rflags);
        }
        for number in 0..UNWIND_REGISTERS as u16 - 1 {
            let dwarf = DwarfRegister(number);
            let Some(register) = Register::from_dwarf(dwarf) else {
                continue;
            };
            let rule = &row.registers[usize::from(number)];
            if *rule == RegisterRule::Unspecified {
                match register {
                    Register::Rsp => registers.set(register, cfa.0),
                    _ if CALLER_SAVED.contains(&register) && !trap => registers.clear(register),
                    _ => {}
                }
                continue;
            }
            match self.restored_value(place, frame, cfa, dwarf, rule) {
                Restored::Value(value) => registers.set(register, value),
                Restored::Unreadable(_) | Restored::Unknown => registers.clear(register),
            }
        }
        registers
    }

    fn restored_value(
        &mut self,
        place: &Place<'_, 'data>,
        frame: &Frame,
        cfa: VirtAddr,
        register: DwarfRegister,
        rule: &RegisterRule<'data>,
    ) -> Restored {
        let known = |number| Register::from_dwarf(number).and_then(|it| frame.registers.get(it));
        let in_memory = |machine: &mut Self, at: Option<u64>| {
            let Some(at) = at.map(VirtAddr) else {
                return Restored::Unknown;
            };
            let word = machine.read_u64(at);
            word.map_or(Restored::Unreadable(at), Restored::Value)
        };
        match rule {
            RegisterRule::Unspecified | RegisterRule::Undefined => Restored::Unknown,
            RegisterRule::SameValue => known(register).into(),
            RegisterRule::Offset(offset) => in_memory(self, cfa.0.checked_add_signed(*offset)),
            RegisterRule::ValueOffset(offset) => cfa.0.checked_add_signed(*offset).into(),
            RegisterRule::Register(other) => known(*other).into(),
            RegisterRule::Expression(expression) => {
                let at = evaluate_rule(self, place, frame, Some(cfa), expression);
                if at.is_some_and(|at| is_given_back(register, VirtAddr(at), frame, cfa)) {
                    return known(register).into();
                }
                in_memory(self, at)
            }
            RegisterRule::ValueExpression(expression) => {
                evaluate_rule(self, place, frame, Some(cfa), expression).into()
            }
        }
    }
}

/// A register's value at the caller.
enum Restored {
    Value(u64),
    Unreadable(VirtAddr),
    Unknown,
}

impl From<Option<u64>> for Restored {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Unknown, Self::Value)
    }
}

/// Whether the frame pointer's own rule has outlived it: GCC's functions that
/// realign their stack save it at `DW_OP_breg6 (rbp) 0`, and say so still
/// behind the `leave` that restored it. What it points at is then outside of
/// the frame, and it is the caller's already.
fn is_given_back(register: DwarfRegister, at: VirtAddr, frame: &Frame, cfa: VirtAddr) -> bool {
    let itself = frame.registers.get(Register::Rbp) == Some(at.0);
    let inside = frame
        .registers
        .sp()
        .is_some_and(|sp| (sp..cfa).contains(&at));
    register == DwarfRegister::RBP && itself && !inside
}

/// Rules that describe the frame the processor pushes: rip at its start, rsp
/// in it, the CFA behind it. Producers lose the mark of a signal frame; the
/// shape they cannot lose.
fn has_trap_shape(row: &UnwindRow<'_>) -> bool {
    row.registers[usize::from(DwarfRegister::RETURN_ADDRESS.0)] == RegisterRule::Offset(-40)
        && row.registers[usize::from(DwarfRegister::RSP.0)] == RegisterRule::Offset(-16)
}

fn caller(cfa: VirtAddr, pc: VirtAddr, registers: Registers, trap: bool) -> Caller {
    let mut registers = registers;
    registers.set(Register::Rip, pc.0);
    let (pc, found_by) = if trap {
        (CodeAddr::Exact(pc), FoundBy::TrapFrame)
    } else {
        (CodeAddr::Return(pc), FoundBy::Cfi)
    };
    Caller {
        cfa,
        frame: Frame {
            pc,
            cfa: None,
            registers,
            found_by,
            interrupted: trap,
        },
    }
}
