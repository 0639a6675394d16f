//! Names for addresses, in a word: what a register or an operand points at.

use ukdbg_diagnose::heap_block;
use ukdbg_image::Untrusted;
use ukdbg_inspect::{AddressKind, Target, VirtAddr};
pub(crate) use ukdbg_inspect::{segment_symbol_text as symbol_by_segment, symbol_text as symbol};

use crate::addresses::Known;

/// What an address is, in a few words; none when nothing useful is known.
pub(crate) fn describe<T: Target>(known: &mut Known<'_, '_, T>, at: VirtAddr) -> Option<Untrusted> {
    let (description, _) = known.description(at);
    Some(match description.kind {
        AddressKind::Image(_) => return symbol(known.modules, at),
        AddressKind::Stack { stack } => format!("stack of `{}`", stack.name.raw()).into(),
        AddressKind::StackGuard { stack, .. } => {
            format!("guard below the stack of `{}`", stack.name.raw()).into()
        }
        AddressKind::HeapBlock { block, offset } => {
            format!("{offset} into {}", heap_block(&block)).into()
        }
        AddressKind::FreedBlock { block, offset } => {
            format!("{offset} into {} that was freed", heap_block(&block)).into()
        }
        AddressKind::PastBlock { block, past_end } => {
            format!("{past_end} past the end of {}", heap_block(&block)).into()
        }
        AddressKind::BeforeBlock { block, before } => {
            format!("{before} before {}", heap_block(&block)).into()
        }
        AddressKind::Heap => "heap".into(),
        AddressKind::NonCanonical => "not canonical".into(),
        AddressKind::NullPage { .. }
        | AddressKind::Unmapped
        | AddressKind::Mapped
        | AddressKind::Unknown => return None,
    })
}
