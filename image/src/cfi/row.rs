//! One row of unwind rules, in our form.

use gimli::{BaseAddresses, UnwindContext, UnwindContextStorage, UnwindTableRow};

use super::Fde;
use crate::dwarf::Slice;
use crate::{
    CfaRule, DwarfRegister, Expression, RegisterRule, UNWIND_REGISTERS, UnwindRow, UnwindSection,
};

/// Rules that a row may have: every register up to xmm15, and some. Beyond it
/// a row is not read.
const MOST_RULES: usize = 48;

/// Rows that may be remembered at a time. gimli's own four are too few for
/// hand-written code that nests.
const MOST_REMEMBERED: usize = 16;

pub(super) struct Storage;

impl UnwindContextStorage<usize> for Storage {
    type Rules = [(gimli::Register, gimli::RegisterRule<usize>); MOST_RULES];
    type Stack = Box<[UnwindTableRow<usize, Self>; MOST_REMEMBERED]>;
}

/// The rules of an entry at an address.
pub(super) fn row<'data, S: gimli::UnwindSection<Slice<'data>>>(
    section: &S,
    bases: &BaseAddresses,
    fde: &Fde<'data>,
    address: u64,
    kind: UnwindSection,
) -> Option<UnwindRow<'data>> {
    let mut context: UnwindContext<usize, Storage> = UnwindContext::new_in();
    let row = fde
        .unwind_info_for_address(section, bases, &mut context, address)
        .ok()?;
    let encoding = fde.cie().encoding();
    let expression = |expression: &gimli::UnwindExpression<usize>| {
        let bytes = expression.get(section).ok()?;
        Some(Expression {
            bytes: bytes.0.slice(),
            encoding,
            unit: None,
        })
    };
    let mut row = UnwindRow {
        cfa: cfa(row, expression)?,
        registers: registers(row, expression)?,
        signal_frame: fde.is_signal_trampoline(),
        section: kind,
    };
    // A return address column of another number (signal trampolines of some
    // C libraries) is moved to ours.
    let column = fde.cie().return_address_register().0;
    if column != DwarfRegister::RETURN_ADDRESS.0 {
        let rule = row.registers.get(usize::from(column))?.clone();
        row.registers[UNWIND_REGISTERS - 1] = rule;
    }
    Some(row)
}

fn cfa<'data>(
    row: &UnwindTableRow<usize, Storage>,
    expression: impl Fn(&gimli::UnwindExpression<usize>) -> Option<Expression<'data>>,
) -> Option<CfaRule<'data>> {
    Some(match row.cfa() {
        gimli::CfaRule::RegisterAndOffset { register, offset } => CfaRule::RegisterOffset {
            register: DwarfRegister(register.0),
            offset: *offset,
        },
        gimli::CfaRule::Expression(bytes) => CfaRule::Expression(expression(bytes)?),
    })
}

fn registers<'data>(
    row: &UnwindTableRow<usize, Storage>,
    expression: impl Fn(&gimli::UnwindExpression<usize>) -> Option<Expression<'data>>,
) -> Option<[RegisterRule<'data>; UNWIND_REGISTERS]> {
    let mut registers = std::array::from_fn(|_| RegisterRule::Unspecified);
    for (register, rule) in row.registers() {
        let Some(place) = registers.get_mut(usize::from(register.0)) else {
            continue;
        };
        *place = match rule {
            gimli::RegisterRule::Undefined => RegisterRule::Undefined,
            gimli::RegisterRule::SameValue => RegisterRule::SameValue,
            gimli::RegisterRule::Offset(offset) => RegisterRule::Offset(*offset),
            gimli::RegisterRule::ValOffset(offset) => RegisterRule::ValueOffset(*offset),
            gimli::RegisterRule::Register(from) => RegisterRule::Register(DwarfRegister(from.0)),
            gimli::RegisterRule::Expression(bytes) => RegisterRule::Expression(expression(bytes)?),
            gimli::RegisterRule::ValExpression(bytes) => {
                RegisterRule::ValueExpression(expression(bytes)?)
            }
            // Rules of other architectures: unknown is not unspecified.
            _ => RegisterRule::Undefined,
        };
    }
    Some(registers)
}
