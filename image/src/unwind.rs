//! Unwind rules: DWARF call frame information (DWARF 5 §6.4) at one address.
//! Rules only; a machine's values are `inspect`'s.

use std::num::NonZeroU8;

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

/// The rules of an ordinary function, as nearly all compiled code has them: the CFA is a register plus an offset,
/// the return address is in the word below it, callee-saved registers are in
/// words further below or unchanged, and every other register is unspecified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlainRow {
    cfa_offset: i32,
    /// The register's DWARF number, plus one.
    cfa_register: NonZeroU8,
    /// For each of `CALLEE_SAVED`, how many words below the CFA it is; 0 for
    /// unchanged.
    words_below: [u8; CALLEE_SAVED.len()],
    /// The most of these.
    deepest: u8,
}

/// The registers a function must give back unchanged, the stack pointer apart
/// (System V psABI, figure 3.4): rbx, rbp, r12 to r15.
const CALLEE_SAVED: [DwarfRegister; 6] = [
    DwarfRegister(3),
    DwarfRegister(6),
    DwarfRegister(12),
    DwarfRegister(13),
    DwarfRegister(14),
    DwarfRegister(15),
];

const WORD: u8 = 8;

impl PlainRow {
    /// With all registers unchanged; none for a register that unwinding does
    /// not know.
    pub(crate) fn new(cfa_register: DwarfRegister, cfa_offset: i32) -> Option<Self> {
        let number = u8::try_from(cfa_register.0).ok()?;
        if usize::from(number) >= UNWIND_REGISTERS {
            return None;
        }
        Some(Self {
            cfa_offset,
            cfa_register: NonZeroU8::MIN.checked_add(number)?,
            words_below: [0; CALLEE_SAVED.len()],
            deepest: 0,
        })
    }

    /// With a register saved at CFA plus `offset`; none when that does not fit.
    pub(crate) fn with_saved(mut self, register: DwarfRegister, offset: i64) -> Option<Self> {
        let place = CALLEE_SAVED.iter().position(|&saved| saved == register)?;
        let below = offset.checked_neg().filter(|below| *below > 0)?;
        if below % i64::from(WORD) != 0 {
            return None;
        }
        let words = u8::try_from(below / i64::from(WORD)).ok()?;
        self.words_below[place] = words;
        self.deepest = self.deepest.max(words);
        Some(self)
    }

    /// Whether a function must give a register back unchanged.
    pub(crate) fn is_callee_saved(register: DwarfRegister) -> bool {
        CALLEE_SAVED.contains(&register)
    }

    /// The register that the CFA is computed from.
    #[inline]
    pub fn cfa_register(&self) -> DwarfRegister {
        DwarfRegister(u16::from(self.cfa_register.get()) - 1)
    }

    /// What is added to it.
    #[inline]
    pub fn cfa_offset(&self) -> i64 {
        i64::from(self.cfa_offset)
    }

    /// Every register that a function must give back, each with how many words
    /// of eight bytes below the CFA it is saved; 0 for unchanged.
    #[inline]
    pub fn callee_saved(&self) -> [(DwarfRegister, u8); CALLEE_SAVED.len()] {
        let [rbx, rbp, r12, r13, r14, r15] = CALLEE_SAVED;
        let [a, b, c, d, e, f] = self.words_below;
        [(rbx, a), (rbp, b), (r12, c), (r13, d), (r14, e), (r15, f)]
    }

    /// How many words below the CFA the furthest saved register is.
    #[inline]
    pub fn deepest_saved(&self) -> u8 {
        self.deepest
    }
}
