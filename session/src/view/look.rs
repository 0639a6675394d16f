//! What a user looks at by name: values, locals, memory, an address, code.

use serde::Serialize;
use ukdbg_image::{FunctionName, SourceLocation, Untrusted, VariableKind};
use ukdbg_inspect::{AddressDescription, Hole, PageWalk, TablePlace, Value, VirtAddr};

use super::{DisassemblyLine, SourceLine, Word};

/// The value of an expression.
#[derive(Debug, Clone, Serialize)]
pub struct PrintView {
    /// The expression.
    pub expression: String,
    /// What its type is called.
    #[serde(rename = "type")]
    pub type_name: Untrusted,
    /// Where it is, when that is in memory.
    pub address: Option<VirtAddr>,
    /// The value.
    pub value: Value,
    /// The value as text, in the format asked for.
    pub text: Untrusted,
    /// The same, laid out over lines.
    #[serde(skip)]
    pub laid_out: Untrusted,
}

/// A value that is kept.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct KeptView {
    /// Its number, from 1.
    pub number: usize,
}

/// The variables of frames.
#[derive(Debug, Clone, Serialize)]
pub struct LocalsView {
    /// The frames, innermost first.
    pub frames: Vec<FrameLocals>,
}

/// The variables of one frame.
#[derive(Debug, Clone, Serialize)]
pub struct FrameLocals {
    /// The frame's number in the backtrace.
    pub frame: usize,
    /// Its function.
    pub function: Option<FunctionName>,
    /// Where it executes.
    pub location: Option<SourceLocation>,
    /// Arguments and locals in the order of their declarations.
    pub variables: Vec<VariableView>,
}

/// A variable and its value.
#[derive(Debug, Clone, Serialize)]
pub struct VariableView {
    /// Its name.
    pub name: Untrusted,
    /// What it is to its function.
    pub kind: VariableKind,
    /// What it holds.
    pub value: Value,
    /// The same as text.
    pub text: Untrusted,
}

/// Memory, unit by unit.
#[derive(Debug, Clone, Serialize)]
pub struct MemoryView {
    /// Rows in order.
    pub rows: Vec<MemoryRow>,
    /// The first address that could not be read, when there is less than was
    /// asked for.
    pub unreadable: Option<VirtAddr>,
}

/// One row of memory.
#[derive(Debug, Clone, Serialize)]
pub struct MemoryRow {
    /// Where it begins.
    pub address: VirtAddr,
    /// What that address is called.
    pub symbol: Option<Untrusted>,
    /// Its units as text.
    pub units: Vec<Untrusted>,
}

/// What an address is.
#[derive(Debug, Clone, Serialize)]
pub struct WhoisView {
    /// What it is, and where that is known from.
    pub description: AddressDescription,
    /// The function or object that holds it, with the distance.
    pub symbol: Option<Untrusted>,
    /// For code: the source line.
    pub location: Option<SourceLocation>,
    /// For heap: who allocated the block.
    pub allocated_by: Vec<CallerView>,
    /// For heap: who released it.
    pub freed_by: Vec<CallerView>,
    /// The frame whose part of a stack it is in.
    pub frame: Option<FramePlace>,
    /// What it is to the processor's own tables.
    pub tables: Vec<TablePlace>,
    /// How the page tables translate it; none without page tables.
    pub walk: Option<PageWalk>,
    /// The pages around it, when it has none itself.
    pub hole: Option<HoleView>,
    /// What usually answers at its physical address, instead of memory.
    pub device: Option<&'static str>,
    /// The word there, when it can be read.
    pub word: Option<Word>,
    /// What that word would point at.
    pub word_points_at: Option<Untrusted>,
    /// What could not be found out, and why.
    pub gaps: Vec<String>,
}

/// A place in the stack of the selected CPU.
#[derive(Debug, Clone, Serialize)]
pub struct FramePlace {
    /// The frame's number in the backtrace.
    pub frame: usize,
    /// Its function.
    pub function: Option<FunctionName>,
    /// Bytes above the frame's stack pointer.
    pub above_sp: u64,
    /// It is the frame's return address.
    pub is_return_address: bool,
}

/// A hole in the address space, and what is at its edges.
#[derive(Debug, Clone, Serialize)]
pub struct HoleView {
    /// Its edges.
    #[serde(flatten)]
    pub hole: Hole,
    /// What its lower neighbour is.
    pub below: Option<Untrusted>,
    /// What its upper neighbour is.
    pub above: Option<Untrusted>,
}

/// One caller, by its return address.
#[derive(Debug, Clone, Serialize)]
pub struct CallerView {
    /// The return address.
    pub address: VirtAddr,
    /// The function.
    pub function: Option<Untrusted>,
    /// The call's place.
    pub location: Option<SourceLocation>,
}

/// The instructions of a function.
#[derive(Debug, Clone, Serialize)]
pub struct CodeView {
    /// The function.
    pub function: Option<FunctionName>,
    /// Its instructions.
    pub lines: Vec<CodeLine>,
}

/// One instruction, with the source it begins.
#[derive(Debug, Clone, Serialize)]
pub struct CodeLine {
    /// The source line, where another one begins and it was found.
    pub source: Option<SourceLine>,
    /// The instruction.
    #[serde(flatten)]
    pub instruction: DisassemblyLine,
}
