//! What the image says of its code beyond instructions: the compiler's blocks,
//! where exceptions land, what is imported, every function in outline.

use super::Image;
use crate::{BlockMap, LandingPad, LinkAddr, Outline, Untrusted, imports, landing_pads, outline};

impl<'data> Image<'data> {
    /// The compiler's own map of blocks (`.llvm_bb_addr_map`); empty where it
    /// left none.
    pub fn block_map(&self) -> &BlockMap {
        self.block_map.get_or_init(|| {
            let with_map = self
                .files()
                .filter_map(|file| Some((file, file.section_named(b".llvm_bb_addr_map")?)));
            let read = with_map.filter_map(|(file, section)| {
                Some(BlockMap::parse(section.kind.0, file.bytes_of(section)?))
            });
            read.into_iter().next().unwrap_or_default()
        })
    }

    /// Where what the calls of a piece of code throw lands. `start` is where
    /// the piece begins: a function's entry, or that of its cold part.
    pub fn landing_pads(&self, start: LinkAddr) -> Vec<LandingPad> {
        if self.file.section_named(b".gcc_except_table").is_none() {
            return Vec::new();
        }
        let table = self.call_frames().exception_table(start.0);
        let bytes = table.and_then(|table| self.bytes_at(LinkAddr(table)));
        bytes.map_or_else(Vec::new, |bytes| landing_pads::parse(bytes, start.0))
    }

    /// Slots that a loader fills with functions of other files, ascending,
    /// with the functions' names.
    pub fn imports(&self) -> Vec<(LinkAddr, Untrusted)> {
        let imports = imports::imports(&self.file).into_iter();
        imports
            .map(|(slot, name)| (slot, Untrusted::from_bytes(name)))
            .collect()
    }

    /// Slots that hold addresses of the image itself, ascending, with these
    /// addresses.
    pub fn filled_slots(&self) -> Vec<(LinkAddr, LinkAddr)> {
        imports::filled_slots(&self.file)
    }

    /// Every function in outline, ascending by entry, one for each entry. Code
    /// without a name that unwind rules tell of is among them.
    pub fn outlines(&self) -> Vec<Outline<'data>> {
        // One entry describes all the stubs of a linkage table.
        let is_stubs = |at| {
            let section = self.section_at(LinkAddr(at));
            section.is_some_and(|section| section.name.starts_with(b".plt"))
        };
        let mut unwound = self.call_frames().all_ranges();
        unwound.retain(|range| !is_stubs(range.start));
        outline::outlines(self.debug(), self.symbols(), unwound)
    }
}
