//! The stub in its guest: the session's port, memory and traps are real here.
#![expect(unsafe_code, reason = "debug registers, and a session in a static")]

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

use gdbstub::common::Signal;
use gdbstub::stub::SingleThreadStopReason;
use ukdbg_guest_abi::RegisterSet;

use super::breakpoints::Breakpoints;
use super::memory::GuestMemory;
use super::session::{Buffers, Place, Port, Session};
use super::signal;
use super::target::Resume;
use crate::cell::CpuCell;
use crate::{COM2, Disposition, Occasion, TrapFrame, Uart, cpu, install_debugger};

/// DR6: the debug exception comes from a single step (SDM volume 3B, 17.2.3).
const SINGLE_STEP: u64 = 1 << 14;
/// DR6 without any condition, its reserved bits set.
const NO_CONDITION: u64 = 0xffff_0ff0;
/// RFLAGS: trap flag.
const TRAP_FLAG: u64 = 1 << 8;

static BREAKPOINTS: Breakpoints = Breakpoints::new();
static BUFFERS: Buffers = Buffers::new();
static SESSION: CpuCell<Option<Session<GuestMemory, Uart>>> = CpuCell::new(None);
/// True while `SESSION` is in use: a trap that comes then is the stub's own.
static BUSY: AtomicBool = AtomicBool::new(false);
/// Set around the `int3` with which the guest itself stops.
static WAITING: AtomicBool = AtomicBool::new(false);

impl Port for Uart {
    fn read(&mut self) -> Option<u8> {
        self.try_read()
    }

    fn write(&mut self, byte: u8) -> bool {
        self.write_byte(byte)
    }
}

/// Makes the stub answer on COM2. False when there is no such port. The
/// caller then routes the port's interrupt.
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
    let session = unsafe { Session::new(GuestMemory, port, &BREAKPOINTS, &BUFFERS) };
    // SAFETY: the hook, which uses the cell, is not installed yet.
    unsafe { *SESSION.get() = Some(session) };
    install_debugger(on_trap);
    true
}

fn is_installed() -> bool {
    // SAFETY: only `install` changes whether there is a session, on this CPU.
    unsafe { (*SESSION.get()).is_some() }
}

/// Stops here until a client has attached and lets the guest go on. Does
/// nothing unless the stub is installed.
pub fn wait_for_client() {
    if is_installed() {
        WAITING.store(true, Ordering::Relaxed);
        // SAFETY: `on_trap` takes it while `WAITING` is set.
        unsafe { asm!("int3", options(nostack)) };
    }
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
    if occasion == Occasion::Breakpoint && BREAKPOINTS.remove(address, &mut GuestMemory) {
        frame.rip = address;
        return Disposition::Resume;
    }
    Disposition::Declined
}

fn serve(
    session: &mut Session<GuestMemory, Uart>,
    frame: &mut TrapFrame,
    occasion: Occasion,
) -> Disposition {
    let special = special_registers(frame);
    let mut place = Place { frame, special };
    match occasion {
        Occasion::Input => {}
        Occasion::Breakpoint if WAITING.swap(false, Ordering::Relaxed) => session.wait(&place),
        Occasion::Breakpoint => {
            let address = place.frame.rip.wrapping_sub(1);
            if BREAKPOINTS.contains(address) {
                place.frame.rip = address;
                session.stop(&place, SingleThreadStopReason::SwBreak(()));
            } else {
                session.stop(&place, SingleThreadStopReason::Signal(Signal::SIGTRAP));
            }
        }
        Occasion::Debug if take_single_step() => {
            if !session.is_stepping() {
                // Left from a client that is gone.
                place.frame.rflags &= !TRAP_FLAG;
                return Disposition::Resume;
            }
            session.stop(&place, SingleThreadStopReason::DoneStep);
        }
        Occasion::Debug => session.stop(&place, SingleThreadStopReason::Signal(Signal::SIGTRAP)),
        Occasion::Fault => {
            let signal = signal::of_vector(place.frame.vector);
            session.stop(&place, SingleThreadStopReason::Signal(signal));
        }
    }
    run_until_released(session, &mut place, occasion)
}

fn run_until_released(
    session: &mut Session<GuestMemory, Uart>,
    place: &mut Place<'_>,
    occasion: Occasion,
) -> Disposition {
    if occasion != Occasion::Input && !session.is_held() {
        return Disposition::Declined;
    }
    loop {
        match session.poll(place) {
            // Only a fault has another way to go on.
            Some(Resume::Deliver) if occasion == Occasion::Fault => return Disposition::Declined,
            Some(_) => return Disposition::Resume,
            None if !session.is_held() => return Disposition::Resume,
            None => core::hint::spin_loop(),
        }
    }
}

/// Whether a debug exception is a single step's. DR6 keeps its conditions
/// until they are cleared.
fn take_single_step() -> bool {
    let conditions: u64;
    // SAFETY: DR6 only reports; ring 0 may read and write it.
    unsafe {
        asm!("mov {}, dr6", out(reg) conditions, options(nomem, nostack, preserves_flags));
        asm!("mov dr6, {}", in(reg) NO_CONDITION, options(nomem, nostack, preserves_flags));
    }
    conditions & SINGLE_STEP != 0
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
