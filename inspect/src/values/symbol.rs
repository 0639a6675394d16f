//! What lies at an address of an image, in a word.

use ukdbg_image::Untrusted;

use crate::VirtAddr;
use crate::modules::Modules;

/// `symbol`, or `symbol+0x10` inside one that has a size; none elsewhere.
pub fn symbol_text(modules: &Modules<'_>, at: VirtAddr) -> Option<Untrusted> {
    let (module, link) = modules.find(at)?;
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
