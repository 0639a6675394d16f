//! A static that one CPU writes. Not a lock: it does nothing at run time.
#![expect(unsafe_code, reason = "shared statics without a lock")]

use core::cell::UnsafeCell;

/// A value in a static that its user reaches by pointer.
#[repr(transparent)]
pub(crate) struct CpuCell<T>(UnsafeCell<T>);

// SAFETY: the guest runs on one CPU, its tasks switch only where they say so,
// and each user of a cell states why no trap touches it meanwhile.
unsafe impl<T> Sync for CpuCell<T> {}

impl<T> CpuCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub(crate) const fn get(&self) -> *mut T {
        self.0.get()
    }
}
