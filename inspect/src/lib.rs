//! A machine, understood: what its registers, memory and images say together.
//!
//! What a machine must offer is [`Target`] and the traits beside it; whoever
//! reaches machines implements them. On top of that, this crate answers:
//!
//! - Where does an address belong? [`Modules`] is the only way from run-time
//!   to link-time addresses and to names; [`AddressSpace::describe`] adds the
//!   guest's stacks and heap, and says how it knows.
//! - Where does an image lie that was moved? [`find_slide`] compares memory
//!   with its code, and believes only what agrees at many places.
//! - How do the page tables see it? [`PageWalk`] keeps every level, and says
//!   why an access is refused; [`Paged`] makes virtual memory of physical.
//! - What did the kernel tell the processor? [`DescriptorTables`] decodes its
//!   segments, interrupt gates and task state, and says what an address is to
//!   them.
//! - Who called whom? [`Unwinder`] makes a [`Backtrace`] of registers, of a
//!   fault record's registers, or of a task that does not run. Every frame
//!   says how it was found ([`FoundBy`]), the whole why it ended
//!   ([`StackEnd`]). A guess is marked as one.
//! - What does a variable hold? [`arguments`] and [`variables`] read a frame's
//!   by their types, [`globals`] a static's, bounded by [`ValueLimits`]; what
//!   cannot be known says so.
//! - What do the guest's own tables say? [`find_root`] leads to a [`Root`],
//!   that to [`FaultReport`]s, [`Stacks`] and [`HeapBlocks`].
//! - What is a vector, an error code? [`Exception`].
//!
//! All of it takes what it reads for an allegation: nothing here panics on,
//! loops over or allocates by a number that a guest or an image supplies.
//!
//! Not here: reaching a machine, any protocol or file, verdicts, rendering,
//! the contents of trace rings.
#![forbid(unsafe_code)]

mod address;
mod describe;
mod descriptors;
mod exception;
mod history;
mod memory;
mod modules;
mod paging;
mod registers;
mod root;
mod slide;
mod target;
mod unwind;
mod values;

#[cfg(test)]
mod fixture;

pub use address::{PhysAddr, VirtAddr};
pub use describe::{
    AddressDescription, AddressKind, AddressSpace, Evidence, ImagePlace, Region, SymbolPlace,
};
pub use descriptors::{
    DescriptorTables, Gate, GateKind, SegmentDescriptor, SegmentKind, SystemRegisters,
    SystemSegment, TableGap, TablePlace, TableRegister, TaskState,
};
pub use exception::{
    DescriptorTable, ErrorCode, Exception, ExceptionClass, PageFaultCode, SelectorCode,
};
pub use history::{History, InHistory, Moment};
pub use memory::{
    CString, read_available, read_c_string, read_exact, read_physical_u64, read_u32, read_u64,
};
pub use modules::{Module, Modules, Placement};
pub use paging::{
    Access, AccessKind, Denial, Hole, HoleEdge, Level, MappedRun, Mappings, PageEntry, PageLevel,
    PageOutcome, PageRights, PageWalk, Paged, PagingMode, PagingState, Privilege, is_canonical,
};
pub use registers::{REGISTER_COUNT, Register, Registers, VectorRegister, VectorRegisters};
pub use root::{
    Fault, FaultReport, HeapBlocks, HeapEntry, HeapState, Root, RootError, RootNote, Stack,
    StackUse, Stacks, find_root, root_note, scan_for_root,
};
pub use slide::{Slide, SlideSearch, find_slide};
pub use target::{
    BreakpointAt, BreakpointKind, Control, LiveMemory, Memory, MemoryError, MemoryWrite,
    PhysicalMemory, RegisterWrite, Resume, ShutdownCause, StepInterrupts, Stop, StopReason, Target,
    TargetError, VcpuId,
};
pub use unwind::{Backtrace, FoundBy, Frame, StackEnd, Unwinder};
pub use values::{
    Field, Follow, InvalidValue, Key, MapEntry, Missing, NamedValue, Number, Place, PlaceError,
    PlaceType, RangeEnd, ShareCounts, Value, ValueLimits, WriteNumber, arguments, globals,
    segment_symbol_text, short_type_name, symbol_text, variables,
};
