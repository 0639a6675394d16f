//! What lies at an address of an image, in a word.

use ukdbg_image::{LinkAddr, Untrusted};

use crate::VirtAddr;
use crate::modules::{Module, Modules};

/// `symbol`, or `symbol+0x10` inside one that has a size; none elsewhere.
pub fn symbol_text(modules: &Modules<'_>, at: VirtAddr) -> Option<Untrusted> {
    let (module, link) = modules.find(at)?;
    // A number that is small, not an address.
    if module.is_template(link) {
        return None;
    }
    of_link(module, link)
}

/// As [`symbol_text`], for an offset from a segment's base: what a kernel
/// links at 0 as a template of per-CPU data is named by those.
pub fn segment_symbol_text(modules: &Modules<'_>, offset: VirtAddr) -> Option<Untrusted> {
    let (module, link) = modules.find(offset)?;
    of_link(module, link)
}

fn of_link(module: &Module<'_>, link: LinkAddr) -> Option<Untrusted> {
    if let Some(function) = module.image.function_at(link) {
        let offset = link.0.wrapping_sub(function.entry.0);
        return Some(with_offset(function.name.demangled.raw(), offset));
    }
    let symbol = module.image.symbol_at(link)?;
    let offset = link.offset_from(symbol.address)?;
    (offset < symbol.size.max(1)).then(|| with_offset(symbol.name.demangled.raw(), offset))
}

fn with_offset(name: &str, offset: u64) -> Untrusted {
    match offset {
        0 => Untrusted::from(name),
        _ => Untrusted::from(format!("{name}+{offset:#x}")),
    }
}
