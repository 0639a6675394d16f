//! Decoded instructions, with what a debugger asks of one: text, where it may
//! go, and which memory it touches.

use iced_x86::{Decoder, DecoderOptions, Instruction};

use crate::LinkAddr;

/// Decodes 64-bit code. Ends at the end of `code`; an invalid instruction is
/// returned as such, one byte long.
pub fn decode(code: &[u8], address: LinkAddr) -> impl Iterator<Item = Instruction> + '_ {
    Decoder::with_ip(64, code, address.0, DecoderOptions::NONE).into_iter()
}
