//! A machine, understood: what its registers, memory and images say together.
//!
//! The crate defines what a machine must offer ([`Target`] and the traits
//! beside it) and answers on top of it: where an address belongs
//! ([`Modules`]), how the page tables see it, who called whom
//! ([`Backtrace`]), what the guest's own tables (root block, fault record,
//! stacks, heap) say, and what a variable holds.
//!
//! Not here: reaching a machine, any protocol or file, rendering.
#![forbid(unsafe_code)]

mod address;
mod describe;
mod exception;
mod memory;
mod modules;
mod paging;
mod registers;
mod root;
mod target;
mod unwind;
mod values;

#[cfg(test)]
mod fixture;

pub use address::{PhysAddr, VirtAddr};
pub use describe::{
    AddressDescription, AddressKind, AddressSpace, Evidence, ImagePlace, Region, SymbolPlace,
};
pub use exception::{
    DescriptorTable, ErrorCode, Exception, ExceptionClass, PageFaultCode, SelectorCode,
};
pub use memory::{
    CString, read_available, read_c_string, read_exact, read_physical_u64, read_u32, read_u64,
};
pub use modules::{Module, Modules, Placement};
pub use paging::{
    Access, AccessKind, Denial, Level, PageEntry, PageLevel, PageOutcome, PageRights, PageWalk,
    Paged, PagingMode, PagingState, Privilege, is_canonical,
};
pub use registers::{REGISTER_COUNT, Register, Registers};
pub use root::{
    Fault, FaultReport, HeapBlocks, HeapEntry, HeapState, Root, RootError, RootNote, Stack,
    StackUse, Stacks, find_root, root_note, scan_for_root,
};
pub use target::{
    BreakpointAt, BreakpointKind, Control, LiveMemory, Memory, MemoryError, MemoryWrite,
    PhysicalMemory, Resume, ShutdownCause, Stop, StopReason, Target, TargetError, VcpuId,
};
pub use unwind::{Backtrace, FoundBy, Frame, StackEnd, Unwinder};
pub use values::{
    Field, Follow, InvalidValue, Missing, NamedValue, Value, ValueLimits, arguments, variables,
};
