//! The processor's own tables (SDM 3A chapters 3, 6 and 8): the registers that
//! lead to them, segment descriptors, interrupt gates and the task state, as
//! 64-bit code has them.
//!
//! Not here: the 32-bit formats, and what an exception is.

mod decode;
mod place;

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::{Memory, VirtAddr, read_available};

pub use decode::{Gate, GateKind, SegmentDescriptor, SegmentKind, TaskState};
pub use place::TablePlace;

/// Size of an interrupt gate (SDM 3A figure 6-8).
const GATE: usize = 16;
/// The largest table that a 16-bit limit allows.
const LARGEST_GDT: usize = 1 << 16;
/// 256 vectors.
const LARGEST_IDT: usize = 256 * GATE;

/// Base and limit of a table, as GDTR and IDTR hold them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct TableRegister {
    /// Its first byte.
    pub base: VirtAddr,
    /// Offset of its last byte.
    pub limit: u32,
}

/// A segment that a selector chose, as LDTR and TR hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct SystemSegment {
    /// The selector.
    pub selector: u16,
    /// Its first byte.
    pub base: VirtAddr,
    /// Offset of its last byte.
    pub limit: u32,
}

/// The registers of a CPU that lead to its tables, as far as a link tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct SystemRegisters {
    /// The global descriptor table.
    pub gdtr: Option<TableRegister>,
    /// The interrupt descriptor table.
    pub idtr: Option<TableRegister>,
    /// The local descriptor table.
    pub ldtr: Option<SystemSegment>,
    /// The task register: where the task state is.
    pub tr: Option<SystemSegment>,
    /// Whether the CPU is in long mode.
    pub long_mode: Option<bool>,
}

/// The tables of a CPU, decoded.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct DescriptorTables {
    /// What led to them.
    pub registers: SystemRegisters,
    /// Segment descriptors, without those that are all zero.
    pub gdt: Vec<SegmentDescriptor>,
    /// Every interrupt gate.
    pub idt: Vec<Gate>,
    /// The task state.
    pub task: Option<TaskState>,
    /// Tables of which something could not be read.
    pub gaps: Vec<TableGap>,
}

/// A table that could not be had as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum TableGap {
    /// The link does not tell where it is.
    #[error("no link tells where the {table} is")]
    NotTold {
        /// The table.
        table: &'static str,
    },
    /// Its memory could not be read to its end.
    #[error("the {table} cannot be read from {at} on")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The first byte that cannot be read.
        at: VirtAddr,
    },
    /// The CPU is in a mode with other formats.
    #[error("the CPU is not in long mode: its tables have another format")]
    OtherMode,
}

impl DescriptorTables {
    /// Reads and decodes them.
    pub fn read<M: Memory + ?Sized>(memory: &mut M, registers: SystemRegisters) -> Self {
        let mut tables = Self {
            registers,
            ..Self::default()
        };
        if registers.long_mode == Some(false) {
            tables.gaps.push(TableGap::OtherMode);
            return tables;
        }
        let gdt = registers.gdtr.map(|gdtr| (gdtr, LARGEST_GDT));
        let gdt = tables.bytes(memory, "GDT", gdt);
        tables.gdt = decode::segments(&gdt);
        let idt = registers.idtr.map(|idtr| (idtr, LARGEST_IDT));
        let idt = tables.bytes(memory, "IDT", idt);
        tables.idt = decode::gates(&idt);
        // A null selector: the kernel has loaded no task state.
        let tr = registers.tr.filter(|tr| tr.selector & !3 != 0);
        if registers.tr.is_none() || tr.is_some() {
            let range = tr.map(|tr| TableRegister {
                base: tr.base,
                limit: tr.limit,
            });
            let range = range.map(|range| (range, TaskState::SIZE));
            let bytes = tables.bytes(memory, "TSS", range);
            tables.task = tr.and_then(|tr| decode::task_state(tr.base, &bytes));
        }
        tables
    }

    /// As much of a table as there is, and no more than it can have.
    fn bytes<M: Memory + ?Sized>(
        &mut self,
        memory: &mut M,
        table: &'static str,
        range: Option<(TableRegister, usize)>,
    ) -> Vec<u8> {
        let Some((TableRegister { base, limit }, most)) = range else {
            self.gaps.push(TableGap::NotTold { table });
            return Vec::new();
        };
        let size = usize::try_from(limit).map_or(most, |limit| limit.saturating_add(1).min(most));
        let mut bytes = vec![0; size];
        let readable = read_available(memory, base, &mut bytes);
        if readable < size {
            let at = VirtAddr(base.0.wrapping_add(readable as u64));
            self.gaps.push(TableGap::Unreadable { table, at });
            bytes.truncate(readable);
        }
        bytes
    }
}
