//! Memory, unit by unit, as GDB's `x` shows it.

use ukdbg_image::{LinkAddr, Syntax, Untrusted, decode};
use ukdbg_inspect::{Memory, Modules, Target, VirtAddr, read_available, read_c_string};

use crate::SessionError;
use crate::disassembly;
use crate::format::{Digits, Format, Letter, UnitSize};
use crate::names;
use crate::session::Session;
use crate::view::{MemoryRow, MemoryView};

/// The longest text that one unit shows.
const LONGEST_TEXT: usize = 200;
/// The longest instruction of the processor (SDM 2A 2.3.11).
const LONGEST_INSTRUCTION: usize = 15;

/// Memory from where an expression points.
pub(crate) fn examine<T: Target>(
    session: &mut Session<'_, T>,
    expression: &str,
    frame: Option<usize>,
    format: Format,
) -> Result<MemoryView, SessionError> {
    let at = session.address_of(expression, frame)?;
    let count = format.count.unwrap_or(1) as usize;
    let (modules, memory) = (&session.modules, &mut session.target);
    let mut rows = Rows {
        modules,
        rows: Vec::new(),
        unreadable: None,
    };
    match format.letter.unwrap_or(Letter::Hexadecimal) {
        Letter::Text => rows.texts(memory, at, count),
        Letter::Instruction => rows.instructions(memory, at, count),
        letter => rows.numbers(memory, at, count, letter, size(letter, format.size)),
    }
    Ok(MemoryView {
        rows: rows.rows,
        unreadable: rows.unreadable,
    })
}

/// GDB's own choice where no size is given: words; addresses and fractions
/// are 8 bytes, characters one.
fn size(letter: Letter, asked: Option<UnitSize>) -> UnitSize {
    match (letter, asked) {
        (Letter::Address, _) => UnitSize::Giant,
        (_, Some(size)) => size,
        (Letter::Float, None) => UnitSize::Giant,
        (Letter::Character, None) => UnitSize::Byte,
        (_, None) => UnitSize::Word,
    }
}

/// Units that GDB puts in a row.
fn in_a_row(letter: Letter, size: UnitSize) -> usize {
    match (letter, size) {
        (Letter::Binary, UnitSize::Byte) => 8,
        (Letter::Binary, UnitSize::Half) => 4,
        (Letter::Binary, UnitSize::Word) => 2,
        (Letter::Binary, UnitSize::Giant) => 1,
        (_, UnitSize::Byte | UnitSize::Half) => 8,
        (_, UnitSize::Word) => 4,
        (_, UnitSize::Giant) => 2,
    }
}

struct Rows<'a, 'data> {
    modules: &'a Modules<'data>,
    rows: Vec<MemoryRow>,
    unreadable: Option<VirtAddr>,
}

impl Rows<'_, '_> {
    fn push(&mut self, address: VirtAddr, units: Vec<Untrusted>) {
        self.rows.push(MemoryRow {
            address,
            symbol: names::symbol(self.modules, address),
            units,
        });
    }

    fn numbers(
        &mut self,
        memory: &mut dyn Memory,
        at: VirtAddr,
        count: usize,
        letter: Letter,
        size: UnitSize,
    ) {
        let unit = size.bytes() as usize;
        let mut bytes = vec![0; count * unit];
        let readable = read_available(memory, at, &mut bytes);
        let whole = readable - readable % unit;
        if whole < bytes.len() {
            self.unreadable = at.checked_add(readable as u64);
        }
        let per_row = in_a_row(letter, size) * unit;
        for (index, row) in bytes[..whole].chunks(per_row).enumerate() {
            let Some(address) = at.checked_add((index * per_row) as u64) else {
                break;
            };
            let units = row.chunks(unit).map(|unit| self.unit(unit, letter));
            let units = units.collect();
            self.push(address, units);
        }
    }

    fn unit(&self, bytes: &[u8], letter: Letter) -> Untrusted {
        let bits = bytes
            .iter()
            .rev()
            .fold(0_u128, |bits, &byte| bits << 8 | u128::from(byte));
        let text = letter.write(bits, bytes.len() as u64, Digits::All);
        let mut text = text.unwrap_or_default();
        if letter == Letter::Address
            && let Ok(address) = u64::try_from(bits)
            && let Some(name) = names::symbol(self.modules, VirtAddr(address))
        {
            text.push_str(&format!(" <{}>", name.raw()));
        }
        text.into()
    }

    fn texts(&mut self, memory: &mut dyn Memory, at: VirtAddr, count: usize) {
        let mut next = Some(at);
        for _ in 0..count {
            let Some(at) = next else { break };
            if read_available(memory, at, &mut [0]) == 0 {
                self.unreadable = Some(at);
                break;
            }
            let text = read_c_string(memory, at, LONGEST_TEXT);
            // A replacement character takes more bytes than it stands for, so
            // the text's length in memory is measured, not computed.
            let mut bytes = vec![0; LONGEST_TEXT];
            let readable = read_available(memory, at, &mut bytes);
            let zero = bytes[..readable].iter().position(|&byte| byte == 0);
            let length = zero.map_or(readable, |zero| zero + 1);
            next = at.checked_add(length as u64);
            let more = if text.terminated { "" } else { "…" };
            let quoted = format!("{:?}{more}", text.text.raw());
            self.push(at, vec![quoted.into()]);
        }
    }

    fn instructions(&mut self, memory: &mut dyn Memory, at: VirtAddr, count: usize) {
        let mut code = vec![0; count * LONGEST_INSTRUCTION];
        let readable = read_available(memory, at, &mut code);
        let mut shown = 0;
        for instruction in decode(&code[..readable], LinkAddr(at.0)).take(count) {
            let text = disassembly::text_in(self.modules, &instruction, Syntax::Intel);
            self.push(VirtAddr(instruction.ip()), vec![text]);
            shown += 1;
        }
        if shown < count {
            self.unreadable = at.checked_add(readable as u64);
        }
    }
}
