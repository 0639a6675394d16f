//! Whether a machine halted for good, by registers and code alone: for links
//! that do not say so themselves.

use ukdbg_image::iced_x86::Mnemonic;
use ukdbg_image::{LinkAddr, decode};
use ukdbg_inspect::{Memory, Modules, Register, Registers, Target, VirtAddr, read_available};

use crate::SessionError;
use crate::session::Session;

/// RFLAGS.IF: interrupts are delivered (SDM 1 3.4.3).
const INTERRUPT_FLAG: u64 = 1 << 9;
/// The instruction `hlt` (SDM 2A, HLT).
const HLT: u8 = 0xf4;
/// The longest stretch of a function that is decoded to find where its
/// instructions begin.
const LONGEST_STRETCH: u64 = 64 << 10;

/// Whether every CPU stands right behind an `hlt` with interrupts off. A CPU
/// that cannot be asked is not taken for halted.
pub(crate) fn seems_for_good<T: Target>(session: &mut Session<'_, T>) -> bool {
    let answer = every_cpu(session).unwrap_or(false);
    // Memory is that of the CPU asked last; the next question is about the
    // one that stopped.
    let selected = session.current_registers();
    answer && selected.is_ok()
}

fn every_cpu<T: Target>(session: &mut Session<'_, T>) -> Result<bool, SessionError> {
    let vcpus = session.target.vcpus()?;
    for &vcpu in &vcpus {
        let registers = session.target.registers(vcpu)?;
        if !is_halted(&mut session.target, &session.modules, &registers) {
            return Ok(false);
        }
    }
    Ok(!vcpus.is_empty())
}

fn is_halted(memory: &mut dyn Memory, modules: &Modules<'_>, registers: &Registers) -> bool {
    let flags = registers.get(Register::Rflags);
    if flags.is_none_or(|flags| flags & INTERRUPT_FLAG != 0) {
        return false;
    }
    let Some((pc, before)) = registers.pc().and_then(|pc| Some((pc, pc.checked_sub(1)?))) else {
        return false;
    };
    let mut byte = [0];
    read_available(memory, before, &mut byte) == 1
        && byte == [HLT]
        && is_instruction(memory, modules, before, pc)
}

/// Whether the byte is an instruction, not the end of a longer one. Where no
/// function says where instructions begin, it is taken for one.
fn is_instruction(
    memory: &mut dyn Memory,
    modules: &Modules<'_>,
    at: VirtAddr,
    end: VirtAddr,
) -> bool {
    let start = modules.find(at).and_then(|(module, link)| {
        let function = module.image.function_at(link)?;
        let range = function.ranges.iter().find(|range| range.contains(&link))?;
        module.run_address(range.start)
    });
    let size = start.and_then(|start| end.offset_from(start));
    let (Some(start), Some(size)) = (start, size.filter(|&size| size <= LONGEST_STRETCH)) else {
        return true;
    };
    let mut code = vec![0; usize::try_from(size).unwrap_or(0)];
    let readable = read_available(memory, start, &mut code);
    code.truncate(readable);
    decode(&code, LinkAddr(start.0))
        .any(|instruction| instruction.ip() == at.0 && instruction.mnemonic() == Mnemonic::Hlt)
}
