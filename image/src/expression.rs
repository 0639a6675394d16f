//! DWARF expressions (DWARF 5 §2.5): bytes with the unit they belong to, and
//! their evaluation against a machine that the caller supplies.

use crate::{DwarfRegister, LinkAddr};

/// An expression, not yet evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression<'data> {
    /// The operations.
    pub bytes: &'data [u8],
    /// Encoding of the unit.
    pub encoding: gimli::Encoding,
    /// Offset of the unit in `.debug_info`, for operations that name types or
    /// indexed addresses. None in call frame information: evaluation then
    /// begins with the CFA on the stack when the context has one (DWARF 5
    /// §6.4.2.3), as rules for registers want it.
    pub unit: Option<usize>,
}

/// What an evaluation may ask of a machine. `None`: not available.
pub trait ExpressionContext {
    /// A register's value.
    fn register(&mut self, register: DwarfRegister) -> Option<u64>;
    /// `size` bytes (at most 8) at a run-time address, zero-extended.
    fn memory(&mut self, address: u64, size: u8) -> Option<u64>;
    /// The canonical frame address of the frame.
    fn cfa(&mut self) -> Option<u64>;
    /// A register's value when the frame's function was entered.
    fn entry_value(&mut self, register: DwarfRegister) -> Option<u64>;
    /// The run-time address of a link-time one.
    fn relocate(&mut self, address: LinkAddr) -> Option<u64>;
}

/// What a compiler knows of a call, for whoever reads the callee's frame.
#[derive(Clone, Debug, PartialEq)]
pub struct CallSite<'data> {
    /// Registers that hold arguments, each with what computes its value in the
    /// caller's frame, still at the time of the call.
    pub arguments: Vec<(DwarfRegister, Expression<'data>)>,
    /// What computes the address that is called, when the call does not say.
    pub target: Option<Expression<'data>>,
    /// The caller's frame base.
    pub frame_base: Option<Expression<'data>>,
}

/// Where a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueLocation {
    /// In memory, at a run-time address.
    Memory(u64),
    /// In a register.
    Register(DwarfRegister),
    /// The value itself, in target byte order.
    Value(Vec<u8>),
    /// The compiler says it is optimised out.
    OptimizedOut,
    /// In parts: each a location and its size in bytes.
    Pieces(Vec<(ValueLocation, u64)>),
}

/// Why an expression has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// Something it needs is not available.
    #[error("{what} is not available")]
    Unavailable {
        /// What is missing.
        what: String,
    },
    /// The bytes are not a valid expression, or use what is not supported.
    #[error("unusable expression: {what}")]
    Unusable {
        /// The reason.
        what: String,
    },
    /// It did not end within its limit of operations.
    #[error("the expression does not end within {limit} operations")]
    Endless {
        /// The limit.
        limit: u32,
    },
}
