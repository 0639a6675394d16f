//! The segment descriptors and the task-state segment, which long mode keeps
//! for the stacks of its traps. Not privilege separation: all is ring 0.
#![expect(unsafe_code, reason = "lgdt and ltr")]

use core::arch::asm;

use crate::cell::CpuCell;
use crate::stack;

/// Selector of the code segment, as the entry code set it.
pub(crate) const CODE: u16 = 0x08;
/// Selector of the task-state segment.
const TASK_STATE: u16 = 0x18;

/// The task-state segment (SDM volume 3A, figure 7-11).
#[repr(C, packed(4))]
pub(crate) struct TaskState {
    reserved_0: u32,
    privilege_stacks: [u64; 3],
    reserved_1: u64,
    pub(crate) interrupt_stacks: [u64; 7],
    reserved_2: u64,
    reserved_3: u16,
    io_map: u16,
}

/// A page that holds nothing else. The end of a trap's handling writes there
/// with watchpoints in force, and QEMU 7.2 has been seen to take a write beside
/// a watched value, in its page, for one to it.
#[repr(C, align(4096))]
pub(crate) struct OwnPage<T>(T);

/// The one CPU's. Trap entries move its interrupt stack pointers.
pub(crate) static TASK_STATE_SEGMENT: CpuCell<OwnPage<TaskState>> =
    CpuCell::new(OwnPage(TaskState {
        reserved_0: 0,
        privilege_stacks: [0; 3],
        reserved_1: 0,
        interrupt_stacks: [0; 7],
        reserved_2: 0,
        reserved_3: 0,
        io_map: size_of::<TaskState>() as u16,
    }));

static DESCRIPTORS: CpuCell<[u64; 5]> =
    CpuCell::new([0, 0x00af_9a00_0000_ffff, 0x00cf_9200_0000_ffff, 0, 0]);

/// Operand of `lgdt` and `lidt`.
#[repr(C, packed(2))]
pub(crate) struct TablePointer {
    pub(crate) limit: u16,
    pub(crate) base: u64,
}

/// A 64-bit TSS descriptor (SDM volume 3A, figure 7-4).
const fn task_state_descriptor(base: u64, limit: u64) -> [u64; 2] {
    let low = (limit & 0xffff)
        | (base & 0xff_ffff) << 16
        | 0x89 << 40
        | (limit >> 16 & 0xf) << 48
        | (base >> 24 & 0xff) << 56;
    [low, base >> 32]
}

/// Loads the tables. The stack table must be described.
pub(crate) fn init() {
    let mut stacks = [0; 7];
    for (index, top) in stacks.iter_mut().enumerate() {
        *top = stack::interrupt_stack_top(index + 1);
    }
    let tss = TASK_STATE_SEGMENT.get();
    let tss_descriptor = task_state_descriptor(tss as u64, size_of::<TaskState>() as u64 - 1);
    let pointer = TablePointer {
        limit: size_of::<[u64; 5]>() as u16 - 1,
        base: DESCRIPTORS.get() as u64,
    };
    // SAFETY: called once, before the interrupt table is loaded, so that
    // neither table is in use; the first three descriptors equal those that
    // are loaded, so the segment registers stay valid.
    unsafe {
        (*tss).0.interrupt_stacks = stacks;
        [(*DESCRIPTORS.get())[3], (*DESCRIPTORS.get())[4]] = tss_descriptor;
        asm!("lgdt [{}]", in(reg) &raw const pointer, options(readonly, nostack, preserves_flags));
        asm!("ltr {:x}", in(reg) TASK_STATE, options(nostack, preserves_flags));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_state_segment_has_the_processors_layout() {
        assert_eq!(core::mem::offset_of!(TaskState, interrupt_stacks), 36);
        assert_eq!(size_of::<TaskState>(), 104);
        assert_eq!(
            task_state_descriptor(0x1122_3344_5566_7788, 103),
            [0x5500_8966_7788_0067, 0x1122_3344]
        );
    }
}
