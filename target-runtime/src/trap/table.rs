//! The interrupt descriptor table: one gate for each vector.
#![expect(unsafe_code, reason = "lidt, and entries in assembly")]

use core::arch::asm;
use core::ops::Range;

use super::vector;
use crate::cell::CpuCell;
use crate::segments::{self, TablePointer};

/// A 64-bit interrupt gate (SDM volume 3A, figure 6-8): interrupts are off in
/// the handler.
#[repr(C)]
#[derive(Clone, Copy)]
struct Gate([u64; 2]);

impl Gate {
    const fn new(entry: u64, interrupt_stack: u8) -> Self {
        let low = (entry & 0xffff)
            | (segments::CODE as u64) << 16
            | (interrupt_stack as u64) << 32
            | 0x8e << 40
            | (entry >> 16 & 0xffff) << 48;
        Self([low, entry >> 32])
    }
}

/// The interrupt stack of each vector, for the entry code.
static INTERRUPT_STACK_OF: [u8; vector::COUNT] = {
    let mut stacks = [0; vector::COUNT];
    let mut index = 0;
    while index < vector::COUNT {
        stacks[index] = vector::interrupt_stack(index);
        index += 1;
    }
    stacks
};

static TABLE: CpuCell<[Gate; vector::COUNT]> = CpuCell::new([Gate([0; 2]); vector::COUNT]);

#[cfg(any(target_os = "none", ukdbg_guest))]
core::arch::global_asm!(
    include_str!("entry.s"),
    count = const vector::COUNT,
    interrupt_stack_of = sym INTERRUPT_STACK_OF,
    task_state = sym crate::segments::TASK_STATE_SEGMENT,
    nest_size = const crate::stack::NEST_SIZE,
    dispatch = sym super::dispatch::dispatch,
    breakpoints = sym crate::stub::BREAKPOINTS,
    breakpoint_count = const crate::stub::BREAKPOINT_COUNT,
    in_debugger = sym super::debugger::IN_DEBUGGER,
);

unsafe extern "C" {
    static ukdbg_trap_entries: [u64; vector::COUNT];
    safe static ukdbg_trap_code: u8;
    safe static ukdbg_trap_code_end: u8;
}

/// Where the entries' code lies, whatever a linker makes of the rest.
pub(crate) fn entry_code() -> Range<u64> {
    &raw const ukdbg_trap_code as u64..&raw const ukdbg_trap_code_end as u64
}

/// Fills the table in and loads it.
pub(crate) fn init() {
    let pointer = TablePointer {
        limit: size_of::<[Gate; vector::COUNT]>() as u16 - 1,
        base: TABLE.get() as u64,
    };
    // SAFETY: called once, with interrupts off; the entries are those of
    // `entry.s`, and the task-state segment with their stacks is loaded.
    unsafe {
        let table = &mut *TABLE.get();
        for (vector, (gate, &entry)) in table.iter_mut().zip(&ukdbg_trap_entries).enumerate() {
            *gate = Gate::new(entry, vector::interrupt_stack(vector));
        }
        asm!("lidt [{}]", in(reg) &raw const pointer, options(readonly, nostack, preserves_flags));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gate_has_the_processors_layout() {
        let gate = Gate::new(0x1122_3344_5566_7788, 6);
        assert_eq!(gate.0, [0x5566_8e06_0008_7788, 0x1122_3344]);
    }

    #[test]
    fn vectors_that_may_interrupt_each_other_have_their_own_stacks() {
        let stacks = [8, 2, 18, 1, 14, 13, 32].map(vector::interrupt_stack);
        for (index, stack) in stacks.iter().enumerate() {
            assert!(!stacks[..index].contains(stack));
        }
    }
}
