//! The image: hooks the sample kernel up to the runtime. What it does is in
//! the library beside it.
//!
//! Built for anything but a guest, it is a program that says so, so that the
//! whole workspace can be checked at once.
#![cfg_attr(any(target_os = "none", ukdbg_guest), no_std, no_main)]

#[cfg(all(ukdbg_guest, not(target_os = "none")))]
mod host_core;

#[cfg(any(target_os = "none", ukdbg_guest))]
mod guest {
    //! The hooks.

    use core::panic::PanicInfo;

    #[global_allocator]
    static HEAP: ukdbg_target_runtime::Heap = ukdbg_target_runtime::Heap;

    ukdbg_target_runtime::guest_main!(sample_kernel::main);

    #[panic_handler]
    fn on_panic(info: &PanicInfo<'_>) -> ! {
        ukdbg_target_runtime::panic(info)
    }
}

#[cfg(not(any(target_os = "none", ukdbg_guest)))]
fn main() {
    eprintln!("this was built for a host; `cargo xtask kernel` builds it for a guest");
    std::process::exit(2);
}
