//! The code of a source line around a place, and the ways out of it: a loop on
//! one line is left by breakpoints where it can be left, not by thousands of
//! steps. Only where every instruction is understood, in the guest's memory and
//! not in the image, which may have been patched since.

use std::ops::Range;

use ukdbg_image::iced_x86::{FlowControl, Instruction};
use ukdbg_image::{LinkAddr, decode};
use ukdbg_inspect::{Target, VirtAddr, read_exact};

use super::Calls;
use super::motion::{Gate, LineStep, Why};
use super::position::{Position, same_line};
use crate::session::Session;

/// The most code of a line that is looked at, in bytes and in rows.
const MOST_BYTES: u64 = 2048;
const MOST_ROWS: usize = 64;
/// Breakpoints beyond which steps are as good.
const MOST_EXITS: usize = 8;

/// Where the code of the line around a place can be left. None when nothing in
/// it repeats, or that cannot be told.
pub(super) fn gates<T: Target>(
    session: &mut Session<'_, T>,
    step: &LineStep,
    pc: VirtAddr,
) -> Option<Vec<Gate>> {
    step.cfa?;
    let code = code_of_line(session, step, pc)?;
    let size = usize::try_from(code.end.offset_from(code.start)?).ok()?;
    let mut bytes = vec![0; size];
    read_exact(&mut session.target, code.start, &mut bytes).ok()?;
    let exits = exits(&bytes, code, step.calls)?;
    let gate = |at| Gate {
        at,
        stack: None,
        why: Why::LeftLine,
    };
    Some(exits.into_iter().map(gate).collect())
}

/// The rows of the line that lie side by side around a place.
fn code_of_line<T>(
    session: &Session<'_, T>,
    step: &LineStep,
    pc: VirtAddr,
) -> Option<Range<VirtAddr>> {
    let row_at = |at: VirtAddr| {
        let position = Position::of(&session.modules, at)?;
        let location = &position.row.as_ref()?.location;
        let same =
            position.chain.len() == step.depth && same_line(Some(location), step.line.as_ref());
        position.code().filter(|_| same)
    };
    let mut code = row_at(pc)?;
    for _ in 0..MOST_ROWS {
        let before = code.start.0.checked_sub(1).map(VirtAddr).and_then(row_at);
        let after = row_at(code.end);
        if before.is_none() && after.is_none() {
            let size = code.end.offset_from(code.start)?;
            return (size <= MOST_BYTES).then_some(code);
        }
        code = before.map_or(code.start, |row| row.start)..after.map_or(code.end, |row| row.end);
    }
    None
}

/// Where code goes on outside of it, and the instructions in it of which only
/// executing them tells.
fn exits(bytes: &[u8], code: Range<VirtAddr>, calls: Calls) -> Option<Vec<VirtAddr>> {
    let mut exits = Vec::new();
    let mut repeats = false;
    let mut falls_out = true;
    let mut end = code.start.0;
    for instruction in decode(bytes, LinkAddr(code.start.0)) {
        if instruction.is_invalid() {
            return None;
        }
        let at = VirtAddr(instruction.ip());
        end = instruction.next_ip();
        let flow = instruction.flow_control();
        match flow {
            FlowControl::Next => repeats |= is_repeated(&instruction),
            FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch => {
                let target = VirtAddr(instruction.near_branch_target());
                match code.contains(&target) {
                    true => repeats |= target <= at,
                    false => exits.push(target),
                }
            }
            FlowControl::Call | FlowControl::IndirectCall if calls == Calls::Over => {}
            _ => exits.push(at),
        }
        falls_out = !matches!(flow, FlowControl::UnconditionalBranch | FlowControl::Return);
    }
    // The last instruction ends where the line does.
    if end != code.end.0 || !repeats {
        return None;
    }
    if falls_out {
        exits.push(code.end);
    }
    exits.sort_unstable();
    exits.dedup();
    (exits.len() <= MOST_EXITS).then_some(exits)
}

/// A string instruction with a repeat prefix: a single step is one element.
fn is_repeated(instruction: &Instruction) -> bool {
    instruction.is_string_instruction()
        && (instruction.has_rep_prefix() || instruction.has_repne_prefix())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], calls: Calls, expected: Option<&[u64]>) {
        let start = 0x1000_u64;
        let code = VirtAddr(start)..VirtAddr(start + bytes.len() as u64);
        let found = exits(bytes, code, calls);
        let found = found.map(|exits| exits.iter().map(|exit| exit.0).collect::<Vec<_>>());
        assert_eq!(found.as_deref(), expected, "{bytes:x?}");
    }

    #[test]
    fn ways_out_of_a_line() {
        // dec rcx; jnz -5
        let counted = [0x48, 0xff, 0xc9, 0x75, 0xfb];
        check(&counted, Calls::Over, Some(&[0x1005]));
        // nop; ret: nothing repeats.
        check(&[0x90, 0xc3], Calls::Over, None);
        // rep movsb
        check(&[0xf3, 0xa4], Calls::Over, Some(&[0x1002]));
        // dec ecx; jz +0x10; jmp -6
        let with_exit = [0xff, 0xc9, 0x74, 0x10, 0xeb, 0xfa];
        check(&with_exit, Calls::Over, Some(&[0x1014]));
        // call +0; dec ecx; jnz -9
        let with_call = [0xe8, 0, 0, 0, 0, 0xff, 0xc9, 0x75, 0xf7];
        check(&with_call, Calls::Over, Some(&[0x1009]));
        check(&with_call, Calls::Into, Some(&[0x1000, 0x1009]));
        // dec ecx; jnz -4; ret
        let with_return = [0xff, 0xc9, 0x75, 0xfc, 0xc3];
        check(&with_return, Calls::Over, Some(&[0x1004]));
    }

    #[test]
    fn what_is_not_understood_is_stepped() {
        // dec ecx; jnz -4; no instruction.
        check(&[0xff, 0xc9, 0x75, 0xfc, 0x06], Calls::Over, None);
        // The last instruction is cut off.
        check(&[0xff, 0xc9, 0x75, 0xfc, 0xe8, 0], Calls::Over, None);
        check(&[], Calls::Over, None);
    }
}
