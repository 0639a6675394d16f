//! What a unikernel links to be debuggable: it boots, catches every exception
//! with its full register set, keeps evidence of faults, and guards memory.
//!
//! Design principles, in order of precedence:
//!
//! 1. **Evidence first.** A fault is recorded completely before anything else
//!    runs; nothing later may overwrite what registers alone lose.
//! 2. **Every stack can be walked.** Each piece of assembly carries unwind
//!    information, frame pointers are kept, and outermost code says so.
//! 3. **A mistake faults.** Page 0 is unmapped, text cannot be written, data
//!    cannot be executed, and below every stack lies a page that is not there.
//! 4. **Every vector has a stack of its own** (an IST entry), so that a broken
//!    stack pointer can be reported and an interrupted red zone stays intact.
//! 5. **No allocation and no lock in a trap.** Interrupts are off in every
//!    handler; the guest has one CPU and its tasks are cooperative.
//! 6. **The guest never waits for a debugger** unless it was told to.
//! 7. **Logic that needs no hardware is pure** and tested on the host.
//!
//! A kernel is a `no_std` binary that names its allocator, its panic handler
//! and its main function:
//!
//! ```no_run
//! use ukdbg_target_runtime::{Heap, guest_main, println, run_tasks, spawn};
//!
//! #[global_allocator]
//! static HEAP: Heap = Heap;
//!
//! guest_main!(start);
//!
//! // #[panic_handler]
//! fn on_panic(info: &core::panic::PanicInfo<'_>) -> ! {
//!     ukdbg_target_runtime::panic(info)
//! }
//!
//! fn start() {
//!     spawn("greeter", || println!("hello")).expect("one task is not too many");
//!     run_tasks();
//! }
//! ```
//!
//! It is linked with `guest.ld`, compiled with frame pointers, unwind tables
//! and a static relocation model, and for a hosted target with
//! `--cfg ukdbg_guest`.
//!
//! The runtime knows nothing of the kernel that links it, of a workload, or of
//! what a host does with the evidence; layouts are those of `ukdbg-guest-abi`.
#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(any(target_os = "none", ukdbg_guest)),
    allow(dead_code, reason = "only a guest's entry code leads to it")
)]

mod boot;
mod cell;
mod console;
mod cpu;
mod exit;
mod fault;
mod heap;
mod memory;
mod port;
mod ring;
mod root;
mod segments;
mod stack;
pub mod stub;
mod task;
mod time;
pub mod trace;
mod trap;
mod uart;

pub use boot::command_line;
pub use console::write as console_write;
pub use cpu::{halt, read_tsc};
pub use exit::exit;
pub use fault::{panic, ukdbg_rendezvous};
pub use heap::{Heap, guard_allocations};
pub use ring::{TraceError, start_trace};
pub use task::{TooManyTasks, run_tasks, spawn, yield_now};
pub use time::{ticks, tsc_frequency};
pub use trap::{DebuggerHook, Disposition, FxArea, Occasion, TrapFrame, install_debugger};
pub use uart::{COM1, COM2, Uart};
