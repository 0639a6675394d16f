//! The image: hooks the sample kernel up to the runtime. What it does is in
//! the library beside it.
#![no_std]
#![no_main]
#![allow(missing_docs, reason = "a binary's items are nobody's interface")]

#[cfg(not(target_os = "none"))]
mod host_core;

use core::panic::PanicInfo;

#[global_allocator]
static HEAP: ukdbg_target_runtime::Heap = ukdbg_target_runtime::Heap;

ukdbg_target_runtime::guest_main!(sample_kernel::main);

#[panic_handler]
fn on_panic(info: &PanicInfo<'_>) -> ! {
    ukdbg_target_runtime::panic(info)
}
