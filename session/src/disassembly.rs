//! Instructions around an address.

use ukdbg_image::iced_x86::Instruction;
use ukdbg_image::{Function, LinkAddr, Syntax, Untrusted, decode, instruction_text};
use ukdbg_inspect::{Memory, Module, Modules, VirtAddr, read_available};

use crate::SessionError;
use crate::names;
use crate::view::{DisassemblyLine, DisassemblyView};

/// Bytes decoded where no function says where code begins and ends.
const WITHOUT_FUNCTION: usize = 64;
/// The longest function that is disassembled whole.
const LONGEST_FUNCTION: u64 = 64 << 10;

/// The instructions of the function that holds the address; without one, those
/// from the address on. The bytes are the machine's, not the image's.
pub(crate) fn around(
    memory: &mut dyn Memory,
    modules: &Modules<'_>,
    at: VirtAddr,
) -> Result<DisassemblyView, SessionError> {
    around_in(memory, modules, at, Syntax::Intel)
}

/// As [`around`], in a syntax.
pub(crate) fn around_in(
    memory: &mut dyn Memory,
    modules: &Modules<'_>,
    at: VirtAddr,
    syntax: Syntax,
) -> Result<DisassemblyView, SessionError> {
    let found = modules.find(at).and_then(|(module, link)| {
        let function = module.image.function_at(link)?;
        Some((module, link, function))
    });
    let (start, size) = found
        .as_ref()
        .and_then(|(module, link, function)| extent(module, *link, function))
        .unwrap_or((at, WITHOUT_FUNCTION));
    let (start, code) = match readable(memory, start, size) {
        // What is asked about is shown even where the function's start, or a
        // page before it, cannot be read.
        code if at
            .offset_from(start)
            .is_none_or(|offset| offset >= code.len() as u64) =>
        {
            (at, readable(memory, at, WITHOUT_FUNCTION))
        }
        code => (start, code),
    };
    if code.is_empty() {
        memory.read(start, &mut [0])?;
        return Err(SessionError::NoCode { at: start });
    }
    Ok(DisassemblyView {
        function: found.map(|(_, _, function)| function.name),
        lines: lines(modules, &code, start, at, syntax),
    })
}

fn readable(memory: &mut dyn Memory, at: VirtAddr, size: usize) -> Vec<u8> {
    let mut code = vec![0; size];
    let readable = read_available(memory, at, &mut code);
    code.truncate(readable);
    code
}

/// Where the range of the function around the address lies in the machine.
fn extent(module: &Module<'_>, link: LinkAddr, function: &Function) -> Option<(VirtAddr, usize)> {
    let range = function.ranges.iter().find(|range| range.contains(&link))?;
    let size = range.end.offset_from(range.start)?;
    if size > LONGEST_FUNCTION {
        return None;
    }
    Some((
        module.run_address(range.start)?,
        usize::try_from(size).ok()?,
    ))
}

fn lines(
    modules: &Modules<'_>,
    code: &[u8],
    start: VirtAddr,
    at: VirtAddr,
    syntax: Syntax,
) -> Vec<DisassemblyLine> {
    let mut last = None;
    decode(code, LinkAddr(start.0))
        .map(|instruction| {
            let address = VirtAddr(instruction.ip());
            let offset = usize::try_from(address.0.wrapping_sub(start.0)).unwrap_or(code.len());
            let end = offset.saturating_add(instruction.len()).min(code.len());
            let length = instruction.len() as u64;
            let location = modules
                .find_code(ukdbg_image::CodeAddr::Exact(address))
                .and_then(|(module, link)| {
                    module.image.source_frames(link).first()?.location.clone()
                });
            let changed = location != last;
            last.clone_from(&location);
            DisassemblyLine {
                address,
                bytes: hex(code.get(offset..end).unwrap_or_default()),
                text: text_in(modules, &instruction, syntax),
                location: location.filter(|_| changed),
                selected: at.offset_from(address).is_some_and(|into| into < length),
            }
        })
        .collect()
}

/// An instruction in Intel syntax, the target of a branch and the address of a
/// fixed operand named.
pub(crate) fn text(modules: &Modules<'_>, instruction: &Instruction) -> Untrusted {
    text_in(modules, instruction, Syntax::Intel)
}

/// As [`text`], in a syntax.
pub(crate) fn text_in(
    modules: &Modules<'_>,
    instruction: &Instruction,
    syntax: Syntax,
) -> Untrusted {
    let mut text = instruction_text(instruction, syntax);
    if let Some(name) = named_target(modules, instruction) {
        text.push_str(&format!(" <{}>", name.raw()));
    }
    Untrusted::from(text)
}

fn named_target(modules: &Modules<'_>, instruction: &Instruction) -> Option<Untrusted> {
    let target = if instruction.is_ip_rel_memory_operand() {
        instruction.ip_rel_memory_address()
    } else if instruction.near_branch_target() != 0 {
        instruction.near_branch_target()
    } else {
        return None;
    };
    names::symbol(modules, VirtAddr(target))
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}
