//! The stub in its guest: the session's port, memory and traps are real here.
#![expect(unsafe_code, reason = "debug registers, and a session in a static")]

use core::arch::asm;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use gdbstub::common::Signal;
use ukdbg_guest_abi::RegisterSet;

use super::breakpoints::Breakpoints;
use super::session::{Buffers, Place, Port, Session};
use super::target::{Resume, SINGLE_STEP, StopReason};
use super::{ThisGuest, signal};
use crate::cell::CpuCell;
use crate::{COM2, Disposition, Occasion, TrapFrame, Uart, cpu, install_debugger};

/// DR6 without any condition, its reserved bits set.
const NO_CONDITION: u64 = 0xffff_0ff0;
/// RFLAGS: trap flag.
const TRAP_FLAG: u64 = 1 << 8;

static BREAKPOINTS: Breakpoints = Breakpoints::new();
static BUFFERS: Buffers = Buffers::new();
static SESSION: CpuCell<Option<Session<ThisGuest, Uart>>> = CpuCell::new(None);
/// True once `SESSION` holds a session.
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// True while `SESSION` is in use: a trap that comes then is the stub's own.
static BUSY: AtomicBool = AtomicBool::new(false);
/// Why the guest itself executes the next `int3`: a [`Call`].
static CALL: AtomicU8 = AtomicU8::new(Call::None as u8);

/// What the guest wants of the stub.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Call {
    /// Nothing: a breakpoint is one.
    None,
    /// To wait for a client.
    Wait,
    /// To report a panic.
    Panic,
}

impl Port for Uart {
    fn read(&mut self) -> Option<u8> {
        self.try_read()
    }

    fn write(&mut self, byte: u8) -> bool {
        self.write_byte(byte)
    }
}

/// Makes the stub answer on COM2. False when there is no such port. The
/// caller then routes the port's interrupt
/// ([`route_debugger_port`](crate::route_debugger_port)).
pub fn install() -> bool {
    if is_installed() {
        return true;
    }
    // SAFETY: COM2 is where a PC has it, or nothing answers there.
    let mut port = unsafe { Uart::new(COM2) };
    if !port.init() {
        return false;
    }
    port.enable_receive_interrupt();
    // SAFETY: this is the one session, made once.
    let session = unsafe { Session::new(ThisGuest, port, &BREAKPOINTS, &BUFFERS) };
    // SAFETY: the hook, which uses the cell, is not installed yet.
    unsafe { *SESSION.get() = Some(session) };
    INSTALLED.store(true, Ordering::Release);
    install_debugger(on_trap);
    true
}

fn is_installed() -> bool {
    INSTALLED.load(Ordering::Acquire)
}

/// Stops here until a client has attached and lets the guest go on. Does
/// nothing unless the stub is installed.
pub fn wait_for_client() {
    call(Call::Wait);
}

/// The guest panicked and will stop: a client that is attached may look first.
pub(crate) fn on_panic() {
    call(Call::Panic);
}

/// Enters the stub by a trap, which saves where the guest stands.
#[inline(always)]
fn call(why: Call) {
    if is_installed() {
        CALL.store(why as u8, Ordering::Relaxed);
        // SAFETY: `on_trap` takes it while `CALL` is set, and changes nothing
        // unless a client does.
        unsafe { asm!("int3", options(nostack)) };
    }
}

/// The guest will end: a client that waits for it is told.
pub(crate) fn on_exit(status: u8) {
    if !is_installed() || BUSY.swap(true, Ordering::Acquire) {
        return;
    }
    // SAFETY: `BUSY` was not set, so nobody else uses the session, and a trap
    // that comes now leaves it alone.
    if let Some(session) = unsafe { &mut *SESSION.get() } {
        session.end(StopReason::Exited(status));
    }
    BUSY.store(false, Ordering::Release);
}

/// The hook in the traps.
fn on_trap(frame: &mut TrapFrame, occasion: Occasion) -> Disposition {
    if BUSY.swap(true, Ordering::Acquire) {
        return on_own_trap(frame, occasion);
    }
    // SAFETY: `BUSY` was not set, so nobody else uses the session, and
    // interrupts are off.
    let session = unsafe { &mut *SESSION.get() };
    let disposition = match session {
        Some(session) => serve(session, frame, occasion),
        None => Disposition::Declined,
    };
    BUSY.store(false, Ordering::Release);
    disposition
}

/// A trap in the stub itself. A breakpoint there, in a function it shares with
/// the program, is taken out: it cannot be reported.
fn on_own_trap(frame: &mut TrapFrame, occasion: Occasion) -> Disposition {
    let address = frame.rip.wrapping_sub(1);
    if occasion == Occasion::Breakpoint && BREAKPOINTS.remove(address, &mut ThisGuest) {
        frame.rip = address;
        return Disposition::Resume;
    }
    Disposition::Declined
}

fn serve(
    session: &mut Session<ThisGuest, Uart>,
    frame: &mut TrapFrame,
    occasion: Occasion,
) -> Disposition {
    let special = special_registers(frame);
    let mut place = Place { frame, special };
    let mut end = None;
    match occasion {
        Occasion::Input => {}
        Occasion::Breakpoint => end = on_breakpoint(session, &mut place),
        Occasion::Debug => {
            let conditions = take_debug_conditions();
            if conditions & SINGLE_STEP != 0 && !session.is_stepping() {
                // Left from a client that is gone.
                place.frame.rflags &= !TRAP_FLAG;
                return Disposition::Resume;
            }
            session.stop(&place, StopReason::Debug(conditions));
        }
        Occasion::Fetch if BREAKPOINTS.contains(place.frame.rip) => {
            session.stop(&place, StopReason::Breakpoint);
        }
        Occasion::Fetch => {}
        Occasion::Fault => {
            let signal = signal::of_vector(place.frame.vector);
            session.stop(&place, StopReason::Signal(signal));
            end = Some(signal);
        }
    }
    let held = session.is_held();
    let resume = if held || occasion == Occasion::Input {
        run_until_released(session, &mut place)
    } else {
        Resume::Deliver
    };
    match (occasion, end) {
        // A panic ends however the client resumes it, and needs nothing else.
        (Occasion::Breakpoint, Some(signal)) => {
            session.end(StopReason::Terminated(signal));
            Disposition::Resume
        }
        (Occasion::Fault, Some(signal)) if resume == Resume::Deliver => {
            session.end(StopReason::Terminated(signal));
            Disposition::Declined
        }
        _ if held || occasion == Occasion::Input => Disposition::Resume,
        _ => Disposition::Declined,
    }
}

/// Tells the guest's own calls from breakpoints. Gives the signal that the
/// guest ends by after it.
fn on_breakpoint(session: &mut Session<ThisGuest, Uart>, place: &mut Place<'_>) -> Option<Signal> {
    let call = CALL.swap(Call::None as u8, Ordering::Relaxed);
    if call == Call::Wait as u8 {
        session.wait(place);
    } else if call == Call::Panic as u8 {
        session.stop(place, StopReason::Signal(Signal::SIGABRT));
        return Some(Signal::SIGABRT);
    } else {
        let address = place.frame.rip.wrapping_sub(1);
        if BREAKPOINTS.contains(address) {
            place.frame.rip = address;
            session.stop(place, StopReason::Breakpoint);
        } else {
            session.stop(place, StopReason::Signal(Signal::SIGTRAP));
        }
    }
    None
}

fn run_until_released(session: &mut Session<ThisGuest, Uart>, place: &mut Place<'_>) -> Resume {
    loop {
        match session.poll(place) {
            Some(resume) => return resume,
            None if !session.is_held() => return Resume::Continue,
            None => core::hint::spin_loop(),
        }
    }
}

/// Why there was a debug exception. DR6 keeps its conditions until they are
/// cleared.
fn take_debug_conditions() -> u64 {
    let conditions: u64;
    // SAFETY: DR6 only reports; ring 0 may read and write it.
    unsafe {
        asm!("mov {}, dr6", out(reg) conditions, options(nomem, nostack, preserves_flags));
        asm!("mov dr6, {}", in(reg) NO_CONDITION, options(nomem, nostack, preserves_flags));
    }
    conditions
}

fn special_registers(frame: &TrapFrame) -> RegisterSet {
    // SAFETY: every long-mode processor has these registers.
    let [fs_base, gs_base, efer] = unsafe {
        [
            cpu::read_msr(cpu::MSR_FS_BASE),
            cpu::read_msr(cpu::MSR_GS_BASE),
            cpu::read_msr(cpu::MSR_EFER),
        ]
    };
    RegisterSet {
        segments: [
            frame.cs,
            frame.ss,
            cpu::ds(),
            cpu::es(),
            cpu::fs(),
            cpu::gs(),
        ],
        fs_base,
        gs_base,
        cr0: cpu::cr0(),
        cr2: cpu::cr2(),
        cr3: cpu::cr3(),
        cr4: cpu::cr4(),
        efer,
        ..RegisterSet::default()
    }
}
