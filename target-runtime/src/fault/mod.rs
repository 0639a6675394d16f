//! Evidence of a fault: the record, the rendezvous, and the end. Not its
//! explanation, which is a host's.

mod panic;
mod record;

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use ukdbg_guest_abi::FaultRecord;

use crate::trace::Level;
use crate::trap::{self, Disposition, Occasion, TrapFrame};
use crate::{cpu, println, stub, trace_event};

pub use panic::panic;
pub(crate) use record::RECORDS;

/// True from the first instruction of a fault's handling until the guest goes
/// on, which only a debugger makes it do.
static HANDLING: AtomicBool = AtomicBool::new(false);

/// Where a debugger waits: called once per fault, when its record is complete.
///
/// Nothing happens here. The function exists so that its first instruction has
/// an address, which the root block gives; `record` is in `rdi` there.
#[unsafe(no_mangle)]
#[inline(never)]
#[expect(unsafe_code, reason = "its name is part of the contract with the host")]
pub extern "C" fn ukdbg_rendezvous(record: *const FaultRecord) {
    // SAFETY: no instruction at all; its operand keeps the call and its
    // argument from being optimised away.
    unsafe { core::arch::asm!("/* {} */", in(reg) record, options(nostack, preserves_flags)) };
}

/// An exception that nobody handles.
pub(crate) fn on_exception(frame: &mut TrapFrame, cr2: u64) {
    if stub::recover(frame) {
        return;
    }
    begin(format_args!(
        "{} at {:#x}",
        trap::name(frame.vector),
        frame.rip
    ));
    let record = record::exception(frame, cr2);
    trace_event!(
        Level::Error, "fault",
        rip: code = frame.rip, address: pointer = cr2,
        vector: u32 = frame.vector as u32, error_code: u32 = frame.error_code as u32,
    );
    ukdbg_rendezvous(record);
    if trap::offer(frame, Occasion::Fault) == Disposition::Resume {
        HANDLING.store(false, Ordering::Relaxed);
        return;
    }
    end(format_args!(
        "{} (error code {:#x}, cr2 {cr2:#x}) at {:#x}",
        trap::name(frame.vector),
        frame.error_code,
        frame.rip
    ));
}

/// Marks a fault's beginning. One that happens while another is handled is a
/// defect of the handling: it must not overwrite the first one's record.
fn begin(what: fmt::Arguments<'_>) {
    if HANDLING.swap(true, Ordering::Relaxed) {
        println!("fault while handling a fault: {what}");
        cpu::halt();
    }
}

/// Says what happened and stops, all state in place for a debugger that comes
/// late.
fn end(what: fmt::Arguments<'_>) -> ! {
    println!("fault: {what}");
    cpu::halt()
}
