//! The unikernel: each step runs inside of the one before, at its stop, so that
//! in the end all variables are there at once, and the machine halts.

use core::arch::asm;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::STEPS;

struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: the first serial port takes any byte; QEMU's is never busy.
            unsafe { asm!("out dx, al", in("dx") 0x3f8_u16, in("al") byte) };
        }
        Ok(())
    }
}

#[unsafe(no_mangle)]
fn print_on_console(arguments: fmt::Arguments<'_>) {
    let _ = Console.write_fmt(arguments);
}

#[unsafe(no_mangle)]
extern "C" fn guest_main() {
    go_deeper();
}

/// The next step; at the end, rest.
#[inline(never)]
pub fn go_deeper() {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    println!("STOP");
    if let Some(step) = STEPS.get(NEXT.fetch_add(1, Ordering::Relaxed)) {
        step();
    } else {
        println!("READY");
        halt();
    }
}

fn halt() -> ! {
    loop {
        // SAFETY: nothing is to happen any more.
        unsafe { asm!("cli", "hlt") };
    }
}

#[panic_handler]
fn on_panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    halt()
}
