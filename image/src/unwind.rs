//! Unwind rules: DWARF call frame information (DWARF 5 §6.4) at one address.
//! Rules only; a machine's values are `inspect`'s.

use crate::expression::Expression;

/// DWARF numbers of the registers that unwinding knows: rax, rdx, rcx, rbx,
/// rsi, rdi, rbp, rsp, r8 … r15, return address (System V psABI, figure 3.36).
pub const UNWIND_REGISTERS: usize = 17;

/// A DWARF register number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DwarfRegister(pub u16);

impl DwarfRegister {
    /// rbp.
    pub const RBP: Self = Self(6);
    /// rsp.
    pub const RSP: Self = Self(7);
    /// The return address column.
    pub const RETURN_ADDRESS: Self = Self(16);
}

/// How to compute the canonical frame address.
#[derive(Clone, Debug, PartialEq)]
pub enum CfaRule<'data> {
    /// A register plus an offset.
    RegisterOffset {
        /// The register.
        register: DwarfRegister,
        /// Added to it.
        offset: i64,
    },
    /// A DWARF expression.
    Expression(Expression<'data>),
}

/// How to recover a caller's register.
#[derive(Clone, Debug, PartialEq)]
pub enum RegisterRule<'data> {
    /// No rule was given: the ABI's default, the same value for a
    /// callee-saved register and unavailable for another.
    Unspecified,
    /// Lost, and said so; for the return address: no caller.
    Undefined,
    /// Unchanged.
    SameValue,
    /// Saved in memory at CFA plus this.
    Offset(i64),
    /// Its value is CFA plus this.
    ValueOffset(i64),
    /// In another register.
    Register(DwarfRegister),
    /// Saved in memory at the expression's value.
    Expression(Expression<'data>),
    /// Its value is the expression's.
    ValueExpression(Expression<'data>),
}

/// Where a rule was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnwindSection {
    /// `.eh_frame`.
    EhFrame,
    /// `.debug_frame`.
    DebugFrame,
}

/// The rules in force at one address.
#[derive(Clone, Debug, PartialEq)]
pub struct UnwindRow<'data> {
    /// The canonical frame address.
    pub cfa: CfaRule<'data>,
    /// A rule per register, by DWARF number.
    pub registers: [RegisterRule<'data>; UNWIND_REGISTERS],
    /// The frame was interrupted, not called (augmentation 'S'): its caller's
    /// address is exact.
    pub signal_frame: bool,
    /// The section the rules come from.
    pub section: UnwindSection,
}
