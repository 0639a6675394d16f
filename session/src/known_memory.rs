//! The memory that we know a use of: what is worth keeping of a machine that
//! cannot tell where it has memory at all. Not what is in it.

use std::ops::Range;

use ukdbg_inspect::{HeapBlocks, Stacks, Target, VirtAddr};

use crate::session::Session;

/// What is kept above a stack pointer where nobody tells where the stack ends.
const STACK: u64 = 64 << 10;
/// What may be below it: the red zone, and what a call just left.
const BELOW_STACK: u64 = 4 << 10;

impl<T: Target> Session<'_, T> {
    /// The segments of every image, the stacks, the heap's blocks: not all of a
    /// heap, most of which is free. Ranges may overlap,
    /// and not all of them need be there.
    pub fn known_memory(&mut self) -> Vec<Range<VirtAddr>> {
        let mut known: Vec<_> = self
            .modules
            .iter()
            .flat_map(|module| &module.placements)
            .filter_map(|placed| Some(placed.at..placed.at.checked_add(placed.size)?))
            .collect();
        for vcpu in self.target.vcpus().unwrap_or_default() {
            let registers = self.target.registers(vcpu).ok();
            known.extend(registers.and_then(|registers| around(registers.sp()?)));
        }
        let Ok(root) = self.root() else { return known };
        if let Some(Ok(table)) = root
            .stack_table
            .map(|at| Stacks::read(&mut self.target, at))
        {
            known.extend(table.stacks.iter().map(|stack| stack.low..stack.high));
        }
        if let Some(Ok(heap)) = root
            .heap_ledger
            .map(|at| HeapBlocks::read(&mut self.target, at))
        {
            known.extend(heap.blocks.iter().map(|block| block.address..block.end()));
        }
        known
    }
}

fn around(sp: VirtAddr) -> Option<Range<VirtAddr>> {
    let low = sp.checked_sub(BELOW_STACK).unwrap_or_default();
    Some(low..sp.checked_add(STACK)?)
}
