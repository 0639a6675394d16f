//! The ELF note that leads to the root block.
//!
//! The descriptor is two little-endian `u64`: the link-time address of the
//! [`RootBlock`](crate::RootBlock), then that of the rendezvous function, so
//! that a debugger can stop there before the guest has run one instruction.

/// The note's owner, with its terminating zero.
pub const NAME: &[u8] = b"ukdbg\0";
/// The note's type.
pub const TYPE_ROOT: u32 = 1;
/// The descriptor's size in bytes.
pub const DESCRIPTOR_SIZE: usize = 16;
