//! Run-time addresses. Link-time ones are `image`'s; only `Modules` turns the
//! one into the other.

use ukdbg_image::address_type;

address_type! {
    /// A virtual address in the guest, as the selected CPU's page tables see
    /// it.
    VirtAddr
}

address_type! {
    /// A guest-physical address.
    PhysAddr
}
