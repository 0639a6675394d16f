//! The code known so far as blocks with their predecessors, for looking
//! backwards from a jump.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use iced_x86::{
    Decoder, DecoderOptions, Instruction, InstructionInfoFactory, InstructionInfoOptions, OpAccess,
    Register,
};

use crate::recover::build::build;
use crate::recover::scan::Scan;
use crate::{Block, EdgeKind, EdgeTarget};

use super::placement::Sweep;

/// Blocks, their predecessors, and a limit to the work done on them.
pub(super) struct View<'s, 'c> {
    pub(super) scan: &'s Scan<'c>,
    blocks: Vec<Block>,
    /// By block: where control comes from, and why.
    before: Vec<Vec<(usize, EdgeKind)>>,
    decoded: RefCell<HashMap<usize, Rc<[Instruction]>>>,
    factory: RefCell<InstructionInfoFactory>,
    fuel: Cell<u32>,
    sweep: OnceCell<Sweep>,
}

impl<'s, 'c> View<'s, 'c> {
    pub(super) fn new(scan: &'s Scan<'c>, fuel: u32) -> Self {
        let (blocks, edges) = build(scan);
        let mut before = vec![Vec::new(); blocks.len()];
        for edge in edges {
            if let EdgeTarget::Block(to) = edge.to {
                before[to.index()].push((edge.from.index(), edge.kind));
            }
        }
        Self {
            scan,
            blocks,
            before,
            decoded: RefCell::default(),
            factory: RefCell::new(InstructionInfoFactory::new()),
            fuel: Cell::new(fuel),
            sweep: OnceCell::new(),
        }
    }

    /// All of the function's code in the order of its bytes.
    pub(super) fn sweep(&self) -> &Sweep {
        self.sweep.get_or_init(|| Sweep::of(&self.scan.extent))
    }

    pub(super) fn fuel_left(&self) -> u32 {
        self.fuel.get()
    }

    /// Takes one instruction's worth of work; false when none is left.
    pub(super) fn spend(&self) -> bool {
        self.fuel.set(self.fuel.get().saturating_sub(1));
        self.fuel.get() > 0
    }

    /// The block that ends with an instruction, and how many of its
    /// instructions come before that.
    pub(super) fn position(&self, offset: usize) -> Option<(usize, usize)> {
        let last = self.scan.extent.address(offset);
        let after = self.blocks.partition_point(|block| block.start <= last);
        // Overlapping blocks may end with the same jump: the nearest is one
        // way to it, and not every way.
        let mut ending = (0..after)
            .rev()
            .take(16)
            .filter(|&block| self.blocks[block].last == last);
        let block = ending.next()?;
        if ending.next().is_some() {
            return None;
        }
        let count = self.instructions(block).len().checked_sub(1)?;
        Some((block, count))
    }

    pub(super) fn instructions(&self, block: usize) -> Rc<[Instruction]> {
        let decode = || {
            let found = &self.blocks[block];
            let Some(offset) = self.scan.extent.offset(found.start) else {
                return Rc::default();
            };
            let bytes = self.scan.extent.rest(offset);
            let size = usize::try_from(found.size).unwrap_or(usize::MAX);
            let bytes = &bytes[..size.min(bytes.len())];
            Decoder::with_ip(64, bytes, found.start.0, DecoderOptions::NONE)
                .into_iter()
                .collect()
        };
        let mut decoded = self.decoded.borrow_mut();
        decoded.entry(block).or_insert_with(decode).clone()
    }

    /// Where control comes from; empty when it may also come from elsewhere.
    pub(super) fn before(&self, block: usize) -> &[(usize, EdgeKind)] {
        match self.blocks[block].start == self.scan.entry {
            true => &[],
            false => &self.before[block],
        }
    }

    /// Whether an instruction may change a register (all 64 bits named).
    pub(super) fn changes(&self, instruction: &Instruction, register: Register) -> bool {
        if instruction.is_call_near() || instruction.is_call_near_indirect() {
            return is_returned(register);
        }
        let mut factory = self.factory.borrow_mut();
        let info = factory.info_options(instruction, InstructionInfoOptions::NO_MEMORY_USAGE);
        info.used_registers()
            .iter()
            .any(|used| is_write(used.access()) && used.register().full_register() == register)
    }

    /// Whether an instruction may change memory.
    pub(super) fn stores(&self, instruction: &Instruction) -> bool {
        let mut factory = self.factory.borrow_mut();
        let info = factory.info_options(instruction, InstructionInfoOptions::NO_REGISTER_USAGE);
        let calls = instruction.is_call_near() || instruction.is_call_near_indirect();
        calls
            || info
                .used_memory()
                .iter()
                .any(|used| is_write(used.access()))
    }
}

fn is_write(access: OpAccess) -> bool {
    !matches!(
        access,
        OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
    )
}

/// Registers in which a callee returns values (System V psABI, 3.2.3). Others
/// it may clobber too, but code that reads one of those behind a call knows
/// that this callee does not: compilers that see both do so.
fn is_returned(register: Register) -> bool {
    matches!(register, Register::RAX | Register::RDX)
}
