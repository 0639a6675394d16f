//! The root block: what a debugger finds first. The note that leads to it is
//! in `boot/entry.s`.

use core::sync::atomic::AtomicU64;

use ukdbg_guest_abi::{GuestAddress, RootBlock, root};

use crate::{fault, heap, stack, trace};

/// Complete before the first instruction, except for the times.
pub(crate) static ROOT: RootBlock = RootBlock {
    magic: root::MAGIC,
    abi_version: root::ABI_VERSION,
    size: size_of::<RootBlock>() as u32,
    tsc_frequency: AtomicU64::new(0),
    boot_tsc: AtomicU64::new(0),
    cpu_count: trace::CPU_COUNT as u32,
    reserved: 0,
    rings: GuestAddress::new(&raw const trace::RINGS),
    fault_records: GuestAddress::new(fault::RECORDS.get()),
    rendezvous: GuestAddress::new(fault::ukdbg_rendezvous as *const ()),
    heap_ledger: GuestAddress::new(&raw const heap::LEDGER),
    stack_table: GuestAddress::new(&raw const stack::TABLE),
};
