//! The guest's tasks as threads of a debugged program: one runs, the others
//! lie on their stacks. It switches nothing.

use core::num::NonZeroUsize;
use core::sync::atomic::Ordering;

use gdbstub::common::Tid;
use ukdbg_guest_abi::stack::{NAME_SIZE, SWITCH_FRAME};

use super::ThisGuest;
use super::memory::Memory;
use crate::{stack, task};

/// One task.
#[derive(Clone, Copy)]
pub(super) struct Task {
    /// UTF-8, padded with zeros.
    pub(super) name: [u8; NAME_SIZE],
    /// Where its [`SWITCH_FRAME`] is; 0 for the one that runs.
    pub(super) saved_rsp: u64,
}

/// A guest that has tasks.
pub(super) trait Tasks {
    /// Number of the task that runs.
    fn current(&self) -> usize;
    /// The task of a number below [`Tasks::limit`], if it is alive.
    fn task(&self, number: usize) -> Option<Task>;
    /// One more than the highest number.
    fn limit(&self) -> usize;
    /// The instruction by which a switch returns into a task.
    fn switch_end(&self) -> u64;
}

/// The thread id by which a client knows a task: 0 means any to it.
pub(super) fn thread(number: usize) -> Tid {
    NonZeroUsize::MIN.saturating_add(number)
}

/// The number of the task that a client means.
pub(super) fn number(thread: Tid) -> usize {
    thread.get() - 1
}

/// The registers of a task that does not run, at the end of the switch back to
/// it: there its unwind information applies, and its caller is a caller.
pub(super) struct Suspended {
    /// In the order of GDB's amd64 description; those not kept are 0.
    pub(super) general: [u64; 16],
    pub(super) rip: u64,
}

/// Index in GDB's order of each DWARF register (System V psABI, figure 3.36).
const GDB_INDEX: [usize; 16] = [0, 3, 2, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Index of rsp in GDB's order.
const STACK_POINTER: usize = 7;

/// Where a task that does not run goes on. `None` when its frame cannot be
/// read, as while it is being switched to.
pub(super) fn suspended<G: Memory + Tasks>(task: &Task, guest: &mut G) -> Option<Suspended> {
    const SIZE: usize = SWITCH_FRAME.len() * 8;
    let mut bytes = [0; SIZE];
    if task.saved_rsp == 0 || guest.read(task.saved_rsp, &mut bytes) < SIZE {
        return None;
    }
    let mut general = [0; 16];
    let (words, _) = bytes.as_chunks::<8>();
    for ((&register, &word), at) in SWITCH_FRAME.iter().zip(words).zip((0_u64..).step_by(8)) {
        match GDB_INDEX.get(usize::from(register)) {
            Some(&index) => general[index] = u64::from_le_bytes(word),
            // The return address, which the switch's end has yet to pop.
            None => general[STACK_POINTER] = task.saved_rsp.wrapping_add(at),
        }
    }
    Some(Suspended {
        general,
        rip: guest.switch_end(),
    })
}

impl Tasks for ThisGuest {
    fn current(&self) -> usize {
        stack::TABLE.current.load(Ordering::Relaxed) as usize
    }

    fn task(&self, number: usize) -> Option<Task> {
        let entry = stack::entries().get(number)?;
        (entry.alive.load(Ordering::Relaxed) != 0).then(|| Task {
            name: entry.name,
            saved_rsp: entry.saved_rsp.load(Ordering::Relaxed),
        })
    }

    fn limit(&self) -> usize {
        stack::entries().len()
    }

    fn switch_end(&self) -> u64 {
        task::switch_end()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::FakeGuest;
    use super::*;

    #[test]
    fn a_suspended_task_goes_on_behind_its_switch() {
        let mut guest = FakeGuest::new(0x1000, 0x100);
        let words: [u64; 7] = [15, 14, 13, 12, 3, 6, 0xaddc];
        for (word, at) in words.iter().zip((0x1010..).step_by(8)) {
            guest.write(at, &word.to_le_bytes());
        }
        let task = |saved_rsp| Task {
            name: [0; NAME_SIZE],
            saved_rsp,
        };
        let found = suspended(&task(0x1010), &mut guest).unwrap();
        assert_eq!(
            found.general,
            [0, 3, 0, 0, 0, 0, 6, 0x1040, 0, 0, 0, 0, 12, 13, 14, 15]
        );
        assert_eq!(found.rip, 0x5000);
        for unreadable in [0, 0x10f0, u64::MAX] {
            assert!(suspended(&task(unreadable), &mut guest).is_none());
        }
    }
}
