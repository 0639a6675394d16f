//! A virtual address inside a shared structure, as the guest's linker can
//! write it. Not an address type for host code.

/// A virtual address in the guest, 0 for none.
///
/// It is a pointer because a static initialiser can take the address of
/// another static, but cannot turn it into an integer.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct GuestAddress(*const ());

impl GuestAddress {
    /// No address.
    pub const NULL: Self = Self(core::ptr::null());

    /// The address of a static or of a function cast to a pointer.
    pub const fn new<T>(of: *const T) -> Self {
        Self(of.cast())
    }

    /// The pointer, for the guest's own use.
    pub const fn as_ptr<T>(self) -> *const T {
        self.0.cast()
    }
}

#[expect(unsafe_code, reason = "a plain address has no thread affinity")]
// SAFETY: the pointer is only a number here; whoever dereferences it states
// its own condition.
unsafe impl Sync for GuestAddress {}
#[expect(unsafe_code, reason = "a plain address has no thread affinity")]
// SAFETY: as for `Sync`.
unsafe impl Send for GuestAddress {}
