//! How a machine ended when no exception was caught: seen from outside only.

use super::{Draft, exceptions};
use crate::evidence::Ending;
use crate::scene::{Cause, Scene};
use crate::verdict::{Verdict, VerdictKind};

/// Bytes of a long-mode gate (SDM 3A 6.14.1).
const GATE_SIZE: u32 = 16;
/// The vector of a double fault.
const DOUBLE_FAULT: u32 = 8;

/// A triple fault: neither an exception nor the double fault that followed
/// could be delivered (SDM 3A 6.15, interrupt 8).
pub(crate) fn triple_fault(scene: &mut Scene<'_>, cause: Cause<'_>) -> Verdict {
    let sentence = match cause {
        Cause::Exception(facts) => format!(
            "triple fault: neither a {} nor the double fault after it could be delivered",
            exceptions::name(facts.vector)
        ),
        Cause::Panic { .. } | Cause::Unknown => {
            "triple fault: neither an exception nor the double fault after it could be delivered"
                .to_owned()
        }
    };
    let mut draft = Draft::certain(VerdictKind::TripleFault, sentence).because(
        "the processor shut down where it stood, and the registers are those of that moment",
    );
    if let Some(idt) = scene.evidence.idt {
        let gates = (u32::from(idt.limit) + 1) / GATE_SIZE;
        if gates <= DOUBLE_FAULT {
            draft = draft.because(format!(
                "the interrupt descriptor table at {} has room for {gates} vectors (limit {:#x})",
                idt.base, idt.limit
            ));
        }
    }
    if let Some(first) = exceptions::first_exception(scene) {
        draft = draft.because(format!("the instruction raises {first}"));
    }
    draft.finish(scene)
}

/// Every other ending.
pub(crate) fn ending(scene: &Scene<'_>, ending: Ending) -> Verdict {
    let draft = match ending {
        Ending::Reset => Draft::certain(
            VerdictKind::Reset,
            "the machine reset itself, and not by a triple fault",
        ),
        Ending::ResetOfUnknownCause => Draft::certain(
            VerdictKind::Reset,
            "the machine reset itself; whether by a triple fault is not known",
        ),
        Ending::Halted => Draft::certain(
            VerdictKind::Halted,
            "every CPU is halted with interrupts off: nothing will run again",
        ),
        Ending::TimeLimit => Draft::certain(
            VerdictKind::TimeLimit,
            "the guest was still running when its time was up",
        ),
        Ending::Stopped | Ending::TripleFault => Draft::certain(
            VerdictKind::NoFault,
            "the machine is stopped; nothing says that it faulted",
        ),
    };
    draft.finish(scene)
}
