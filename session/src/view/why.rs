//! Where a value came from.

use serde::Serialize;
use ukdbg_image::Untrusted;
use ukdbg_inspect::{Moment, VirtAddr};

use super::{BacktraceView, InstructionView, SourceView};

/// Where a value came from, as far back as one step.
#[derive(Debug, Clone, Serialize)]
pub struct WhyView {
    /// What was asked for, as typed.
    pub expression: String,
    /// Its type, where it has one.
    pub type_name: Option<Untrusted>,
    /// Where it is.
    pub address: VirtAddr,
    /// Its bytes.
    pub length: u64,
    /// The value when it was asked for.
    pub value: Untrusted,
    /// When that was.
    pub asked_at: Moment,
    /// Where it came from.
    pub origin: Origin,
}

impl WhyView {
    /// Name and version of the JSON document it makes.
    pub const SCHEMA: &'static str = "ukdbg.why/1";
}

/// Where a value came from.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    /// An instruction wrote it.
    Written(Box<WrittenView>),
    /// No instruction did since the recording began.
    NotWritten {
        /// It had the value from the beginning; else something wrote it that
        /// executes no instructions of this CPU (a device, firmware by DMA),
        /// or came by another address.
        unchanged: bool,
        /// The image that it belongs to, whose loading may have written it.
        module: Option<String>,
        /// Its value at the beginning.
        first: Untrusted,
    },
}

/// The instruction that wrote a value; the machine stands before it.
#[derive(Debug, Clone, Serialize)]
pub struct WrittenView {
    /// Its moment.
    pub moment: Moment,
    /// The value before.
    pub old: Untrusted,
    /// The value after.
    pub new: Untrusted,
    /// The frame that wanted it, of the backtrace: functions that only copy,
    /// and the language's library, are passed over.
    pub frame: usize,
    /// The instruction.
    pub instruction: Option<InstructionView>,
    /// The line of that frame, and those around it.
    pub source: Option<SourceView>,
    /// Who called whom.
    pub backtrace: BacktraceView,
    /// Later stores that wrote the same value again.
    pub same_stores: u64,
    /// The value changed once more since, and no instruction was seen to do
    /// it: a device, or a store by another address.
    pub changed_unseen_since: bool,
}
