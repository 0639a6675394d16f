//! How a machine ended when no exception was caught: seen from outside only.

use ukdbg_inspect::Register;

use super::{Draft, exceptions, protection};
use crate::evidence::{DescriptorTable, Ending};
use crate::scene::{Cause, Scene};
use crate::verdict::{Verdict, VerdictKind};

/// EFER.LMA: long mode is active (SDM 3A 2.2.1).
const LONG_MODE_ACTIVE: u64 = 1 << 10;

/// A triple fault: neither an exception nor the double fault that followed
/// could be delivered (SDM 3A 6.15, interrupt 8).
pub(crate) fn triple_fault(scene: &mut Scene<'_>, cause: Cause<'_>) -> Verdict {
    let first = match cause {
        Cause::Exception(facts) if facts.vector != exceptions::DOUBLE_FAULT => {
            Some(exceptions::one(facts.vector))
        }
        Cause::Exception(_) | Cause::Panic { .. } | Cause::Unknown => None,
    };
    let told = first.is_some();
    let first = first.unwrap_or_else(|| "an exception".to_owned());
    let mut draft = Draft::certain(
        VerdictKind::TripleFault,
        format!("triple fault: neither {first} nor the double fault after it could be delivered"),
    )
    .because("the processor shut down where it stood, and the registers are those of that moment");
    if let Some(reason) = scene
        .evidence
        .idt
        .and_then(|idt| short_table(idt, scene.registers.get(Register::Efer)))
    {
        draft = draft.because(reason);
    }
    if let Cause::Exception(facts) = cause
        && let Some(misaligned) = protection::misaligned(scene, facts)
    {
        draft = draft.because(format!("the first: {}", misaligned.sentence.raw()));
        for reason in &misaligned.because {
            draft = draft.because(reason.raw());
        }
    }
    if !told && let Some(first) = exceptions::first_exception(scene) {
        draft = draft.because(format!("the instruction raises {first}"));
    }
    draft.finish(scene)
}

/// What is wrong with an interrupt descriptor table that has no gate for a
/// double fault.
fn short_table(idt: DescriptorTable, efer: Option<u64>) -> Option<String> {
    // A gate has 16 bytes in long mode, 8 in protected mode (SDM 3A 6.10 and
    // 6.14.1). An EFER that is not known is taken for
    // long mode, where kernels that are debugged spend their time.
    let gate = match efer {
        Some(efer) if efer & LONG_MODE_ACTIVE == 0 => 8,
        _ => 16,
    };
    let gates = (u32::from(idt.limit) + 1) / gate;
    (gates <= u32::from(exceptions::DOUBLE_FAULT)).then(|| {
        let vectors = match gates {
            0 => "no vector".to_owned(),
            1 => "one vector".to_owned(),
            _ => format!("{gates} vectors"),
        };
        format!(
            "the interrupt descriptor table at {} has room for {vectors} (limit {:#x})",
            idt.base, idt.limit
        )
    })
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
        Ending::SeemsHalted => Draft::likely(
            VerdictKind::Halted,
            "every CPU is halted with interrupts off: nothing will run again",
        )
        .because("each stands right behind an `hlt` with RFLAGS.IF clear"),
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
