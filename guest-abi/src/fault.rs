//! The fault record: what registers alone lose.

use core::sync::atomic::{AtomicU32, AtomicU64};

/// First word of a fault record.
pub const MAGIC: u32 = u32::from_le_bytes(*b"ukFT");
/// Version of the layout.
pub const VERSION: u32 = 1;
/// Bytes kept of a panic's message and of its file name.
pub const MESSAGE_SIZE: usize = 256;

/// What kind of fault a record holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum FaultKind {
    /// No fault yet.
    None = 0,
    /// A processor exception that the guest does not handle.
    Exception = 1,
    /// A panic of the guest's language.
    Panic = 2,
}

impl FaultKind {
    /// The kind a record's word names.
    pub const fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Self::None,
            1 => Self::Exception,
            2 => Self::Panic,
            _ => return None,
        })
    }
}

/// One CPU's last fault. Written by that CPU, complete when it calls the
/// rendezvous.
#[repr(C, align(64))]
pub struct FaultRecord {
    /// [`MAGIC`].
    pub magic: u32,
    /// [`VERSION`].
    pub version: u32,
    /// Faults of this CPU so far; odd while the record is being written:
    /// the count is `(sequence + 1) / 2`.
    pub sequence: AtomicU32,
    /// A [`FaultKind`].
    pub kind: u32,
    /// The CPU.
    pub cpu: u32,
    /// Exception vector; meaningless for a panic.
    pub vector: u32,
    /// The error code the processor pushed, 0 for a vector without one.
    pub error_code: u64,
    /// Page-fault linear address as it was at the exception.
    pub cr2: u64,
    /// Time-stamp counter at the fault.
    pub tsc: AtomicU64,
    /// Index in the stack table of the stack that was interrupted,
    /// `u32::MAX` when it is none of them.
    pub stack: u32,
    /// Line of a panic.
    pub line: u32,
    /// Bytes of `message` that are used.
    pub message_length: u32,
    /// Bytes of `file` that are used.
    pub file_length: u32,
    /// Every register at the faulting instruction; for a panic, at the first
    /// instruction of the function that records it, which the panic handler
    /// has just called.
    pub registers: RegisterSet,
    /// A panic's message, UTF-8, cut when longer.
    pub message: [u8; MESSAGE_SIZE],
    /// A panic's source file, UTF-8, cut when longer.
    pub file: [u8; MESSAGE_SIZE],
}

/// The integer, control and segment registers.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct RegisterSet {
    /// rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8 … r15: the order of GDB's
    /// amd64 description.
    pub general: [u64; 16],
    /// Instruction pointer.
    pub rip: u64,
    /// Flags.
    pub rflags: u64,
    /// cs, ss, ds, es, fs, gs selectors.
    pub segments: [u64; 6],
    /// FS base.
    pub fs_base: u64,
    /// GS base.
    pub gs_base: u64,
    /// CR0.
    pub cr0: u64,
    /// CR2.
    pub cr2: u64,
    /// CR3.
    pub cr3: u64,
    /// CR4.
    pub cr4: u64,
    /// EFER.
    pub efer: u64,
}

impl RegisterSet {
    /// Every register 0, for a static initialiser.
    pub const ZERO: Self = Self {
        general: [0; 16],
        rip: 0,
        rflags: 0,
        segments: [0; 6],
        fs_base: 0,
        gs_base: 0,
        cr0: 0,
        cr2: 0,
        cr3: 0,
        cr4: 0,
        efer: 0,
    };
}
