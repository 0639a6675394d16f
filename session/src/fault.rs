//! Which fault a report is about: the guest's own record where there is one,
//! else what the emulator logged, else only how the machine ended.

use ukdbg_diagnose::{Cause, EmulatorEvidence, Ending, ExceptionFacts};
use ukdbg_image::Untrusted;
use ukdbg_inspect::{Fault, FaultReport, FoundBy, PageFaultCode, Registers, Root, Target};

use crate::view::StackOwner;

/// The vector of a page fault.
const PAGE_FAULT: u8 = 14;

/// The fault, and the registers at its instruction.
pub(crate) struct FaultAt {
    pub(crate) what: What,
    pub(crate) registers: Registers,
    pub(crate) found_by: FoundBy,
    pub(crate) owner: Option<StackOwner>,
}

/// What happened, owned.
pub(crate) enum What {
    Exception(ExceptionFacts),
    Panic {
        message: Untrusted,
        file: Untrusted,
        line: u32,
    },
    Unknown,
}

impl What {
    pub(crate) fn cause(&self) -> Cause<'_> {
        match self {
            Self::Exception(facts) => Cause::Exception(*facts),
            Self::Panic {
                message,
                file,
                line,
            } => Cause::Panic {
                message: message.raw(),
                file: file.raw(),
                line: *line,
            },
            Self::Unknown => Cause::Unknown,
        }
    }
}

impl FaultAt {
    /// Whether the registers stand at an instruction that failed: a panic is a
    /// call like any other, and a fetch that failed never was one.
    pub(crate) fn is_at_instruction(&self) -> bool {
        match &self.what {
            What::Exception(facts) if facts.vector == PAGE_FAULT => {
                let code = facts.error_code.map(PageFaultCode::decode);
                let at_pc = facts.cr2.is_some() && facts.cr2 == self.registers.pc();
                // Without NX and SMEP a fetch is reported as a read (SDM 3A
                // 4.7); a write at the program counter is one over itself.
                !code.is_some_and(|code| code.fetch)
                    && (!at_pc || code.is_some_and(|code| code.write))
            }
            What::Exception(_) => true,
            What::Panic { .. } => false,
            What::Unknown => true,
        }
    }
}

/// Chooses. `current` are the registers of the CPU that stopped.
pub(crate) fn choose<T: Target>(
    target: &mut T,
    root: Option<&Root>,
    evidence: &EmulatorEvidence,
    current: &Registers,
    gaps: &mut Vec<String>,
) -> FaultAt {
    if evidence.ending != Ending::TripleFault
        && let Some(record) = root.and_then(|root| newest_record(target, root, gaps))
    {
        return of_record(record);
    }
    match (evidence.exceptions.first(), evidence.ending) {
        (Some(first), Ending::TripleFault | Ending::Halted | Ending::TimeLimit) => FaultAt {
            what: What::Exception(ExceptionFacts {
                vector: first.vector,
                error_code: Some(first.error_code),
                cr2: first.cr2,
            }),
            registers: completed(&first.registers, current),
            found_by: FoundBy::EmulatorLog,
            owner: None,
        },
        _ => FaultAt {
            what: What::Unknown,
            registers: *current,
            found_by: FoundBy::Stop,
            owner: None,
        },
    }
}

/// The record of the fault that happened last.
fn newest_record<T: Target>(
    target: &mut T,
    root: &Root,
    gaps: &mut Vec<String>,
) -> Option<FaultReport> {
    let (records, errors) = root.faults(target);
    gaps.extend(errors.iter().map(ToString::to_string));
    let newest = records.into_iter().max_by_key(|record| record.tsc)?;
    if !newest.complete {
        gaps.push(format!(
            "the fault record of CPU {} was being written when the guest stopped",
            newest.cpu
        ));
    }
    Some(newest)
}

fn of_record(record: FaultReport) -> FaultAt {
    let owner = Some(StackOwner::Fault { cpu: record.cpu });
    let what = match record.fault {
        Fault::Exception {
            vector,
            error_code,
            cr2,
        } => What::Exception(ExceptionFacts {
            // The record's vector is a word; a larger one names no exception.
            vector: u8::try_from(vector).unwrap_or(u8::MAX),
            error_code: Some(error_code),
            cr2: Some(cr2),
        }),
        Fault::Panic {
            message,
            file,
            line,
        } => What::Panic {
            message,
            file,
            line,
        },
    };
    FaultAt {
        what,
        registers: record.registers,
        found_by: FoundBy::FaultRecord,
        owner,
    }
}

/// Logged registers, with what the log leaves out (it has no system registers)
/// as they are now.
fn completed(logged: &Registers, current: &Registers) -> Registers {
    use ukdbg_inspect::Register::{Cr0, Cr3, Cr4, Efer};
    let mut registers = *logged;
    for register in [Cr0, Cr3, Cr4, Efer] {
        if let (None, Some(value)) = (logged.get(register), current.get(register)) {
            registers.set(register, value);
        }
    }
    registers
}
