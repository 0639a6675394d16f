//! The stub in its guest: the session's port, memory and traps are real here.
#![expect(unsafe_code, reason = "a session in a static, and int3")]

use core::arch::asm;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use gdbstub::common::Signal;

use super::breakpoints::Breakpoints;
use super::session::{Buffers, Place, Port, Session};
use super::target::{Resume, SINGLE_STEP, StopReason};
use super::{ThisGuest, processor, recovery, signal};
use crate::cell::CpuCell;
use crate::trap::{self, IN_DEBUGGER};
use crate::{
    COM1, COM2, Disposition, Occasion, TrapFrame, Uart, cpu, exit, install_debugger, println, time,
};

/// RFLAGS: trap flag.
const TRAP_FLAG: u64 = 1 << 8;
/// How often in a row the stub may fail before it lets its client go: it could
/// fail at what it must do to let the guest go on.
const FAILURES: u32 = 8;
/// Status of a guest that a client killed; Linux's number of SIGKILL.
const KILLED: u8 = 9;

pub(crate) static BREAKPOINTS: Breakpoints = Breakpoints::new();
static BUFFERS: Buffers = Buffers::new();
static SESSION: CpuCell<Option<Session<ThisGuest, Uart>>> = CpuCell::new(None);
/// True once `SESSION` holds a session.
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// The session's port is the console's.
static SHARED: AtomicBool = AtomicBool::new(false);
/// True while `SESSION` is in use: a trap that comes then is the stub's own.
static BUSY: &AtomicBool = &IN_DEBUGGER.busy;
/// Why the guest itself executes the next `int3`: a [`Call`].
static CALL: AtomicU8 = AtomicU8::new(Call::None as u8);
/// Vector and address of the last fault of the stub itself.
static FAILED_BY: AtomicU64 = AtomicU64::new(NOTHING);
static FAILED_AT: AtomicU64 = AtomicU64::new(0);
/// Stand where a vector is expected, for a panic and for no failure.
const PANIC: u64 = u64::MAX;
const NOTHING: u64 = u64::MAX - 1;

/// The serial port that the stub answers on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// The second one, which is its own.
    Own,
    /// The first one, which is the console's: the guest's text is plain while
    /// no client is attached, and comes as `O` packets while one is.
    Console,
}

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

/// Makes the stub answer on COM2, or where there is none on COM1, which it then
/// shares with the console. Says which; `None` when there is no serial port at
/// all.
pub fn install() -> Option<Line> {
    if is_installed() {
        return Some(line());
    }
    let (mut port, shared) = port()?;
    SHARED.store(shared, Ordering::Relaxed);
    port.enable_receive_interrupt();
    // SAFETY: this is the one session, made once.
    let session = unsafe { Session::new(ThisGuest, port, &BREAKPOINTS, &BUFFERS) };
    // SAFETY: the hook, which uses the cell, is not installed yet.
    unsafe { *SESSION.get() = Some(session) };
    INSTALLED.store(true, Ordering::Release);
    install_debugger(on_trap);
    time::route_serial_port(match line() {
        Line::Console => COM1,
        Line::Own => COM2,
    });
    Some(line())
}

/// Where the stub answers once it is installed.
fn line() -> Line {
    if SHARED.load(Ordering::Relaxed) {
        Line::Console
    } else {
        Line::Own
    }
}

/// A port that answers, and whether the console is there too.
fn port() -> Option<(Uart, bool)> {
    [(COM2, false), (COM1, true)]
        .into_iter()
        .find_map(|(base, shared)| {
            // SAFETY: both are where a PC has them, or nothing answers there.
            let mut port = unsafe { Uart::new(base) };
            port.init().then_some((port, shared))
        })
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
pub(crate) fn panicked() {
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

/// Runs something with the session, if it is there and nobody uses it; a trap
/// that comes meanwhile leaves it alone.
fn with_session<T>(run: impl FnOnce(&mut Session<ThisGuest, Uart>) -> T) -> Option<T> {
    if !is_installed() || BUSY.swap(true, Ordering::Acquire) {
        return None;
    }
    // SAFETY: `BUSY` was not set, so nobody else uses the session.
    let session = unsafe { &mut *SESSION.get() };
    let result = session.as_mut().map(run);
    BUSY.store(false, Ordering::Release);
    result
}

/// The guest will end: a client that waits for it is told.
pub(crate) fn on_exit(status: u8) {
    with_session(|session| {
        recovery::protect(|| session.end(StopReason::Exited(status)));
    });
}

/// Whether a client on the console's port waits for the guest.
pub(super) fn is_heard() -> bool {
    SHARED.load(Ordering::Relaxed)
        && cpu::without_interrupts(|| with_session(|session| session.is_awaited())).unwrap_or(false)
}

/// Shows it the guest's text. False when there is none any more.
pub(super) fn say(text: &[u8]) -> bool {
    // The answer to what the client sends must not come in the middle.
    cpu::without_interrupts(|| with_session(|session| session.say(text))).unwrap_or(false)
}

/// A fault of the stub itself is survived: the frame then leads back to it.
pub(crate) fn recover(frame: &mut TrapFrame) -> bool {
    if !BUSY.load(Ordering::Relaxed) {
        return false;
    }
    let (vector, rip) = (frame.vector, frame.rip);
    let survived = recovery::give_up(frame);
    if survived {
        FAILED_AT.store(rip, Ordering::Relaxed);
        FAILED_BY.store(vector, Ordering::Relaxed);
    }
    survived
}

/// The same for a panic, which then does not return.
pub(crate) fn recover_from_panic(rip: u64) {
    if BUSY.load(Ordering::Relaxed) {
        FAILED_AT.store(rip, Ordering::Relaxed);
        FAILED_BY.store(PANIC, Ordering::Relaxed);
        recovery::give_up_now();
    }
}

/// Says on the console what went wrong in the stub.
fn report_failure() {
    let vector = FAILED_BY.swap(NOTHING, Ordering::Relaxed);
    let what = match vector {
        NOTHING => return,
        PANIC => "panic",
        _ => trap::name(vector),
    };
    let at = FAILED_AT.load(Ordering::Relaxed);
    println!("debugger: {what} at {at:#x} in the stub itself; what was asked for is refused");
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
    report_failure();
    disposition
}

/// A trap in the stub itself. Breakpoints there end in the trap's entry; what
/// the debug registers saw of the stub is nobody's business, and they are off
/// by now. All else is a fault.
fn on_own_trap(frame: &mut TrapFrame, occasion: Occasion) -> Disposition {
    if occasion != Occasion::Debug {
        return Disposition::Declined;
    }
    processor::take_debug_conditions();
    frame.rflags &= !TRAP_FLAG;
    Disposition::Resume
}

fn serve(
    session: &mut Session<ThisGuest, Uart>,
    frame: &mut TrapFrame,
    occasion: Occasion,
) -> Disposition {
    let special = processor::special_registers(frame);
    let mut place = Place { frame, special };
    let mut taken = Taken::Unwanted;
    if !recovery::protect(|| taken = take(session, &mut place, occasion)) {
        session.recover();
    }
    let held = session.is_held();
    let resume = if held || occasion == Occasion::Input {
        run_until_released(session, &mut place)
    } else {
        session.rearm();
        Resume::Deliver
    };
    match resume {
        Resume::Kill => exit::power_off(KILLED),
        Resume::Reset => exit::reset(),
        _ => {}
    }
    match (occasion, taken) {
        // A panic ends however the client resumes it, and needs nothing else.
        (Occasion::Breakpoint, Taken::Ends(signal)) => {
            session.end(StopReason::Terminated(signal));
            Disposition::Resume
        }
        (Occasion::Fault, Taken::Ends(signal)) if resume == Resume::Deliver => {
            session.end(StopReason::Terminated(signal));
            Disposition::Declined
        }
        (_, Taken::Settled) => Disposition::Resume,
        _ if held || occasion == Occasion::Input => Disposition::Resume,
        _ => Disposition::Declined,
    }
}

/// What an occasion means, beside that the guest may be held now.
#[derive(Clone, Copy)]
enum Taken {
    /// Nothing to the stub, unless it holds the guest.
    Unwanted,
    /// Nothing to anybody: the guest goes on.
    Settled,
    /// The guest ends by this, once it goes on.
    Ends(Signal),
}

fn take(
    session: &mut Session<ThisGuest, Uart>,
    place: &mut Place<'_>,
    occasion: Occasion,
) -> Taken {
    match occasion {
        Occasion::Breakpoint => return on_breakpoint(session, place),
        Occasion::Debug => {
            let conditions = processor::take_debug_conditions();
            if conditions & SINGLE_STEP != 0 && !session.is_stepping() {
                // Left from a client that is gone.
                place.frame.rflags &= !TRAP_FLAG;
                return Taken::Settled;
            }
            if session.is_passed_over(conditions) {
                return Taken::Settled;
            }
            session.stop(place, StopReason::Debug(conditions));
        }
        Occasion::Fetch if BREAKPOINTS.contains(place.frame.rip) => {
            session.stop(place, StopReason::Breakpoint);
        }
        Occasion::Input | Occasion::Fetch => {}
        Occasion::Fault => {
            let signal = signal::of_vector(place.frame.vector);
            session.stop(place, StopReason::Signal(signal));
            return Taken::Ends(signal);
        }
    }
    Taken::Unwanted
}

/// Tells the guest's own calls from breakpoints.
fn on_breakpoint(session: &mut Session<ThisGuest, Uart>, place: &mut Place<'_>) -> Taken {
    let call = CALL.swap(Call::None as u8, Ordering::Relaxed);
    if call == Call::Wait as u8 {
        session.wait(place);
    } else if call == Call::Panic as u8 {
        session.stop(place, StopReason::Signal(Signal::SIGABRT));
        return Taken::Ends(Signal::SIGABRT);
    } else {
        let address = place.frame.rip.wrapping_sub(1);
        if BREAKPOINTS.contains(address) {
            place.frame.rip = address;
            session.stop(place, StopReason::Breakpoint);
        } else {
            session.stop(place, StopReason::Signal(Signal::SIGTRAP));
        }
    }
    Taken::Unwanted
}

fn run_until_released(session: &mut Session<ThisGuest, Uart>, place: &mut Place<'_>) -> Resume {
    let mut failures = 0;
    loop {
        let mut polled = None;
        if recovery::protect(|| polled = session.poll(place)) {
            failures = 0;
        } else {
            failures += 1;
            if failures == FAILURES {
                return session.abandon();
            }
            session.recover();
            // On the client's own line this would be noise: it comes later.
            if line() == Line::Own {
                report_failure();
            }
            continue;
        }
        match polled {
            Some(resume) => return resume,
            None if !session.is_held() => return Resume::Continue,
            None => core::hint::spin_loop(),
        }
    }
}
