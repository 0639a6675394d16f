//! Cooperative tasks, each on its own stack, taking turns. Not preemption: a
//! task runs until it yields or ends.
#![expect(unsafe_code, reason = "switches stacks")]

extern crate alloc;

use alloc::boxed::Box;
use core::sync::atomic::Ordering;

use ukdbg_guest_abi::StackEntry;
use ukdbg_guest_abi::stack::SWITCH_FRAME;

use crate::cell::CpuCell;
use crate::stack::{self, BOOT, FIRST_TASK, MAX_TASKS, TABLE};
use crate::trace::Level;
use crate::trace_event;

core::arch::global_asm!(include_str!("switch.s"), main = sym task_main);

unsafe extern "C" {
    fn ukdbg_switch(save: *mut u64, resume: u64);
    fn ukdbg_task_entry();
    safe static ukdbg_switch_end: u8;
}

/// Address of the last instruction of a switch, which returns into the task
/// that goes on; all else of its SWITCH_FRAME is in registers there.
pub(crate) fn switch_end() -> u64 {
    &raw const ukdbg_switch_end as u64
}

/// What a task runs.
type Body = Box<dyn FnOnce()>;

/// The bodies of tasks that have not begun.
static BODIES: CpuCell<[Option<Body>; MAX_TASKS]> = CpuCell::new([const { None }; MAX_TASKS]);

/// There are as many tasks as there can be.
#[derive(Debug)]
pub struct TooManyTasks;

/// The boot stack is the task that runs first.
pub(crate) fn init() {
    TABLE.current.store(BOOT as u32, Ordering::Relaxed);
    stack::entries()[BOOT].alive.store(1, Ordering::Relaxed);
}

/// Adds a task. It begins when [`run_tasks`] or a yield comes to it.
pub fn spawn(name: &str, body: impl FnOnce() + 'static) -> Result<(), TooManyTasks> {
    let task = stack::entries().len() - FIRST_TASK;
    if task >= MAX_TASKS {
        return Err(TooManyTasks);
    }
    stack::add_task(task, name);
    let entry = &stack::entries()[FIRST_TASK + task];
    let mut frame = [0; SWITCH_FRAME.len()];
    // Behind the `nop`; see there.
    frame[SWITCH_FRAME.len() - 1] = ukdbg_task_entry as *const () as u64 + 1;
    // The entry calls, so the stack is to be 16-aligned behind the frame.
    let saved = entry.high - size_of_val(&frame) as u64;
    // SAFETY: the stack is the new task's, and nothing is on it.
    unsafe {
        (saved as *mut [u64; SWITCH_FRAME.len()]).write(frame);
        (*BODIES.get())[task] = Some(Box::new(body));
    }
    entry.saved_rsp.store(saved, Ordering::Relaxed);
    entry.alive.store(1, Ordering::Release);
    Ok(())
}

/// Runs all tasks until none is alive.
pub fn run_tasks() {
    while stack::entries()[FIRST_TASK..].iter().any(is_alive) {
        yield_now();
    }
}

/// Lets the other tasks run.
pub fn yield_now() {
    let from = TABLE.current.load(Ordering::Relaxed) as usize;
    if let Some(to) = next(stack::entries(), from) {
        switch(from, to);
    }
}

/// The stack whose turn it is after `from`. The boot stack's turn comes only
/// when no task is alive.
fn next(entries: &[StackEntry], from: usize) -> Option<usize> {
    let tasks = entries.len() - FIRST_TASK;
    let after = from.checked_sub(FIRST_TASK).map_or(0, |task| task + 1);
    (0..tasks)
        .map(|step| FIRST_TASK + (after + step) % tasks)
        .find(|&task| is_alive(&entries[task]))
        .or(Some(BOOT))
        .filter(|&to| to != from)
}

fn is_alive(entry: &StackEntry) -> bool {
    entry.alive.load(Ordering::Relaxed) != 0
}

fn switch(from: usize, to: usize) {
    let entries = stack::entries();
    // A task that runs has no saved stack pointer.
    let resume = entries[to].saved_rsp.swap(0, Ordering::Relaxed);
    TABLE.current.store(to as u32, Ordering::Relaxed);
    trace_event!(Level::Debug, "task.switch", from: u32 = from as u32, to: u32 = to as u32);
    // SAFETY: `resume` was saved by this function or laid out by `spawn`; both
    // leave a SWITCH_FRAME there.
    unsafe { ukdbg_switch(entries[from].saved_rsp.as_ptr(), resume) };
}

/// A task's first Rust function.
extern "C" fn task_main() -> ! {
    let current = TABLE.current.load(Ordering::Relaxed) as usize;
    // SAFETY: tasks switch only where they say so.
    let body = unsafe { (*BODIES.get())[current - FIRST_TASK].take() };
    if let Some(body) = body {
        body();
    }
    stack::entries()[current].alive.store(0, Ordering::Release);
    loop {
        yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// The one test that switches stacks: they are static.
    #[test]
    fn tasks_take_turns_until_none_is_alive() {
        stack::init();
        init();
        let log = Rc::new(RefCell::new(Vec::new()));
        for (name, steps) in [("a", 3), ("b", 1), ("c", 2)] {
            let log = log.clone();
            let body = move || {
                for step in 0..steps {
                    log.borrow_mut().push((name, step));
                    yield_now();
                }
            };
            spawn(name, body).unwrap();
        }
        run_tasks();
        let expected = [("a", 0), ("b", 0), ("c", 0), ("a", 1), ("c", 1), ("a", 2)];
        assert_eq!(log.borrow()[..], expected);
        let entries = stack::entries();
        assert_eq!(entries.len(), FIRST_TASK + 3);
        assert!(entries[FIRST_TASK..].iter().all(|entry| !is_alive(entry)));
        assert_eq!(TABLE.current.load(Ordering::Relaxed), BOOT as u32);
        assert!(entries[FIRST_TASK].name.starts_with(b"a\0"));
    }
}
