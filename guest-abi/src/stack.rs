//! The stack table: every stack, whose it is, and where its task goes on.

use core::sync::atomic::{AtomicU32, AtomicU64};

use crate::GuestAddress;

/// First word of a stack table.
pub const MAGIC: u32 = u32::from_le_bytes(*b"ukST");
/// Version of the layout.
pub const VERSION: u32 = 1;
/// Bytes of a stack's name.
pub const NAME_SIZE: usize = 24;

/// All stacks of the guest.
#[repr(C)]
pub struct StackTable {
    /// [`MAGIC`].
    pub magic: u32,
    /// [`VERSION`].
    pub version: u32,
    /// Size of an entry in bytes.
    pub entry_size: u32,
    /// Entries in use.
    pub count: AtomicU32,
    /// `[StackEntry; count]`.
    pub entries: GuestAddress,
    /// Index of the task that runs, `u32::MAX` for none.
    pub current: AtomicU32,
}

/// What a stack is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum StackKind {
    /// The stack the guest boots on.
    Boot = 0,
    /// A task's.
    Task = 1,
    /// One that the processor switches to on an exception or interrupt.
    Interrupt = 2,
}

impl StackKind {
    /// The kind an entry's word names.
    pub const fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Self::Boot,
            1 => Self::Task,
            2 => Self::Interrupt,
            _ => return None,
        })
    }
}

/// One stack.
#[repr(C)]
pub struct StackEntry {
    /// Name, UTF-8, padded with zeros.
    pub name: [u8; NAME_SIZE],
    /// A [`StackKind`].
    pub kind: u32,
    /// 1 for a task that can run again, 0 for one that ended or is no task.
    pub alive: AtomicU32,
    /// Lowest usable address.
    pub low: u64,
    /// One past the highest usable address.
    pub high: u64,
    /// Size of the unmapped guard below `low`, 0 for none.
    pub guard_size: u64,
    /// Stack pointer of a task that is not running, 0 for one that is. It
    /// points at the frame of the switch, laid out as [`SWITCH_FRAME`] says.
    pub saved_rsp: AtomicU64,
}

/// What [`StackEntry::saved_rsp`] points at: seven words from low to high,
/// by their DWARF register numbers (System V psABI, figure 3.36): r15, r14,
/// r13, r12, rbx, rbp, return address.
pub const SWITCH_FRAME: [u16; 7] = [15, 14, 13, 12, 3, 6, 16];
