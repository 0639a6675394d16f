//! Instructions around an address.

use std::ops::Range;

use ukdbg_image::iced_x86::{Instruction, Register};
use ukdbg_image::{CodeAddr, Function, LinkAddr, Syntax, Untrusted, decode, instruction_text};
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
    let parts = found
        .as_ref()
        .map_or_else(Vec::new, |(module, link, function)| {
            parts(module, *link, function)
        });
    let mut pieces: Vec<(VirtAddr, Vec<u8>)> = parts
        .into_iter()
        .map(|(start, size)| (start, readable(memory, start, size)))
        .filter(|(_, code)| !code.is_empty())
        .collect();
    let is_shown = pieces.iter().any(|(start, code)| {
        at.offset_from(*start)
            .is_some_and(|offset| offset < code.len() as u64)
    });
    // What is asked about is shown even where no function holds it, or the
    // function's start, or a page before it, cannot be read.
    if !is_shown {
        pieces = vec![(at, readable(memory, at, WITHOUT_FUNCTION))];
    }
    if pieces.iter().all(|(_, code)| code.is_empty()) {
        memory.read(at, &mut [0])?;
        return Err(SessionError::NoCode { at });
    }
    Ok(DisassemblyView {
        function: found.map(|(_, _, function)| function.name),
        lines: lines(modules, &pieces, at, syntax),
    })
}

fn readable(memory: &mut dyn Memory, at: VirtAddr, size: usize) -> Vec<u8> {
    let mut code = vec![0; size];
    let readable = read_available(memory, at, &mut code);
    code.truncate(readable);
    code
}

/// Where the parts of a function lie in the machine: the one with its entry
/// first, then those that the compiler put elsewhere, as long as they are not
/// too long in all. The one that holds the address is never left out for that.
fn parts(module: &Module<'_>, link: LinkAddr, function: &Function) -> Vec<(VirtAddr, usize)> {
    let mut ranges: Vec<_> = function.ranges.iter().collect();
    ranges.sort_by_key(|range| (!range.contains(&function.entry), range.start));
    let size = |range: &Range<LinkAddr>| range.end.offset_from(range.start);
    let mut left = LONGEST_FUNCTION;
    if let Some(asked) = ranges.iter().find(|range| range.contains(&link)) {
        left = left.saturating_sub(size(asked).unwrap_or(0));
    }
    ranges
        .into_iter()
        .filter_map(|range| {
            let size = size(range)?;
            if range.contains(&link) {
                if size > LONGEST_FUNCTION {
                    return None;
                }
            } else {
                left = left.checked_sub(size)?;
            }
            Some((
                module.run_address(range.start)?,
                usize::try_from(size).ok()?,
            ))
        })
        .collect()
}

fn lines(
    modules: &Modules<'_>,
    pieces: &[(VirtAddr, Vec<u8>)],
    at: VirtAddr,
    syntax: Syntax,
) -> Vec<DisassemblyLine> {
    let instructions: Vec<(Instruction, String)> = pieces
        .iter()
        .flat_map(|(start, code)| {
            decode(code, LinkAddr(start.0)).map(|instruction| {
                let offset = instruction.ip().wrapping_sub(start.0);
                let offset = usize::try_from(offset).unwrap_or(code.len());
                let end = offset.saturating_add(instruction.len()).min(code.len());
                (instruction, hex(code.get(offset..end).unwrap_or_default()))
            })
        })
        .collect();
    let addresses: Vec<_> = instructions
        .iter()
        .map(|(instruction, _)| CodeAddr::Exact(VirtAddr(instruction.ip())))
        .collect();
    let places = modules.symbolize_all(&addresses).into_iter();
    let mut last = None;
    instructions
        .into_iter()
        .zip(places)
        .map(|((instruction, bytes), frames)| {
            let address = VirtAddr(instruction.ip());
            let length = instruction.len() as u64;
            let location = frames.into_iter().next().and_then(|frame| frame.location);
            let changed = location != last;
            last.clone_from(&location);
            DisassemblyLine {
                address,
                bytes,
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
    let target = VirtAddr(target);
    match instruction.segment_prefix() {
        Register::FS | Register::GS => names::symbol_by_segment(modules, target),
        _ => names::symbol(modules, target),
    }
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}
