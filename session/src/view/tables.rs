//! The processor's descriptor tables as they are shown.

use serde::Serialize;
use ukdbg_image::Untrusted;
use ukdbg_inspect::{Gate, SegmentDescriptor, SystemRegisters, TaskState, VcpuId, VirtAddr};

/// The tables of one CPU.
#[derive(Debug, Clone, Serialize)]
pub struct TablesView {
    /// The CPU.
    pub cpu: VcpuId,
    /// What leads to the tables.
    pub registers: SystemRegisters,
    /// Segment descriptors.
    pub gdt: Vec<SegmentDescriptor>,
    /// Interrupt gates, by their vectors.
    pub idt: Vec<GateView>,
    /// The task state.
    pub task: Option<TaskState>,
    /// The stacks that the task state names, without those that are not set.
    pub stacks: Vec<StackTop>,
    /// What could not be found out, and why.
    pub gaps: Vec<String>,
}

/// An interrupt gate and where it leads.
#[derive(Debug, Clone, Serialize)]
pub struct GateView {
    /// The gate.
    #[serde(flatten)]
    pub gate: Gate,
    /// The exception of its vector: `#PF`; none for an interrupt.
    pub exception: Option<&'static str>,
    /// The name of its handler.
    pub symbol: Option<Untrusted>,
}

/// A stack that the processor switches to.
#[derive(Debug, Clone, Serialize)]
pub struct StackTop {
    /// The field of the task state.
    pub field: &'static str,
    /// The first address above the stack.
    pub top: VirtAddr,
    /// Whose stack that is, or what else is right below the top.
    pub below: Option<Untrusted>,
    /// Whether the first word below the top can be read.
    pub readable: bool,
}
