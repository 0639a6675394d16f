//! What recovery asks of an image. A seam of its own so that graphs can be
//! tested on a few bytes of code.

use ukdbg_image::{CodeAddr, FunctionName, Image, LinkAddr, SourceFrame};

use crate::Evidence;
use crate::known::never_returns;

/// What LLVM's `-emit-jump-table-sizes-section` makes: for each table its
/// address and its number of entries, 8 bytes each.
const TABLE_SIZES: &str = ".llvm_jump_table_sizes";

/// Code, constants and names.
pub(crate) trait Code {
    /// Bytes from an address on.
    fn bytes(&self, at: LinkAddr) -> Option<&[u8]>;
    /// Bytes from an address on that the program cannot change.
    fn constant(&self, at: LinkAddr) -> Option<&[u8]>;
    /// How many entries a jump table has, if the compiler left a list of its
    /// tables.
    fn table_size(&self, table: LinkAddr) -> Option<u64>;
    /// The function entered at an address.
    fn callee(&self, entry: LinkAddr) -> Option<Callee>;
    /// The inline chain at each of some instructions, in their order.
    fn sources(&self, at: &[LinkAddr]) -> Vec<Vec<SourceFrame>>;
}

/// A function, as far as its callers care.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Callee {
    pub(crate) name: FunctionName,
    /// It never returns, and how that is known.
    pub(crate) noreturn: Option<Evidence>,
}

impl Code for Image<'_> {
    fn bytes(&self, at: LinkAddr) -> Option<&[u8]> {
        self.bytes_at(at)
    }

    fn constant(&self, at: LinkAddr) -> Option<&[u8]> {
        let mut segments = self.segments().iter();
        let segment = segments.find(|segment| segment.addresses.contains(&at))?;
        // A linker that makes one segment of everything leaves the sections.
        let constant = !segment.writable || self.section_at(at)?.executable;
        self.bytes_at(at).filter(|_| constant)
    }

    fn table_size(&self, table: LinkAddr) -> Option<u64> {
        let list = self.section(TABLE_SIZES)?.bytes.chunks_exact(16);
        list.filter_map(|pair| {
            let (&address, &size) = (pair.first_chunk()?, pair.last_chunk()?);
            (u64::from_le_bytes(address) == table.0).then(|| u64::from_le_bytes(size))
        })
        .next()
    }

    fn callee(&self, entry: LinkAddr) -> Option<Callee> {
        let function = self
            .function_at(entry)
            .filter(|function| function.entry == entry)?;
        let noreturn = match function.noreturn {
            true => Some(Evidence::Dwarf),
            false if never_returns(function.name.demangled.raw()) => Some(Evidence::KnownName),
            false => None,
        };
        Some(Callee {
            name: function.name,
            noreturn,
        })
    }

    fn sources(&self, at: &[LinkAddr]) -> Vec<Vec<SourceFrame>> {
        let at: Vec<_> = at.iter().copied().map(CodeAddr::Exact).collect();
        self.source_frames_of_all(&at)
    }
}
