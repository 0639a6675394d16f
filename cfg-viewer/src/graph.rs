//! The graph itself: blocks, edges, and how each is known. Plain data; how it
//! is found is in `recover`, what follows from it in `structure`.

use serde::Serialize;
use ukdbg_image::{Function, LinkAddr};

/// A block's number: its position in [`Cfg::blocks`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct BlockId(pub u32);

impl BlockId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The control-flow graph of one function.
#[derive(Clone, PartialEq, Debug)]
pub struct Cfg {
    /// The function.
    pub function: Function,
    /// Its blocks, ascending by address.
    pub blocks: Vec<Block>,
    /// Its edges, ascending by the block they leave.
    pub edges: Vec<Edge>,
    /// What could not be looked at.
    pub gaps: Vec<CfgGap>,
}

/// Instructions that run one after another: entered at the first, left at the
/// last. A call does not end a block unless it never returns, or what it
/// throws is caught. Where the compiler's map is used, a block is one of the
/// compiler's, which may end in two jumps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its first instruction.
    pub start: LinkAddr,
    /// Its size in bytes.
    pub size: u64,
    /// Its last instruction.
    pub last: LinkAddr,
    /// How it ends.
    pub end: BlockEnd,
    /// How it is known to be one.
    pub evidence: Evidence,
    /// The calls it makes, in order.
    pub calls: Vec<Call>,
}

impl Block {
    /// Whether an address is inside it.
    pub fn contains(&self, address: LinkAddr) -> bool {
        let offset = address.offset_from(self.start);
        offset.is_some_and(|offset| offset < self.size)
    }
}

/// How a block ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockEnd {
    /// It goes on into the next block, which is entered from elsewhere too.
    FallThrough,
    /// A jump within the function.
    Jump,
    /// A conditional jump.
    Branch,
    /// A jump through a register or memory.
    IndirectJump,
    /// A return, also from an interrupt.
    Return,
    /// A jump that leaves the function.
    TailCall,
    /// A call whose exceptions are caught here.
    Call,
    /// A call of a function that never returns.
    NoReturnCall,
    /// An instruction that always traps.
    Trap,
    /// Bytes follow that are no instruction.
    Invalid,
    /// The function's code ends, without an instruction that ends it.
    Cut,
}

/// A call from within a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Call {
    /// The call instruction.
    pub at: LinkAddr,
    /// The function called; none for a call through a register or memory.
    pub target: Option<LinkAddr>,
}

/// A way control may go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    /// The block it leaves.
    pub from: BlockId,
    /// Where it goes.
    pub to: EdgeTarget,
    /// Why it is taken.
    pub kind: EdgeKind,
    /// How it is known.
    pub evidence: Evidence,
}

/// Where an edge goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EdgeTarget {
    /// To a block of the function.
    Block(BlockId),
    /// Out of the function, to an address.
    Outside(LinkAddr),
    /// Nobody knows: a node of its own, so that it is seen.
    Unresolved(Unresolved),
}

/// Why it is not known where a jump goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unresolved {
    /// It goes through a value that is not a known form of jump table: often a
    /// tail call through a function pointer.
    Computed,
    /// It goes through a table, and no comparison bounds the index.
    Unbounded,
    /// It goes through a table that cannot be read, can be written, or holds
    /// an entry that is not in the function.
    Table,
    /// The function has more such jumps than are looked at.
    Limit,
    /// It jumps to bytes that are no code of this image.
    NoCode,
}

/// Why an edge is taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum EdgeKind {
    /// The next instruction.
    FallThrough,
    /// A jump.
    Jump,
    /// A conditional jump whose condition holds.
    Taken,
    /// A conditional jump whose condition does not hold.
    NotTaken,
    /// An entry of a jump table.
    JumpTable {
        /// The table's indices that lead here, ascending.
        cases: Vec<u64>,
    },
    /// A jump through a register or memory.
    Indirect,
    /// A call at the block's end returned.
    CallReturn,
    /// A jump that leaves the function.
    TailCall,
    /// A call that never returns.
    NoReturn,
    /// A call at the block's end threw.
    LandingPad,
}

/// How a block or an edge is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The compiler's own map says so.
    Map,
    /// Decoded, and reached from the function's entry.
    Decode,
    /// Read from a jump table whose size the compiler left in the image.
    TableSize,
    /// Read from a jump table that a comparison or mask bounds.
    JumpTable,
    /// Read from a jump table that ends where its entries stop leading into
    /// the function, or where something else begins that the function uses:
    /// the compiler knows all values of the index, and compares none.
    TablePlacement,
    /// The tables of exceptions say so.
    ExceptionTable,
    /// The debugging information says so (a callee never returns).
    Dwarf,
    /// A function of that name never returns.
    KnownName,
    /// No way through the callee's code leads to a return.
    Propagated,
    /// Code ends right behind a call, so that the call cannot return.
    CodeEnd,
    /// Decoded, but no known way leads to it from the entry: a target of an
    /// unresolved jump, or no code at all.
    Unreached,
}

/// A part of a function that could not be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CfgGap {
    /// The image has no bytes there.
    NoBytes {
        /// The first address.
        at: LinkAddr,
    },
    /// The function is larger than what is looked at.
    TooLarge {
        /// The first address that is not.
        at: LinkAddr,
    },
    /// Two ranges of the function overlap; the second is ignored.
    Overlap {
        /// Where the second begins.
        at: LinkAddr,
    },
}

impl Cfg {
    /// A block.
    ///
    /// # Panics
    /// With an id of another graph.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.index()]
    }

    /// Every block with its id.
    pub fn numbered(&self) -> impl Iterator<Item = (BlockId, &Block)> {
        (0..).map(BlockId).zip(&self.blocks)
    }

    /// The block that is entered first; none when the entry is no code.
    pub fn entry(&self) -> Option<BlockId> {
        self.starting_at(self.function.entry)
    }

    /// The block that starts at an address.
    pub fn starting_at(&self, address: LinkAddr) -> Option<BlockId> {
        let place = self
            .blocks
            .binary_search_by_key(&address, |block| block.start);
        place.ok().and_then(id)
    }

    /// The block that holds an address.
    pub fn block_at(&self, address: LinkAddr) -> Option<BlockId> {
        let after = self.blocks.partition_point(|block| block.start <= address);
        // Blocks overlap only where code jumps into its own instructions.
        let place = (0..after)
            .rev()
            .take(16)
            .find(|&place| self.blocks[place].contains(address))?;
        id(place)
    }

    /// The edges that leave a block.
    pub fn successors(&self, block: BlockId) -> &[Edge] {
        let start = self.edges.partition_point(|edge| edge.from < block);
        let end = self.edges.partition_point(|edge| edge.from <= block);
        &self.edges[start..end]
    }
}

pub(crate) fn id(place: usize) -> Option<BlockId> {
    u32::try_from(place).ok().map(BlockId)
}
