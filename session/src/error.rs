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
    /// A source file that is here has no such line.
    #[error("{file} has {lines} lines, and no line {line}")]
    NoSuchLine {
        /// The file.
        file: String,
        /// Its lines.
        lines: usize,
        /// The line asked for.
        line: u32,
    },
    /// A range that ends before it begins.
    #[error("no lines from {first} to {last}: the last comes before the first")]
    BackwardRange {
        /// The first line asked for.
        first: u32,
        /// The last.
        last: u32,
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
    /// The machine runs; the request needs it to stand still.
    #[error("the machine is running; interrupt it first")]
    Running,
    /// The machine was not recorded.
    #[error("the machine has no recorded past to go back to")]
    NoHistory,
    /// Going through a recording took longer than it was to.
    #[error("the recording was not gone through in time")]
    TooLong,
    /// This session has not seen the machine stop.
    #[error("the machine has not stopped yet")]
    NoStop,
    /// No breakpoint or watchpoint has that number.
    #[error("there is no breakpoint {number}")]
    NoBreakpoint {
        /// The number.
        number: u32,
    },
    /// A breakpoint has no such location.
    #[error("breakpoint {number} has no location {location}; it has {locations}")]
    NoBreakpointLocation {
        /// The breakpoint.
        number: u32,
        /// The location asked for.
        location: usize,
        /// How many it has.
        locations: usize,
    },
    /// Nothing in the images is called that.
    #[error("no function, line or address `{text}`")]
    NoPlace {
        /// As typed.
        text: String,
        /// Names close to it.
        near: Vec<String>,
    },
    /// A place that has to be one place is several.
    #[error("`{text}` is {places} places")]
    ManyPlaces {
        /// As typed.
        text: String,
        /// How many.
        places: usize,
    },
    /// No function's name matches.
    #[error("no function's name matches `{pattern}`")]
    NoMatch {
        /// The regular expression.
        pattern: String,
    },
    /// It is no regular expression.
    #[error("`{pattern}` is no regular expression: {why}")]
    BadPattern {
        /// As typed.
        pattern: String,
        /// What is wrong.
        why: String,
    },
    /// What was to be caught is not in this guest.
    #[error("this guest has no {what} that can be found")]
    NothingToCatch {
        /// What.
        what: &'static str,
    },
    /// A log point's message that cannot be understood.
    #[error(transparent)]
    Message(#[from] crate::MessageError),
    /// What cannot be watched.
    #[error("`{expression}` cannot be watched: {why}")]
    CannotWatch {
        /// As typed.
        expression: String,
        /// Why.
        why: String,
    },
    /// What cannot be written.
    #[error("`{place}` cannot be written: {why}")]
    CannotAssign {
        /// As typed.
        place: String,
        /// Why.
        why: String,
    },
    /// The frame's caller is not known, so that nobody knows when it returns.
    #[error("the caller of frame {index} is not known")]
    NoCaller {
        /// The frame.
        index: usize,
    },
}
