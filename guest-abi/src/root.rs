//! The root block: where everything else is.

use core::sync::atomic::AtomicU64;

use crate::GuestAddress;

/// The first bytes of a root block. 16 bytes long so that a scan of guest
/// memory does not find it by chance.
pub const MAGIC: [u8; 16] = *b"ukdbg root block";
/// The version of this crate's layouts. A host refuses another major layout;
/// fields are only ever added behind the existing ones, covered by
/// [`RootBlock::size`].
pub const ABI_VERSION: u32 = 1;

/// Addresses and constants of one guest. Static, in initialised data, complete
/// before the guest's first instruction except for the two times.
#[repr(C)]
pub struct RootBlock {
    /// [`MAGIC`].
    pub magic: [u8; 16],
    /// [`ABI_VERSION`].
    pub abi_version: u32,
    /// Size of this structure in bytes, as the guest was built.
    pub size: u32,
    /// Ticks of the time-stamp counter in a second; 0 until it is known.
    pub tsc_frequency: AtomicU64,
    /// Time-stamp counter when the guest started.
    pub boot_tsc: AtomicU64,
    /// Number of CPUs the tables below have entries for.
    pub cpu_count: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// `[RingHeader; cpu_count]`.
    pub rings: GuestAddress,
    /// `[FaultRecord; cpu_count]`.
    pub fault_records: GuestAddress,
    /// The function called once per fault, when its record is complete, with
    /// the record's address in the first argument register (`rdi`).
    pub rendezvous: GuestAddress,
    /// A [`HeapLedger`](crate::HeapLedger), or null.
    pub heap_ledger: GuestAddress,
    /// A [`StackTable`](crate::StackTable), or null.
    pub stack_table: GuestAddress,
}
