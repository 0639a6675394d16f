//! Decoded instructions, with what a debugger asks of one: its text, and in
//! `operands` which memory and registers it touches. Where control goes from
//! one is iced's to say (`Instruction::flow_control`).

use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter, Instruction, IntelFormatter};

use crate::Address;

mod operands;

pub use operands::{Access, MemoryOperand, RegisterOperand, memory_operands, register_operands};

/// How assembly is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Syntax {
    /// `mov rax, [rbx+8]`.
    #[default]
    Intel,
    /// `mov 8(%rbx), %rax`.
    Att,
}

/// One instruction of a disassembly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisassembledLine<'code, A> {
    /// Where it is.
    pub address: A,
    /// Its bytes.
    pub bytes: &'code [u8],
    /// Its text; `(bad)` for what is not an instruction.
    pub text: String,
    /// The instruction itself.
    pub instruction: Instruction,
}

/// Decodes 64-bit code. Ends at the end of `code`; an invalid instruction is
/// returned as such, one byte long.
pub fn decode<A: Address>(code: &[u8], address: A) -> impl Iterator<Item = Instruction> + '_ {
    let mut decoder = Decoder::with_ip(64, code, address.value(), DecoderOptions::NONE);
    std::iter::from_fn(move || {
        if !decoder.can_decode() {
            return None;
        }
        let (position, ip) = (decoder.position(), decoder.ip());
        let mut instruction = decoder.decode();
        if instruction.is_invalid() {
            // The decoder may have gone over bytes that begin a valid one.
            instruction.set_len(1);
            instruction.set_next_ip(ip.wrapping_add(1));
            decoder.set_position(position + 1).ok()?;
            decoder.set_ip(ip.wrapping_add(1));
        }
        Some(instruction)
    })
}

/// Disassembles 64-bit code, to the end of `code`. Addresses in operands stay
/// numbers: what they are called depends on where the image is loaded.
pub fn disassemble<A: Address>(
    code: &[u8],
    address: A,
    syntax: Syntax,
) -> impl Iterator<Item = DisassembledLine<'_, A>> {
    let mut formatter = formatter(syntax);
    let mut offset = 0;
    decode(code, address).map_while(move |instruction| {
        let bytes = code.get(offset..offset + instruction.len())?;
        offset += instruction.len();
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        Some(DisassembledLine {
            address: A::from_value(instruction.ip()),
            bytes,
            text,
            instruction,
        })
    })
}

/// The text of one instruction.
pub fn instruction_text(instruction: &Instruction, syntax: Syntax) -> String {
    let mut text = String::new();
    formatter(syntax).format(instruction, &mut text);
    text
}

/// Numbers are written as everywhere else here: `0x1f`, without leading
/// zeros.
fn formatter(syntax: Syntax) -> Box<dyn Formatter> {
    let mut formatter: Box<dyn Formatter> = match syntax {
        Syntax::Intel => Box::new(IntelFormatter::new()),
        Syntax::Att => Box::new(GasFormatter::new()),
    };
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_branch_leading_zeros(false);
    options.set_rip_relative_addresses(true);
    options.set_space_after_operand_separator(true);
    formatter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkAddr;

    #[track_caller]
    fn check(code: &[u8], syntax: Syntax, expected: &[(u64, &str)]) {
        let lines = disassemble(code, LinkAddr(0x1000), syntax);
        let lines: Vec<_> = lines.map(|line| (line.address.0, line.text)).collect();
        let expected = expected.iter().map(|&(at, text)| (at, text.to_owned()));
        assert_eq!(lines, expected.collect::<Vec<_>>());
    }

    #[test]
    fn both_syntaxes() {
        let code = [0x48, 0x8b, 0x43, 0x08, 0xe8, 0x07, 0, 0, 0, 0xc3];
        let intel = [
            (0x1000, "mov rax, [rbx+8]"),
            (0x1004, "call 0x1010"),
            (0x1009, "ret"),
        ];
        check(&code, Syntax::Intel, &intel);
        let gas = [
            (0x1000, "mov 8(%rbx), %rax"),
            (0x1004, "call 0x1010"),
            (0x1009, "ret"),
        ];
        check(&code, Syntax::Att, &gas);
        check(&[], Syntax::Intel, &[]);
    }

    #[test]
    fn what_is_no_instruction_is_shown_as_such() {
        check(
            &[0x06, 0x90],
            Syntax::Intel,
            &[(0x1000, "(bad)"), (0x1001, "nop")],
        );
        check(
            &[0x48, 0x8b],
            Syntax::Intel,
            &[(0x1000, "(bad)"), (0x1001, "(bad)")],
        );
    }
}
