//! The address space: one, identity-mapped, with permissions that catch
//! mistakes. Not an allocator of bytes; that is `heap`.
//!
//! | addresses | mapped |
//! | --- | --- |
//! | below 1 MiB | not at all: a null pointer's neighbourhood |
//! | the image | text read-execute, rodata read-only, data read-write |
//! | guard pages below stacks | not at all |
//! | RAM behind the image | read-write, for the heap |
//! | the local and I/O APIC | uncached |
//! | [`GUARDED_START`] on | guarded blocks, each page by itself |

mod entry;
mod frames;
mod layout;
mod tables;

pub(crate) use entry::Access;
pub(crate) use frames::{free_frame, take_frame};
pub(crate) use layout::{build, switch_to};
pub(crate) use tables::{map, unmap};

/// Size of a page.
pub(crate) const PAGE_SIZE: u64 = 4096;
/// Start of the range for guarded blocks: far from RAM's identity map.
pub(crate) const GUARDED_START: u64 = 0x1000_0000_0000;
