//! The hook through which an in-guest debugger sees traps. Not a debugger.

use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::TrapFrame;

/// Why the debugger is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occasion {
    /// `int3` was executed; `rip` is behind it.
    Breakpoint,
    /// A debug exception: a single step or a debug register; see DR6.
    Debug,
    /// A page fault at an instruction fetch: a breakpoint on a stack, where a
    /// debugger lets a function that it calls return to, is not executed.
    Fetch,
    /// The debugger's serial port has received something.
    Input,
    /// An exception that the guest does not handle; its record is complete and
    /// the rendezvous has been called.
    Fault,
}

/// What the debugger did about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// The interrupted code goes on with the frame as it is now.
    Resume,
    /// Nothing: the trap takes the course it has without a debugger.
    Declined,
}

/// Whether the debugger works. The entry code reads both at once: a breakpoint
/// hit meanwhile is in code that handles breakpoints, and cannot stop there.
#[repr(C)]
pub(crate) struct InDebugger {
    /// The debugger itself sets it while it uses what is its own.
    pub(crate) busy: AtomicBool,
    /// Set by the entry of a breakpoint, before anything is called.
    entered: AtomicBool,
}

pub(crate) static IN_DEBUGGER: InDebugger = InDebugger {
    busy: AtomicBool::new(false),
    entered: AtomicBool::new(false),
};

/// The debugger did not want a breakpoint: what follows is the guest's.
pub(super) fn leave() {
    IN_DEBUGGER.entered.store(false, Ordering::Relaxed);
}

/// Called in the trap, on its IST stack, with interrupts off.
pub type DebuggerHook = fn(&mut TrapFrame, Occasion) -> Disposition;

static HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Makes `hook` see every breakpoint, debug exception, fault and input on the
/// debugger's port from now on.
pub fn install_debugger(hook: DebuggerHook) {
    HOOK.store(hook as *mut (), Ordering::Release);
}

/// Asks the debugger, if there is one.
#[expect(unsafe_code, reason = "a function pointer kept in an atomic")]
pub(crate) fn offer(frame: &mut TrapFrame, occasion: Occasion) -> Disposition {
    let hook = HOOK.load(Ordering::Acquire);
    if hook.is_null() {
        return Disposition::Declined;
    }
    // SAFETY: only `install_debugger` stores here, and only a `DebuggerHook`.
    let hook = unsafe { core::mem::transmute::<*mut (), DebuggerHook>(hook) };
    hook(frame, occasion)
}
