//! Backtraces of CPUs and of tasks that are not running.

use ukdbg_inspect::{Backtrace, FoundBy, Memory, Registers, Stack, Target, Unwinder};

use crate::session::{Session, Shown};
use crate::view::{BacktraceView, StackOwner};
use crate::{Scope, SessionError, arguments, frames};

/// The backtraces a scope covers, the CPU that stopped first.
pub(crate) fn all<T: Target>(
    session: &mut Session<'_, T>,
    scope: Scope,
) -> Result<Vec<BacktraceView>, SessionError> {
    let selected = session.current_vcpu()?;
    let machine = session.target.registers(selected)?;
    let stacks = stacks(session);
    let found = find(session, &machine, FoundBy::Stop, &stacks);
    let mut views = vec![remember(session, found, StackOwner::Cpu { id: selected })];
    if scope == Scope::Selected {
        return Ok(views);
    }
    for vcpu in session.target.vcpus()? {
        if vcpu != selected {
            let registers = session.target.registers(vcpu)?;
            let found = find(session, &registers, FoundBy::Stop, &stacks);
            views.push(show(session, &found, StackOwner::Cpu { id: vcpu }));
        }
    }
    // Memory is that of the CPU asked last.
    let machine = session.target.registers(selected)?;
    views.extend(tasks(session, &machine, &stacks));
    Ok(views)
}

/// The frames from the innermost to the one shown under a number, or to the
/// end of the stack, without arguments: no more memory is read than they need.
pub(crate) fn up_to<T: Target>(
    session: &mut Session<'_, T>,
    index: usize,
) -> Result<Shown, SessionError> {
    let selected = session.current_vcpu()?;
    let machine = session.target.registers(selected)?;
    // The innermost frame is where the registers are, whatever its stack.
    let stacks = match index {
        0 => Vec::new(),
        _ => stacks(session),
    };
    let found = Unwinder::new(&session.modules)
        .with_stacks(&stacks)
        // A frame that is found is shown as one frame at least.
        .with_limit(index.saturating_add(1))
        .unwind(&machine, FoundBy::Stop, &mut session.target);
    let of = StackOwner::Cpu { id: selected };
    let mut view = frames::expand(&session.modules, &found, of, |_, _| Vec::new());
    hide(&mut view, session.run.hidden);
    Ok(Shown { found, view })
}

/// Unwinds from registers, with the guest's own word on where its stacks are.
pub(crate) fn find<T: Target>(
    session: &mut Session<'_, T>,
    registers: &Registers,
    found_by: FoundBy,
    stacks: &[Stack],
) -> Backtrace {
    Unwinder::new(&session.modules).with_stacks(stacks).unwind(
        registers,
        found_by,
        &mut session.target,
    )
}

/// Takes out inlined calls that begin where the CPU stands and nobody has
/// stepped into yet.
fn hide(view: &mut BacktraceView, hidden: usize) {
    let hidden = hidden.min(view.frames.len().saturating_sub(1));
    view.frames.drain(..hidden);
    for (index, frame) in view.frames.iter_mut().enumerate() {
        frame.index = index;
    }
}

/// Expands a backtrace, and keeps it as the one that frame numbers refer to.
pub(crate) fn remember<T: Target>(
    session: &mut Session<'_, T>,
    found: Backtrace,
    of: StackOwner,
) -> BacktraceView {
    let mut view = show(session, &found, of);
    hide(&mut view, session.run.hidden);
    session.shown = Some(Shown {
        found,
        view: view.clone(),
    });
    view
}

fn show<T: Target>(
    session: &mut Session<'_, T>,
    found: &Backtrace,
    of: StackOwner,
) -> BacktraceView {
    let (modules, memory) = (&session.modules, &mut session.target as &mut dyn Memory);
    frames::expand(modules, found, of, |frame, level| {
        arguments::of(modules, memory, frame, level)
    })
}

/// Every task that is not running. What the guest's tables do not tell is left
/// out: without our runtime there are no tasks to know of.
fn tasks<T: Target>(
    session: &mut Session<'_, T>,
    machine: &Registers,
    stacks: &[Stack],
) -> Vec<BacktraceView> {
    let mut views = Vec::new();
    for stack in stacks.iter().filter(|stack| stack.alive) {
        let found = Unwinder::new(&session.modules)
            .with_stacks(stacks)
            .unwind_task(stack, machine, &mut session.target);
        if let Some(found) = found {
            let name = stack.name.clone();
            views.push(show(session, &found, StackOwner::Task { name }));
        }
    }
    views
}

fn stacks<T: Target>(session: &mut Session<'_, T>) -> Vec<Stack> {
    let root = session.root().ok();
    let stacks = root.and_then(|root| root.stacks(&mut session.target).ok().flatten());
    stacks.map_or_else(Vec::new, |stacks| stacks.stacks)
}
