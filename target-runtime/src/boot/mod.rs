//! From the loader to the kernel's main function.
#![expect(unsafe_code, reason = "the way in is assembly")]

mod start_info;

use core::sync::atomic::Ordering;

pub(crate) use start_info::{BootInfo, Region};

use crate::cell::CpuCell;
use crate::root::ROOT;
use crate::{console, cpu, heap, memory, println, segments, stack, task, time, trap};

#[cfg(any(target_os = "none", ukdbg_guest))]
core::arch::global_asm!(
    include_str!("entry.s"),
    note_name_size = const ukdbg_guest_abi::note::NAME.len(),
    note_descriptor_size = const ukdbg_guest_abi::note::DESCRIPTOR_SIZE,
    note_type = const ukdbg_guest_abi::note::TYPE_ROOT,
    root = sym ROOT,
    boot_stack = sym stack::BOOT_STACK,
    boot_stack_size = const stack::BOOT_STACK_TOP,
    start = sym start,
);

unsafe extern "Rust" {
    /// The kernel's main function, defined by [`guest_main!`](crate::guest_main).
    safe fn ukdbg_guest_main();
}

static BOOT_INFO: CpuCell<BootInfo> = CpuCell::new(BootInfo::EMPTY);

/// Called by the entry code on the boot stack, interrupts off, with the
/// loader's page tables replaced by ones that map the first 4 GiB.
extern "C" fn start(start_info: u64) -> ! {
    ROOT.boot_tsc.store(cpu::read_tsc(), Ordering::Relaxed);
    stack::init();
    segments::init();
    trap::init();
    console::init();
    // SAFETY: the entry code passes on what the loader gave.
    let Some(boot) = (unsafe { BootInfo::read(start_info) }) else {
        println!("boot: no PVH start info at {start_info:#x}");
        cpu::halt()
    };
    if let Err(error) = memory::build(&boot) {
        println!("boot: cannot map memory: {error:?}");
        cpu::halt()
    }
    memory::switch_to(&boot, heap::add_region);
    // SAFETY: written once, before anything reads it.
    unsafe { *BOOT_INFO.get() = boot };
    time::init();
    task::init();
    cpu::enable_interrupts();
    ukdbg_guest_main();
    crate::exit(0)
}

/// The command line, as the loader passed it; cut after 1024 bytes.
pub fn command_line() -> &'static [u8] {
    // SAFETY: written once, before the kernel's main function runs.
    unsafe { &*BOOT_INFO.get() }.command_line()
}

/// Names the function that the runtime calls once the machine is ready. When
/// it returns the guest exits with status 0.
#[macro_export]
macro_rules! guest_main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn ukdbg_guest_main() {
            let main: fn() = $main;
            main();
        }
    };
}
