//! What recovery asks of an image. A seam of its own so that graphs can be
//! tested on a few bytes of code.

use ukdbg_image::{CodeAddr, FunctionName, LandingPad, LinkAddr, MappedFunction, SourceFrame};

use crate::Evidence;

/// Code and constants, and what is known of them without decoding.
pub(crate) trait Code {
    /// Bytes from an address on.
    fn bytes(&self, at: LinkAddr) -> Option<&[u8]>;
    /// Bytes from an address on, to the end of what is known to be one piece
    /// (a section), that the program cannot change.
    fn constant(&self, at: LinkAddr) -> Option<&[u8]>;
    /// How many entries a jump table has, if the compiler left a list of its
    /// tables.
    fn table_size(&self, table: LinkAddr) -> Option<u64>;
    /// Whether a call of an address never returns, and how that is known.
    fn noreturn(&self, entry: LinkAddr) -> Option<Evidence>;
    /// The same for a call through a slot that a loader fills.
    fn imported_noreturn(&self, slot: LinkAddr) -> Option<Evidence>;
    /// Where what the calls of a piece of code throw lands.
    fn landing_pads(&self, start: LinkAddr) -> Vec<LandingPad>;
    /// The compiler's own blocks of the function entered at an address.
    fn mapped(&self, entry: LinkAddr) -> Option<&MappedFunction>;
}

/// Names and source places, for what a reader sees of a graph.
pub(crate) trait Names {
    /// Bytes from an address on.
    fn bytes(&self, at: LinkAddr) -> Option<&[u8]>;
    /// The name of the function entered at an address.
    fn name(&self, entry: LinkAddr) -> Option<FunctionName>;
    /// The inline chain at each of some instructions, in their order.
    fn sources(&self, at: &[LinkAddr]) -> Vec<Vec<SourceFrame>>;
}

impl Names for ukdbg_image::Image<'_> {
    fn bytes(&self, at: LinkAddr) -> Option<&[u8]> {
        self.bytes_at(at)
    }

    fn name(&self, entry: LinkAddr) -> Option<FunctionName> {
        let function = self.function_at(entry)?;
        (function.entry == entry).then_some(function.name)
    }

    fn sources(&self, at: &[LinkAddr]) -> Vec<Vec<SourceFrame>> {
        let at: Vec<_> = at.iter().copied().map(CodeAddr::Exact).collect();
        self.source_frames_of_all(&at)
    }
}
