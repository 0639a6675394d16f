//! Registers, instructions and source lines as they are shown.

use serde::Serialize;
use ukdbg_image::address_type;
use ukdbg_image::{FunctionName, SourceLocation, Untrusted};
use ukdbg_inspect::{Register, SystemRegisters, VirtAddr};

address_type! {
    /// A register-sized value, written in hexadecimal.
    Word
}

/// The registers of a frame.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RegistersView {
    /// Every register that ukdbg knows; those of a caller's frame that cannot
    /// be recovered have no value.
    pub registers: Vec<RegisterValue>,
    /// Those of the x87 and SSE units, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<VectorValue>,
    /// The CPU's own that lead to descriptor tables, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemRegisters>,
}

/// A value of up to 128 bits, written in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wide(pub u128);

impl Serialize for Wide {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#x}", self.0))
    }
}

/// The value of a register of the x87 or SSE unit.
#[derive(Debug, Clone, Serialize)]
pub struct VectorValue {
    /// The register's name.
    pub register: &'static str,
    /// Bytes that it holds.
    pub bytes: usize,
    /// Its value; none when unavailable.
    pub value: Option<Wide>,
}

/// A register's value.
#[derive(Debug, Clone, Serialize)]
pub struct RegisterValue {
    /// The register.
    pub register: Register,
    /// Its value; none when unavailable.
    pub value: Option<Word>,
    /// What it points at, when that has a name.
    pub points_at: Option<Untrusted>,
}

/// Instructions in order.
#[derive(Debug, Clone, Serialize)]
pub struct DisassemblyView {
    /// The function that holds them.
    pub function: Option<FunctionName>,
    /// The instructions.
    pub lines: Vec<DisassemblyLine>,
}

/// One instruction.
#[derive(Debug, Clone, Serialize)]
pub struct DisassemblyLine {
    /// Its address.
    pub address: VirtAddr,
    /// Its bytes in hexadecimal.
    pub bytes: String,
    /// Its text, Intel syntax, with addresses named.
    pub text: Untrusted,
    /// Its source line, when another than the line before.
    pub location: Option<SourceLocation>,
    /// It holds the address asked about.
    pub selected: bool,
}

/// Lines of a source file.
#[derive(Debug, Clone, Serialize)]
pub struct SourceView {
    /// The place they surround.
    pub location: SourceLocation,
    /// The lines; empty when the file was not found.
    pub lines: Vec<SourceLine>,
}

/// One line of source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceLine {
    /// Its number, from 1.
    pub number: u32,
    /// Its text.
    pub text: Untrusted,
    /// It is the line of the place.
    pub selected: bool,
}
