//! The registers of one virtual CPU, read once per stop.

mod stored;
mod vector;

use serde::Serialize;
use ukdbg_image::DwarfRegister;

use crate::VirtAddr;

pub use vector::{VectorRegister, VectorRegisters};

/// A register that ukdbg reads by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[repr(u8)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the processor's own")]
pub enum Register {
    Rax,
    Rbx,
    Rcx,
    Rdx,
    Rsi,
    Rdi,
    Rbp,
    Rsp,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    Rip,
    Rflags,
    Cs,
    Ss,
    Ds,
    Es,
    Fs,
    Gs,
    FsBase,
    GsBase,
    Cr0,
    Cr2,
    Cr3,
    Cr4,
    Cr8,
    Efer,
}

/// How many registers [`Register`] names.
pub const REGISTER_COUNT: usize = 32;

impl Register {
    /// Every register, in order.
    pub const ALL: [Self; REGISTER_COUNT] = [
        Self::Rax,
        Self::Rbx,
        Self::Rcx,
        Self::Rdx,
        Self::Rsi,
        Self::Rdi,
        Self::Rbp,
        Self::Rsp,
        Self::R8,
        Self::R9,
        Self::R10,
        Self::R11,
        Self::R12,
        Self::R13,
        Self::R14,
        Self::R15,
        Self::Rip,
        Self::Rflags,
        Self::Cs,
        Self::Ss,
        Self::Ds,
        Self::Es,
        Self::Fs,
        Self::Gs,
        Self::FsBase,
        Self::GsBase,
        Self::Cr0,
        Self::Cr2,
        Self::Cr3,
        Self::Cr4,
        Self::Cr8,
        Self::Efer,
    ];

    /// The usual lower-case name.
    pub const fn name(self) -> &'static str {
        const NAMES: [&str; REGISTER_COUNT] = [
            "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
            "r12", "r13", "r14", "r15", "rip", "rflags", "cs", "ss", "ds", "es", "fs", "gs",
            "fs_base", "gs_base", "cr0", "cr2", "cr3", "cr4", "cr8", "efer",
        ];
        NAMES[self as usize]
    }

    /// The register of a DWARF number (System V psABI, figure 3.36), among
    /// the integer registers and the return address column.
    pub const fn from_dwarf(number: DwarfRegister) -> Option<Self> {
        Some(match number.0 {
            0 => Self::Rax,
            1 => Self::Rdx,
            2 => Self::Rcx,
            3 => Self::Rbx,
            4 => Self::Rsi,
            5 => Self::Rdi,
            6 => Self::Rbp,
            7 => Self::Rsp,
            8 => Self::R8,
            9 => Self::R9,
            10 => Self::R10,
            11 => Self::R11,
            12 => Self::R12,
            13 => Self::R13,
            14 => Self::R14,
            15 => Self::R15,
            16 => Self::Rip,
            _ => return None,
        })
    }
}

/// Register values, each present only if it was really read or recovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registers {
    values: [u64; REGISTER_COUNT],
    valid: u32,
}

impl Default for Registers {
    fn default() -> Self {
        Self {
            values: [0; REGISTER_COUNT],
            valid: 0,
        }
    }
}

impl Registers {
    /// A register's value, when it is known.
    pub fn get(&self, register: Register) -> Option<u64> {
        (self.valid & (1 << register as u32) != 0).then(|| self.values[register as usize])
    }

    /// Sets a register.
    pub fn set(&mut self, register: Register, value: u64) {
        self.values[register as usize] = value;
        self.valid |= 1 << register as u32;
    }

    /// Forgets a register.
    pub fn clear(&mut self, register: Register) {
        self.valid &= !(1 << register as u32);
    }

    /// Sets a register or leaves it, without a branch on which.
    #[inline]
    pub(crate) fn set_if(&mut self, condition: bool, register: Register, value: u64) {
        let place = &mut self.values[register as usize];
        *place = if condition { value } else { *place };
        self.valid |= u32::from(condition) << register as u32;
    }

    /// Forgets several, by the bits of their places.
    pub(crate) fn clear_all(&mut self, registers: u32) {
        self.valid &= !registers;
    }

    /// The instruction pointer.
    pub fn pc(&self) -> Option<VirtAddr> {
        self.get(Register::Rip).map(VirtAddr)
    }

    /// The stack pointer.
    pub fn sp(&self) -> Option<VirtAddr> {
        self.get(Register::Rsp).map(VirtAddr)
    }
}
