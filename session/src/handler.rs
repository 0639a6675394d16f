//! Whether the guest is still in the handler of an exception that its emulator
//! logged. One whose handler returned was handled, and is no fault.

use ukdbg_diagnose::{EmulatorEvidence, Ending, LoggedException};
use ukdbg_inspect::{FoundBy, Memory, Registers, Target, VirtAddr, read_available};

use crate::backtrace;
use crate::session::Session;

/// Bytes of the stack that are searched for the frame of an exception.
const SEARCHED: usize = 64 << 10;
/// From the instruction pointer in the frame the processor pushes to the stack
/// pointer in it (SDM 3A figure 6-9).
const RSP_IN_FRAME: usize = 24;

/// How well it is known that a handler has not returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    /// The backtrace goes through it.
    Backtrace,
    /// Its frame is on the stack; a frame left over from before could look the
    /// same.
    Frame,
}

/// The evidence without the exceptions that were handled, and what makes the
/// rest less than certain.
pub(crate) fn unhandled<T: Target>(
    session: &mut Session<'_, T>,
    evidence: &EmulatorEvidence,
    current: &Registers,
) -> (EmulatorEvidence, Option<&'static str>) {
    let mut kept = evidence.clone();
    if !matches!(evidence.ending, Ending::Halted | Ending::TimeLimit) {
        return (kept, None);
    }
    let held = evidence
        .exceptions
        .first()
        .and_then(|logged| held(session, logged, current));
    let doubt = match (held, evidence.ending) {
        (Some(_), Ending::TimeLimit) => {
            Some("the guest was still in its handler when its time was up")
        }
        (Some(Held::Frame), _) => Some("its frame is still on the stack, where the guest halted"),
        (Some(Held::Backtrace), _) => None,
        (None, _) => {
            kept.exceptions.clear();
            None
        }
    };
    (kept, doubt)
}

fn held<T: Target>(
    session: &mut Session<'_, T>,
    logged: &LoggedException,
    current: &Registers,
) -> Option<Held> {
    let (pc, sp) = (logged.registers.pc()?, logged.registers.sp()?);
    let found = backtrace::find(session, current, FoundBy::Stop, &[]);
    let interrupted = found.frames.iter().any(|frame| {
        frame.interrupted && frame.pc.address() == pc && frame.registers.sp() == Some(sp)
    });
    if interrupted {
        return Some(Held::Backtrace);
    }
    frame_above(&mut session.target, current.sp()?, pc, sp).then_some(Held::Frame)
}

/// Whether the frame of an exception at that place lies above the stack
/// pointer, on whatever stack it was pushed.
fn frame_above(memory: &mut dyn Memory, from: VirtAddr, pc: VirtAddr, sp: VirtAddr) -> bool {
    let start = VirtAddr(from.0 & !7);
    let mut stack = vec![0; SEARCHED];
    let readable = read_available(memory, start, &mut stack);
    let words = &stack[..readable];
    let word = |at: usize| {
        let bytes = words.get(at..at + 8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    };
    (0..readable)
        .step_by(8)
        .any(|at| word(at) == Some(pc.0) && word(at + RSP_IN_FRAME) == Some(sp.0))
}

#[cfg(test)]
mod tests {
    use ukdbg_inspect::VirtAddr;

    use super::frame_above;
    use crate::tests::machine::Machine;

    const STACK: u64 = 0x8000;

    /// A stack of words, searched from its lowest address for the exception at
    /// 0x1234 with the stack pointer 0x9000.
    fn check(words: &[u64], expected: bool) {
        let mut machine = Machine::default();
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        machine.put(STACK, &bytes);
        let found = frame_above(
            &mut machine,
            VirtAddr(STACK),
            VirtAddr(0x1234),
            VirtAddr(0x9000),
        );
        assert_eq!(found, expected, "{words:x?}");
    }

    #[test]
    fn a_frame_is_its_place_with_its_stack() {
        check(&[7, 7, 0x1234, 8, 0x202, 0x9000, 0x10], true);
        check(&[0x1234, 8, 0x202, 0x9000], true);
        // Another time that the same instruction was interrupted.
        check(&[0x1234, 8, 0x202, 0x8f00, 0x10], false);
        check(&[7, 7, 7, 7, 7, 0x9000], false);
        check(&[0x1234, 8], false);
        check(&[], false);
    }
}
