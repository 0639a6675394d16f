//! Why a request has no answer.

use crate::ExpressionError;
use ukdbg_inspect::{MemoryError, TargetError, VirtAddr};

/// A request that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The machine did not do its part.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Memory that the answer needs cannot be read.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// An expression that has no value.
    #[error(transparent)]
    Expression(#[from] Box<ExpressionError>),
    /// The machine has no CPU.
    #[error(
        "there are no frames and no registers: the machine has no CPU, as an image that does not run"
    )]
    NoRegisters,
    /// No line table says anything about the address.
    #[error("no source line is known for {at}")]
    NoLine {
        /// The address.
        at: VirtAddr,
    },
    /// No image says anything about the address.
    #[error("no image holds code at {at}")]
    NoCode {
        /// The address.
        at: VirtAddr,
    },
    /// The last backtrace has no such frame.
    #[error("there is no frame {index}; the backtrace has {frames}")]
    NoFrame {
        /// The index asked for.
        index: usize,
        /// How many there are.
        frames: usize,
    },
    /// A frame without a place in the source.
    #[error("frame {index} has no source line")]
    NoSource {
        /// The frame.
        index: usize,
    },
    /// The guest has no trace rings that can be read.
    #[error("no trace rings: {why}")]
    NoTrace {
        /// Why not.
        why: String,
    },
}
