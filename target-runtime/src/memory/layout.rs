//! The address space at boot: which range gets which access.
#![expect(unsafe_code, reason = "linker symbols, and the change of tables")]

use super::entry::Access;
use super::tables::{self, MapError, map_identity, map_pages};
use super::{PAGE_SIZE, frames};
use crate::boot::{BootInfo, Region};
use crate::{cpu, stack, time};

unsafe extern "C" {
    static ukdbg_image_start: u8;
    static ukdbg_text_end: u8;
    static ukdbg_rodata_end: u8;
    static ukdbg_image_end: u8;
}

/// Builds our own page tables. The entry code's are still in use.
pub(crate) fn build(boot: &BootInfo) -> Result<(), MapError> {
    let start = &raw const ukdbg_image_start as u64;
    let text_end = &raw const ukdbg_text_end as u64;
    let rodata_end = &raw const ukdbg_rodata_end as u64;
    let end = &raw const ukdbg_image_end as u64;
    let behind = boot
        .regions()
        .iter()
        .find_map(|&region| (region.start <= start && end < region.end).then_some(region.end))
        .ok_or(MapError::OutOfMemory)?;
    frames::begin(Region {
        start: end,
        end: behind,
    });
    map_pages(start, text_end, Access::ReadExecute)?;
    map_pages(text_end, rodata_end, Access::Read)?;
    map_pages(rodata_end, end, Access::ReadWrite)?;
    for page in stack::guard_pages() {
        tables::unmap(page);
    }
    for region in usable(boot, end) {
        map_identity(region.start, region.end, Access::ReadWrite)?;
    }
    for device in [time::LOCAL_APIC, time::IO_APIC] {
        map_pages(device, device + PAGE_SIZE, Access::Device)?;
    }
    Ok(())
}

/// Goes over to them, and gives the heap the RAM that nobody has.
pub(crate) fn switch_to(boot: &BootInfo, mut give: impl FnMut(Region)) {
    // SAFETY: `build` has mapped the image, its stacks and all RAM where they
    // are in use; low memory with the loader's data was copied.
    unsafe { cpu::write_cr3(tables::root()) };
    let end = &raw const ukdbg_image_end as u64;
    if let Some(left) = frames::finish() {
        usable(boot, end)
            .filter(|region| region.start != end)
            .for_each(&mut give);
        give(left);
    }
}

/// RAM that is neither low nor the image's.
fn usable(boot: &BootInfo, image_end: u64) -> impl Iterator<Item = Region> {
    boot.regions().iter().filter_map(move |region| {
        let start = region.start.max(image_end);
        (start < region.end).then_some(Region {
            start,
            end: region.end,
        })
    })
}
