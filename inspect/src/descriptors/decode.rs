//! The tables' formats. Pure functions over bytes; what is cut off is left out.

use serde::Serialize;

use super::GATE;
use crate::VirtAddr;

/// What a segment descriptor describes (SDM 3A 3.4.5.1 and 3.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// 64-bit code.
    Code64,
    /// 32-bit code.
    Code32,
    /// 16-bit code.
    Code16,
    /// Data or a stack.
    Data,
    /// A local descriptor table.
    Ldt,
    /// A task state that no task runs on.
    TaskAvailable,
    /// The task state in use.
    TaskBusy,
    /// A call gate.
    CallGate,
    /// A type that 64-bit mode reserves.
    Reserved,
}

/// A segment descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct SegmentDescriptor {
    /// Its offset in the table: what a selector of privilege 0 is.
    pub selector: u16,
    /// What it describes.
    pub kind: SegmentKind,
    /// Where the segment begins. 64-bit code and data ignore it.
    pub base: VirtAddr,
    /// Offset of its last byte, scaled.
    pub limit: u64,
    /// The privilege that may use it.
    pub dpl: u8,
    /// It is present.
    pub present: bool,
}

/// What an interrupt gate does with interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateKind {
    /// Its handler begins with interrupts off.
    Interrupt,
    /// Its handler begins with them as they were.
    Trap,
    /// No gate of 64-bit mode: using it is a general protection fault.
    Invalid,
}

/// An entry of the interrupt descriptor table (SDM 3A 6.14.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Gate {
    /// Its vector.
    pub vector: u8,
    /// Where the handler begins.
    pub handler: VirtAddr,
    /// The code segment it runs in.
    pub selector: u16,
    /// The interrupt stack that is switched to; 0 for none.
    pub ist: u8,
    /// The privilege that may raise it by an instruction.
    pub dpl: u8,
    /// What it does with interrupts.
    pub kind: GateKind,
    /// It is present.
    pub present: bool,
}

/// The 64-bit task state (SDM 3A 8.7): which stacks the processor switches to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct TaskState {
    /// Where it is.
    pub at: VirtAddr,
    /// Tops of the stacks for privilege 0 to 2.
    pub rsp: [VirtAddr; 3],
    /// Tops of the interrupt stacks 1 to 7.
    pub ist: [VirtAddr; 7],
    /// Offset of the bitmap of permitted ports.
    pub io_map: u16,
}

impl TaskState {
    /// Bytes of it.
    pub(super) const SIZE: usize = 104;
    /// Where its fields are.
    pub(super) const RSP: usize = 4;
    pub(super) const IST: usize = 36;
    const IO_MAP: usize = 102;
}

/// Every descriptor of a table that is not all zero.
pub(super) fn segments(table: &[u8]) -> Vec<SegmentDescriptor> {
    let words = table.as_chunks::<8>().0;
    let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(&low) = words.get(index) {
        let selector = u16::try_from(index * 8).unwrap_or(u16::MAX);
        let is_system = low & (1 << 44) == 0;
        // A descriptor of the system has a second half with the rest of its
        // base (SDM 3A 3.5.2).
        let high = words.get(index + 1).copied().filter(|_| is_system);
        if low != 0 {
            found.push(segment(selector, low, high.unwrap_or(0)));
        }
        index += if is_system && low != 0 { 2 } else { 1 };
    }
    found
}

fn segment(selector: u16, low: u64, high: u64) -> SegmentDescriptor {
    let base = (low >> 16) & 0xff_ffff | (low >> 32) & 0xff00_0000 | high << 32;
    let limit = low & 0xffff | (low >> 32) & 0xf_0000;
    let limit = match low & (1 << 55) {
        0 => limit,
        _ => limit << 12 | 0xfff,
    };
    SegmentDescriptor {
        selector,
        kind: segment_kind(low),
        base: VirtAddr(base),
        limit,
        dpl: ((low >> 45) & 3) as u8,
        present: low & (1 << 47) != 0,
    }
}

fn segment_kind(low: u64) -> SegmentKind {
    let kind = (low >> 40) & 0xf;
    if low & (1 << 44) == 0 {
        // SDM 3A table 3-2.
        return match kind {
            2 => SegmentKind::Ldt,
            9 => SegmentKind::TaskAvailable,
            11 => SegmentKind::TaskBusy,
            12 => SegmentKind::CallGate,
            _ => SegmentKind::Reserved,
        };
    }
    let (long, big) = (low & (1 << 53) != 0, low & (1 << 54) != 0);
    match (kind & 8 != 0, long, big) {
        (false, ..) => SegmentKind::Data,
        (true, true, _) => SegmentKind::Code64,
        (true, false, true) => SegmentKind::Code32,
        (true, false, false) => SegmentKind::Code16,
    }
}

/// Every whole gate of a table.
pub(super) fn gates(table: &[u8]) -> Vec<Gate> {
    let gates = table.as_chunks::<GATE>().0.iter();
    (0..=u8::MAX)
        .zip(gates)
        .map(|(vector, bytes)| gate(vector, bytes))
        .collect()
}

fn gate(vector: u8, bytes: &[u8; GATE]) -> Gate {
    let whole = u128::from_le_bytes(*bytes);
    let low = whole as u64;
    let high = (whole >> 64) as u64;
    let handler = low & 0xffff | (low >> 32) & 0xffff_0000 | high << 32;
    Gate {
        vector,
        handler: VirtAddr(handler),
        selector: (low >> 16) as u16,
        ist: ((low >> 32) & 7) as u8,
        dpl: ((low >> 45) & 3) as u8,
        kind: match (low >> 40) & 0x1f {
            14 => GateKind::Interrupt,
            15 => GateKind::Trap,
            _ => GateKind::Invalid,
        },
        present: low & (1 << 47) != 0,
    }
}

/// A task state; none when it is cut off.
pub(super) fn task_state(at: VirtAddr, bytes: &[u8]) -> Option<TaskState> {
    let stack = |field: usize, index: usize| {
        let word = bytes.get(field + index * 8..)?.first_chunk()?;
        Some(VirtAddr(u64::from_le_bytes(*word)))
    };
    let mut task = TaskState {
        at,
        rsp: [VirtAddr(0); 3],
        ist: [VirtAddr(0); 7],
        io_map: u16::from_le_bytes(*bytes.get(TaskState::IO_MAP..)?.first_chunk()?),
    };
    for (index, top) in task.rsp.iter_mut().enumerate() {
        *top = stack(TaskState::RSP, index)?;
    }
    for (index, top) in task.ist.iter_mut().enumerate() {
        *top = stack(TaskState::IST, index)?;
    }
    Some(task)
}
