//! What the oracle takes from the standard library, for a guest that has only
//! `core` and `alloc`, and a heap that only grows.
#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};

pub use alloc::{borrow, boxed, fmt, format, rc, string, vec};
pub use core::{
    cell, clone, cmp, convert, error, future, hint, iter, marker, mem, num, ops, option, pin, ptr, result, time,
};

pub mod collections {
    pub use alloc::collections::*;
}

pub mod ffi {
    pub use alloc::ffi::CString;
    pub use core::ffi::CStr;
}

pub mod sync {
    pub use alloc::sync::*;
    pub use core::sync::atomic;
}

pub mod task {
    pub use core::task::*;
}

unsafe extern "Rust" {
    safe fn print_on_console(arguments: fmt::Arguments<'_>);
}

#[doc(hidden)]
pub fn print(arguments: fmt::Arguments<'_>) {
    print_on_console(arguments);
}

#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => { $crate::print(format_args!("{}\n", format_args!($($argument)*))) };
}

const SIZE: usize = 4 << 20;

#[repr(align(4096))]
struct Heap {
    bytes: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

// SAFETY: no byte is given out twice.
unsafe impl Sync for Heap {}

// SAFETY: what is given out is within the bytes, aligned, and never given out
// again.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.used.load(Ordering::Relaxed).next_multiple_of(layout.align());
        let end = start + layout.size();
        if end > SIZE {
            return ptr::null_mut();
        }
        self.used.store(end, Ordering::Relaxed);
        // SAFETY: it is within the bytes.
        unsafe { self.bytes.get().cast::<u8>().add(start) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: Heap = Heap { bytes: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };
