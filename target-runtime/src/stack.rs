//! Every stack of the guest and the table that names them. Not the switching
//! between them.
#![expect(unsafe_code, reason = "stacks are raw memory")]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ukdbg_guest_abi::{GuestAddress, StackEntry, StackKind, StackTable, stack};

use crate::cell::CpuCell;

/// Size of the unmapped guard below each stack: a page.
const GUARD_SIZE: usize = 4096;
/// Size of the boot stack and of each task's.
const STACK_SIZE: usize = 64 * 1024;
/// Size of an interrupt stack: room for a few nested traps.
const INTERRUPT_STACK_SIZE: usize = 4 * NEST_SIZE;
/// What one trap may use of an interrupt stack before a nested one begins: a
/// session of the stub has been seen to use a third of it.
pub(crate) const NEST_SIZE: usize = 16 * 1024;
/// Tasks there can be.
pub(crate) const MAX_TASKS: usize = 8;
/// Names of the stacks of the interrupt stack table (SDM volume 3A, 6.14.5),
/// from its first entry on. `trap::vector` says which vector uses which.
const INTERRUPT_STACK_NAMES: [&str; 7] = [
    "fault",
    "double-fault",
    "nmi",
    "machine-check",
    "debug",
    "page-fault",
    "interrupt",
];
/// Table index of the boot stack.
pub(crate) const BOOT: usize = 0;
/// Table index of the first interrupt stack.
const FIRST_INTERRUPT: usize = 1;
/// Table index of the first task's stack.
pub(crate) const FIRST_TASK: usize = FIRST_INTERRUPT + INTERRUPT_STACK_NAMES.len();
const MAX_STACKS: usize = FIRST_TASK + MAX_TASKS;

/// A stack above the page that will be unmapped.
#[repr(C, align(4096))]
pub(crate) struct Guarded<const SIZE: usize> {
    guard: [u8; GUARD_SIZE],
    bytes: [u8; SIZE],
}

impl<const SIZE: usize> Guarded<SIZE> {
    const EMPTY: Self = Self {
        guard: [0; GUARD_SIZE],
        bytes: [0; SIZE],
    };

    /// Lowest and one past the highest usable address.
    fn bounds(this: *const Self) -> (u64, u64) {
        let low = this as u64 + GUARD_SIZE as u64;
        (low, low + SIZE as u64)
    }
}

/// The stack the entry code starts on, from its guard on.
pub(crate) static BOOT_STACK: CpuCell<Guarded<STACK_SIZE>> = CpuCell::new(Guarded::EMPTY);
/// Distance of that stack's top from the static's start.
pub(crate) const BOOT_STACK_TOP: usize = GUARD_SIZE + STACK_SIZE;
static INTERRUPT_STACKS: CpuCell<[Guarded<INTERRUPT_STACK_SIZE>; 7]> =
    CpuCell::new([Guarded::EMPTY; 7]);
static TASK_STACKS: CpuCell<[Guarded<STACK_SIZE>; MAX_TASKS]> =
    CpuCell::new([Guarded::EMPTY; MAX_TASKS]);

static ENTRIES: CpuCell<[StackEntry; MAX_STACKS]> =
    CpuCell::new([const { empty_entry() }; MAX_STACKS]);

/// The table that the root block points to.
pub(crate) static TABLE: StackTable = StackTable {
    magic: stack::MAGIC,
    version: stack::VERSION,
    entry_size: size_of::<StackEntry>() as u32,
    count: AtomicU32::new(0),
    entries: GuestAddress::new(ENTRIES.get()),
    current: AtomicU32::new(u32::MAX),
};

const fn empty_entry() -> StackEntry {
    StackEntry {
        name: [0; stack::NAME_SIZE],
        kind: StackKind::Task as u32,
        alive: AtomicU32::new(0),
        low: 0,
        high: 0,
        guard_size: 0,
        saved_rsp: AtomicU64::new(0),
    }
}

/// Fills in the entries of the stacks that always exist.
pub(crate) fn init() {
    describe(
        BOOT,
        "boot",
        StackKind::Boot,
        Guarded::bounds(BOOT_STACK.get()),
    );
    for (index, name) in INTERRUPT_STACK_NAMES.iter().enumerate() {
        let stack = INTERRUPT_STACKS
            .get()
            .cast::<Guarded<INTERRUPT_STACK_SIZE>>();
        let bounds = Guarded::bounds(stack.wrapping_add(index));
        describe(FIRST_INTERRUPT + index, name, StackKind::Interrupt, bounds);
    }
    TABLE.count.store(FIRST_TASK as u32, Ordering::Release);
}

/// Adds the stack of task number `task`.
pub(crate) fn add_task(task: usize, name: &str) {
    debug_assert!(task < MAX_TASKS);
    let stack = TASK_STACKS.get().cast::<Guarded<STACK_SIZE>>();
    let bounds = Guarded::bounds(stack.wrapping_add(task));
    describe(FIRST_TASK + task, name, StackKind::Task, bounds);
    TABLE
        .count
        .store((FIRST_TASK + task + 1) as u32, Ordering::Release);
}

fn describe(index: usize, name: &str, kind: StackKind, (low, high): (u64, u64)) {
    let mut bytes = [0; stack::NAME_SIZE];
    let length = name.len().min(stack::NAME_SIZE);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    let entry = ENTRIES.get().cast::<StackEntry>().wrapping_add(index);
    assert!(index < MAX_STACKS);
    // SAFETY: `index` is in the table; entries are described before anything
    // but a debugger reads them.
    unsafe {
        entry.write(StackEntry {
            name: bytes,
            kind: kind as u32,
            alive: AtomicU32::new(0),
            low,
            high,
            guard_size: GUARD_SIZE as u64,
            saved_rsp: AtomicU64::new(0),
        });
    }
}

/// The entries in use.
pub(crate) fn entries() -> &'static [StackEntry] {
    let count = TABLE.count.load(Ordering::Acquire) as usize;
    // SAFETY: `count` entries are described, and a described entry changes
    // only in its atomics.
    unsafe { core::slice::from_raw_parts(ENTRIES.get().cast(), count) }
}

/// Index of the stack that a stack pointer belongs to.
pub(crate) fn containing(stack_pointer: u64) -> Option<usize> {
    entries()
        .iter()
        .position(|entry| owns(entry.low - entry.guard_size, entry.high, stack_pointer))
}

/// A stack pointer at the very top has nothing on the stack yet; one in the
/// guard has overflowed.
fn owns(guard: u64, high: u64, stack_pointer: u64) -> bool {
    guard < stack_pointer && stack_pointer <= high
}

/// Top of interrupt stack `number`, counted from 1 as the processor does.
pub(crate) fn interrupt_stack_top(number: usize) -> u64 {
    entries()[FIRST_INTERRUPT + number - 1].high
}

/// The guard pages of all stacks, existing or to come.
pub(crate) fn guard_pages() -> impl Iterator<Item = u64> {
    let interrupt = INTERRUPT_STACKS
        .get()
        .cast::<Guarded<INTERRUPT_STACK_SIZE>>();
    let task = TASK_STACKS.get().cast::<Guarded<STACK_SIZE>>();
    core::iter::once(BOOT_STACK.get() as u64)
        .chain((0..INTERRUPT_STACK_NAMES.len()).map(move |i| interrupt.wrapping_add(i) as u64))
        .chain((0..MAX_TASKS).map(move |i| task.wrapping_add(i) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_owns_its_guard_but_not_its_neighbour() {
        #[track_caller]
        fn check(stack_pointer: u64, expected: bool) {
            assert_eq!(owns(0x1000, 0x4000, stack_pointer), expected);
        }
        check(0x1000, false);
        check(0x1008, true);
        check(0x2000, true);
        check(0x4000, true);
        check(0x4001, false);
    }
}
