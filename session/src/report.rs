//! The report: everything that is known about a fault, gathered in one place.

use ukdbg_diagnose::{
    Certainty, EmulatorEvidence, Ending, FrameFacts, InstructionFacts, Scene, Verdict, VerdictKind,
    judge,
};
use ukdbg_image::iced_x86::Instruction;
use ukdbg_image::{LinkAddr, decode};
use ukdbg_inspect::{
    FoundBy, Memory, PagingState, Registers, Root, RootError, Target, VirtAddr, read_available,
};

use crate::addresses::{Known, Tables};
use crate::fault::{FaultAt, What};
use crate::session::Session;
use crate::view::{
    BacktraceView, ExceptionView, NextStep, PanicView, ReportView, SourceView, StackOwner,
    TraceView,
};
use crate::{SessionError, backtrace, exception, fault, halt, handler, instruction, source, trace};

/// Trace events shown.
const LAST_EVENTS: u64 = 50;
/// Source lines before and after the faulting one.
const SOURCE_CONTEXT: u32 = 4;
/// The longest instruction (SDM 2A 2.3.11).
const LONGEST_INSTRUCTION: usize = 15;

/// Makes the report on the machine as it stands.
pub(crate) fn make<T: Target>(
    session: &mut Session<'_, T>,
    evidence: &EmulatorEvidence,
) -> Result<ReportView, SessionError> {
    let mut gaps = Vec::new();
    let current = session.current_registers()?;
    let root = root_of(session, &mut gaps);
    let (evidence, doubt) = handler::unhandled(session, evidence, &current);
    let fault = fault::choose(
        &mut session.target,
        root.as_ref(),
        &evidence,
        &current,
        &mut gaps,
    );
    let tables = root.as_ref().map_or_else(Tables::default, |root| {
        Tables::read(&mut session.target, root, &mut gaps)
    });
    let backtrace = backtrace_of(session, &fault, &tables)?;
    let evidence = &with_halt(session, &fault, &evidence);
    let decoded = fault
        .is_at_instruction()
        .then(|| instruction_at(&mut session.target, &fault.registers))
        .flatten();
    let facts = decoded
        .as_ref()
        .map(|decoded| facts_of(&mut session.target, decoded, &fault.registers));
    let paging = PagingState::from_registers(&fault.registers).or_else(|| session.paging());
    let mut known = Known {
        target: &mut session.target,
        modules: &session.modules,
        tables: &tables,
        paging,
    };
    let mut verdict = verdict_of(&mut known, &fault, facts.as_ref(), &backtrace, evidence);
    if let Some(doubt) = doubt.filter(|_| fault.found_by == FoundBy::EmulatorLog) {
        verdict.certainty = Certainty::Likely;
        verdict.because.push(doubt.into());
    }
    let exception = exception_of(&mut known, &fault);
    let instruction = decoded
        .zip(facts)
        .map(|(decoded, facts)| instruction::view(&mut known, &decoded, &facts));
    if instruction.is_none() && fault.is_at_instruction() {
        gaps.extend(no_instruction(&fault.registers));
    }
    let events = root.as_ref().and_then(|root| events_of(session, root));
    Ok(ReportView {
        source: source_of(session, &verdict),
        next: next_steps(
            &verdict,
            fault.registers.pc().and_then(|pc| linked(session, pc)),
            events.is_some(),
        ),
        verdict,
        exception,
        panic: panic_of(&fault),
        instruction,
        backtrace,
        events,
        gaps,
    })
}

/// The root block. An image without one is no gap: it never promised any.
fn root_of<T: Target>(session: &mut Session<'_, T>, gaps: &mut Vec<String>) -> Option<Root> {
    match session.root() {
        Ok(root) => Some(root),
        Err(RootError::NotFound) => None,
        Err(error) => {
            gaps.push(error.to_string());
            None
        }
    }
}

fn backtrace_of<T: Target>(
    session: &mut Session<'_, T>,
    fault: &FaultAt,
    tables: &Tables,
) -> Result<BacktraceView, SessionError> {
    let owner = match &fault.owner {
        Some(owner) => owner.clone(),
        None => StackOwner::Cpu {
            id: session.current_vcpu()?,
        },
    };
    let stacks = tables.stacks.as_ref();
    let stacks = stacks.map_or(&[][..], |stacks| &stacks.stacks);
    let found = backtrace::find(session, &fault.registers, fault.found_by, stacks);
    Ok(backtrace::remember(session, found, owner))
}

/// A machine that stands still without a word may have halted for good: its
/// registers show that where no monitor was asked.
fn with_halt<T: Target>(
    session: &mut Session<'_, T>,
    fault: &FaultAt,
    evidence: &EmulatorEvidence,
) -> EmulatorEvidence {
    let mut evidence = evidence.clone();
    if matches!(fault.what, What::Unknown)
        && evidence.ending == Ending::Stopped
        && halt::seems_for_good(session)
    {
        evidence.ending = Ending::SeemsHalted;
    }
    evidence
}

fn verdict_of<T: Target>(
    known: &mut Known<'_, '_, T>,
    fault: &FaultAt,
    facts: Option<&InstructionFacts>,
    backtrace: &BacktraceView,
    evidence: &EmulatorEvidence,
) -> Verdict {
    let frames: Vec<FrameFacts<'_>> = backtrace
        .frames
        .iter()
        .map(|frame| FrameFacts {
            function: frame.function.as_ref(),
            location: frame.location.as_ref(),
        })
        .collect();
    judge(Scene {
        cause: fault.what.cause(),
        registers: &fault.registers,
        instruction: facts,
        frames: &frames,
        evidence,
        addresses: known,
    })
}

/// The instruction the registers stand at, from the machine's memory: what was
/// executed, whatever the image says.
pub(crate) fn instruction_at(
    memory: &mut dyn Memory,
    registers: &Registers,
) -> Option<Instruction> {
    let pc = registers.pc()?;
    let mut code = [0; LONGEST_INSTRUCTION];
    let readable = read_available(memory, pc, &mut code);
    let instruction = decode(code.get(..readable)?, LinkAddr(pc.0)).next()?;
    (!instruction.is_invalid()).then_some(instruction)
}

pub(crate) fn facts_of(
    memory: &mut dyn Memory,
    decoded: &Instruction,
    registers: &Registers,
) -> InstructionFacts {
    InstructionFacts::of(decoded, registers, |at, size| {
        let mut word = [0; 8];
        let size = usize::try_from(size).ok()?;
        let wanted = word.get_mut(..size)?;
        (read_available(memory, at, wanted) == size).then(|| u64::from_le_bytes(word))
    })
}

fn no_instruction(registers: &Registers) -> Option<String> {
    let pc = registers.pc()?;
    Some(format!("the instruction at {pc} cannot be read"))
}

fn exception_of<T: Target>(known: &mut Known<'_, '_, T>, fault: &FaultAt) -> Option<ExceptionView> {
    match &fault.what {
        What::Exception(facts) => Some(exception::view(known, facts)),
        What::Panic { .. } | What::Unknown => None,
    }
}

fn panic_of(fault: &FaultAt) -> Option<PanicView> {
    match &fault.what {
        What::Panic {
            message,
            file,
            line,
        } => Some(PanicView {
            message: message.clone(),
            place: (!file.raw().is_empty()).then(|| format!("{}:{line}", file.raw()).into()),
        }),
        What::Exception(_) | What::Unknown => None,
    }
}

fn source_of<T: Target>(session: &mut Session<'_, T>, verdict: &Verdict) -> Option<SourceView> {
    let location = verdict.place.as_ref()?.location.as_ref()?;
    Some(source::around(
        &mut *session.sources,
        location,
        SOURCE_CONTEXT,
    ))
}

fn events_of<T: Target>(session: &mut Session<'_, T>, root: &Root) -> Option<TraceView> {
    trace::read(
        &mut session.target,
        &session.modules,
        root,
        Some(LAST_EVENTS),
    )
    .ok()
}

/// An address as its image has it.
fn linked<T: Target>(session: &Session<'_, T>, at: VirtAddr) -> Option<(String, LinkAddr)> {
    let (module, link) = session.modules.find(at)?;
    Some((module.name.clone(), link))
}

/// What a user would do next, as commands without their endpoint and image:
/// the front end knows those.
fn next_steps(verdict: &Verdict, at: Option<(String, LinkAddr)>, has_trace: bool) -> Vec<NextStep> {
    let mut steps = Vec::new();
    if let Some(function) = verdict
        .place
        .as_ref()
        .and_then(|place| place.function.as_ref())
    {
        steps.push(NextStep::Graph {
            function: function.demangled.clone(),
            module: at.as_ref().map(|(module, _)| module.clone()),
            at: at.map(|(_, at)| at),
        });
    }
    if has_trace {
        steps.push(NextStep::Trace);
    }
    if verdict.kind != VerdictKind::NoFault {
        steps.push(NextStep::Look);
    }
    steps
}
