//! How a motion goes on from a stop, or that it is done.

use ukdbg_image::decode;
use ukdbg_inspect::{Memory, Registers, Target, VcpuId, VirtAddr, read_u64};

use super::motion::{Backwards, Gate, LineStep, Next, Plan, StepFor, UnderWay, Why};
use super::position::{Position, innermost, same_line};
use super::{Arrival, Calls, line_exits, place, returned};
use crate::SessionError;
use crate::session::Session;
use crate::view::Cause;

/// The longest instruction (SDM 2A 2.3.11).
const LONGEST_INSTRUCTION: u64 = 15;
/// The stack pointer in what the processor pushes at a trap (SDM 3A figure
/// 6-9), from the instruction pointer.
const RSP_IN_TRAP_FRAME: u64 = 24;

/// Instructions of one line beyond which it may be a loop: setting breakpoints
/// and taking them out again costs about as many.
const MANY_INSTRUCTIONS: u32 = 16;

/// What the motion makes of a stop. None when there is none, or the stop has
/// nothing to do with it.
pub(super) fn carry_on<T: Target>(
    session: &mut Session<'_, T>,
    vcpu: VcpuId,
    registers: &Registers,
    step: Option<StepFor>,
) -> Result<Option<Next>, SessionError> {
    let Some(mut motion) = session.run.motion.take() else {
        return Ok(None);
    };
    let next = if motion.vcpu != vcpu {
        None
    } else if let Some(StepFor::Motion { before }) = step {
        Some(stepped(session, &mut motion, &before, registers)?)
    } else {
        at_gate(session, &mut motion, registers)?
    };
    let next = match next {
        Some(Next::Done(Cause::Stepped)) if motion.left > 1 => {
            motion.left -= 1;
            Some(again(session, &mut motion)?)
        }
        next => next,
    };
    session.run.motion = Some(motion);
    Ok(next)
}

/// The next of several steps.
fn again<T: Target>(
    session: &mut Session<'_, T>,
    motion: &mut UnderWay,
) -> Result<Next, SessionError> {
    let Plan::Lines(step) = &motion.plan else {
        return Ok(Next::Step);
    };
    let (calls, backwards) = (step.calls, step.backwards);
    if calls == Calls::Into && session.run.hidden > 0 {
        session.run.hidden -= 1;
        if motion.left == 1 {
            return Ok(Next::Done(Cause::Stepped));
        }
        motion.left -= 1;
        return again(session, motion);
    }
    motion.plan = Plan::Lines(session.line_step(motion.vcpu, calls, backwards)?);
    Ok(Next::Step)
}

/// The CPU came by a place where a motion may wait for it.
fn at_gate<T: Target>(
    session: &mut Session<'_, T>,
    motion: &mut UnderWay,
    registers: &Registers,
) -> Result<Option<Next>, SessionError> {
    let (pc, sp) = (registers.pc(), registers.sp());
    let passed = motion.gates.iter().find(|gate| {
        let above = |least: VirtAddr| sp.is_some_and(|sp| sp >= least);
        Some(gate.at) == pc && gate.stack.is_none_or(above)
    });
    let Some(gate) = passed.cloned() else {
        return Ok(None);
    };
    let next = match gate.why {
        Why::CameBack => {
            motion.gates.clear();
            session.run.armory.stale = true;
            arrived(session, motion, registers)?
        }
        Why::LeftLine => {
            let frame = innermost(&session.modules, registers, &mut session.target);
            let cfa = frame.and_then(|frame| frame.cfa);
            // A recursive call comes by the same places.
            if !matches!(&motion.plan, Plan::Lines(step) if step.cfa == cfa) {
                return Ok(Some(Next::Run));
            }
            motion.gates.clear();
            session.run.armory.stale = true;
            arrived(session, motion, registers)?
        }
        Why::Entered => {
            motion.gates.clear();
            session.run.armory.stale = true;
            stop_here(session, registers)
        }
        Why::Returned(function) => {
            let value = returned::value(session, function, registers);
            stop_here(session, registers);
            Next::Done(Cause::Returned { value })
        }
        Why::LeftBehind => {
            stop_here(session, registers);
            Next::Done(Cause::Arrived)
        }
        Why::Arrived(Arrival::ThisFrame, began) => {
            let frame = innermost(&session.modules, registers, &mut session.target);
            let cfa = frame.and_then(|frame| frame.cfa);
            if cfa < began {
                return Ok(Some(Next::Run));
            }
            stop_here(session, registers);
            Next::Done(Cause::Arrived)
        }
        Why::Arrived(Arrival::Any, _) => {
            stop_here(session, registers);
            Next::Done(Cause::Arrived)
        }
        Why::Trap(vector) => Next::Done(Cause::Trap {
            vector: Some(vector),
        }),
    };
    Ok(Some(next))
}

/// Ends a step where the CPU stands. Inlined calls that begin there are still
/// to be stepped into.
fn stop_here<T: Target>(session: &mut Session<'_, T>, registers: &Registers) -> Next {
    let position = registers
        .pc()
        .and_then(|pc| Position::of(&session.modules, pc));
    session.run.hidden = position.map_or(0, |position| position.entered);
    Next::Done(Cause::Stepped)
}

/// What one instruction did.
#[derive(Debug, PartialEq, Eq)]
enum Moved {
    /// It went on to the next, or jumped, or returned.
    Along,
    /// It called a function, which returns there.
    Called { back_to: VirtAddr, stack: VirtAddr },
    /// The processor entered a handler, which returns there.
    Trapped { back_to: VirtAddr, stack: VirtAddr },
}

/// By the registers, and what lies on the stack.
fn what_moved(before: &Registers, after: &Registers, memory: &mut dyn Memory) -> Moved {
    let (Some(from), Some(to)) = (before.pc(), after.pc()) else {
        return Moved::Along;
    };
    let (Some(sp_before), Some(sp)) = (before.sp(), after.sp()) else {
        return Moved::Along;
    };
    let beside = |at: VirtAddr| {
        at.offset_from(from)
            .is_some_and(|size| size <= LONGEST_INSTRUCTION)
    };
    if beside(to) && to > from || sp == sp_before {
        return Moved::Along;
    }
    if sp_before.offset_from(sp) == Some(8) {
        return match read_u64(memory, sp).map(VirtAddr) {
            Ok(back_to) if beside(back_to) && back_to > from => Moved::Called {
                back_to,
                stack: sp_before,
            },
            _ => Moved::Along,
        };
    }
    for words in [0, 8] {
        let Some(at) = sp.checked_add(words) else {
            continue;
        };
        let interrupted = read_u64(memory, at).map(VirtAddr);
        let stack = at
            .checked_add(RSP_IN_TRAP_FRAME)
            .and_then(|at| read_u64(memory, at).ok());
        if let (Ok(back_to), Some(stack)) = (interrupted, stack)
            && beside(back_to)
            && VirtAddr(stack) == sp_before
        {
            let stack = sp_before;
            return Moved::Trapped { back_to, stack };
        }
    }
    Moved::Along
}

/// One instruction of a motion was executed.
fn stepped<T: Target>(
    session: &mut Session<'_, T>,
    motion: &mut UnderWay,
    before: &Registers,
    after: &Registers,
) -> Result<Next, SessionError> {
    let moved = what_moved(before, after, &mut session.target);
    let came_back = |at, stack| Gate {
        at,
        stack: Some(stack),
        why: Why::CameBack,
    };
    let over = match &motion.plan {
        Plan::Instructions(Calls::Into) | Plan::Gates => {
            return Ok(stop_here(session, after));
        }
        Plan::Instructions(Calls::Over) | Plan::LeaveInlined { .. } => true,
        Plan::Lines(step) => step.calls == Calls::Over,
    };
    match moved {
        Moved::Along => return arrived(session, motion, after),
        Moved::Called { back_to, stack } => {
            let body = match over {
                true => None,
                false => after.pc().and_then(|pc| body_at(session, pc)),
            };
            motion.gates = match body {
                None => vec![came_back(back_to, stack)],
                Some(body) if Some(body) == after.pc() => {
                    return Ok(stop_here(session, after));
                }
                Some(at) => vec![Gate {
                    at,
                    stack: None,
                    why: Why::Entered,
                }],
            };
        }
        Moved::Trapped { back_to, stack } => {
            motion.gates = vec![came_back(back_to, stack)];
            // A handler may go on behind the instruction, which it did itself.
            let behind = before.pc().and_then(|pc| behind(session, pc));
            motion.gates.extend(behind.map(|at| came_back(at, stack)));
        }
    }
    session.run.armory.stale = true;
    Ok(Next::Run)
}

/// The address behind an instruction, as its image has it.
fn behind<T>(session: &Session<'_, T>, at: VirtAddr) -> Option<VirtAddr> {
    let (module, link) = session.modules.find_executable(at)?;
    let code = module.image.bytes_at(link)?;
    let instruction = decode(code, link).next()?;
    at.checked_add(u64::try_from(instruction.len()).ok()?)
}

/// Where the body of a function that is called begins, if it has lines.
fn body_at<T>(session: &Session<'_, T>, entry: VirtAddr) -> Option<VirtAddr> {
    let position = Position::of(&session.modules, entry)?;
    position.row.as_ref()?;
    let image = &position.module.image;
    let function = image.function_at(position.link)?;
    position.module.run_address(place::body(image, &function))
}

/// The CPU is at another place of the code, in the frame that steps or one
/// further out.
fn arrived<T: Target>(
    session: &mut Session<'_, T>,
    motion: &mut UnderWay,
    registers: &Registers,
) -> Result<Next, SessionError> {
    let pc = registers.pc().ok_or(SessionError::NoRegisters)?;
    Ok(match &mut motion.plan {
        Plan::Instructions(_) => stop_here(session, registers),
        Plan::Gates => Next::Run,
        Plan::LeaveInlined { cfa, depth } => {
            let frame = innermost(&session.modules, registers, &mut session.target);
            let here = frame.and_then(|frame| frame.cfa);
            let levels = Position::of(&session.modules, pc).map_or(0, |it| it.chain.len());
            if here == *cfa && levels >= *depth {
                Next::Step
            } else {
                stop_here(session, registers)
            }
        }
        Plan::Lines(step) => match along_line(session, step, registers, pc) {
            Next::Step => match leave_loop(session, step, pc) {
                Some(gates) => {
                    motion.gates = gates;
                    session.run.armory.stale = true;
                    Next::Run
                }
                None => Next::Step,
            },
            next => next,
        },
    })
}

/// The ways out of a line on which many instructions were executed already,
/// where it repeats.
fn leave_loop<T: Target>(
    session: &mut Session<'_, T>,
    step: &mut LineStep,
    pc: VirtAddr,
) -> Option<Vec<Gate>> {
    step.instructions = step.instructions.wrapping_add(1);
    if !step.instructions.is_multiple_of(MANY_INSTRUCTIONS) {
        return None;
    }
    line_exits::gates(session, step, pc)
}

/// Whether a step along lines is done at a place.
fn along_line<T: Target>(
    session: &mut Session<'_, T>,
    step: &mut LineStep,
    registers: &Registers,
    pc: VirtAddr,
) -> Next {
    let frame = innermost(&session.modules, registers, &mut session.target);
    let cfa = frame.and_then(|frame| frame.cfa);
    let same_frame = cfa == step.cfa;
    if same_frame && step.code.contains(&pc) {
        return Next::Step;
    }
    let Some(position) = Position::of(&session.modules, pc) else {
        session.run.hidden = 0;
        return Next::Done(Cause::Stepped);
    };
    let levels = position.chain.len();
    let entered = position.entered;
    if same_frame && levels > step.depth {
        // A call that was inlined begins, or goes on.
        if levels - entered == step.depth {
            let call = position.location(entered);
            let same = same_line(call, step.line.as_ref());
            return match (step.calls, same) {
                (Calls::Over, true) => Next::Step,
                (Calls::Into, true) => {
                    session.run.hidden = entered - 1;
                    Next::Done(Cause::Stepped)
                }
                (_, false) => {
                    session.run.hidden = entered;
                    Next::Done(Cause::Stepped)
                }
            };
        }
        if step.calls == Calls::Over {
            return Next::Step;
        }
        session.run.hidden = entered;
        return Next::Done(Cause::Stepped);
    }
    let Some(row) = &position.row else {
        // The compiler's own code between two lines; but where no code around
        // has lines there is nothing to wait for.
        if same_frame && step.line.is_some() {
            return Next::Step;
        }
        session.run.hidden = entered;
        return Next::Done(Cause::Stepped);
    };
    let other = !same_line(Some(&row.location), step.line.as_ref());
    if position.begins_row() && (other || !same_frame && step.line.is_none()) {
        if row.is_statement {
            session.run.hidden = entered;
            return Next::Done(Cause::Stepped);
        }
        return Next::Step;
    }
    // In the middle of a line: it is left first.
    if step.backwards == Backwards::Stops || !same_frame {
        step.line = Some(row.location.clone());
        step.cfa = cfa;
        step.depth = levels - entered;
        if let Some(code) = position.code() {
            step.code = code;
        }
    }
    Next::Step
}
