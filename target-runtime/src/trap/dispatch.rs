//! Who handles a trap: the timer, the debugger, or nobody, which makes it a
//! fault.

use super::{Disposition, Occasion, TrapFrame, debugger, vector};
use crate::{cpu, fault, time};

/// Error code of a page fault: it was an instruction fetch (SDM volume 3A,
/// section 4.7).
const INSTRUCTION_FETCH: u64 = 1 << 4;

/// Called by the entry code, on the vector's interrupt stack, interrupts off.
pub(super) extern "C" fn dispatch(frame: &mut TrapFrame) {
    // Before anything here can fault and overwrite it.
    let cr2 = cpu::cr2();
    match frame.vector {
        vector::BREAKPOINT => or_fault(frame, cr2, Occasion::Breakpoint),
        vector::DEBUG => or_fault(frame, cr2, Occasion::Debug),
        vector::PAGE_FAULT if frame.error_code & INSTRUCTION_FETCH != 0 => {
            or_fault(frame, cr2, Occasion::Fetch);
        }
        exception if exception < vector::TIMER => fault::on_exception(frame, cr2),
        vector::TIMER => time::on_tick(),
        vector::DEBUGGER_PORT => {
            debugger::offer(frame, Occasion::Input);
            time::end_of_interrupt();
        }
        vector::SPURIOUS => {}
        // Another device's line, though none is unmasked.
        _ => time::end_of_interrupt(),
    }
}

fn or_fault(frame: &mut TrapFrame, cr2: u64, occasion: Occasion) {
    if debugger::offer(frame, occasion) == Disposition::Declined {
        debugger::leave();
        fault::on_exception(frame, cr2);
    }
}
