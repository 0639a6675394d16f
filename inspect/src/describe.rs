//! What an address is, from what the machine's own tables and images say.
//! What that means for a fault is `diagnose`'s.

use serde::Serialize;
use ukdbg_image::{FunctionName, LinkAddr, Untrusted};

use crate::VirtAddr;
use crate::modules::{Module, Modules};
use crate::paging::{PageOutcome, PageWalk, PagingMode, is_canonical};
use crate::root::{HeapBlocks, HeapEntry, HeapState, Stack, Stacks};

/// What is known about a machine's address space. What is absent is not
/// guessed at.
#[derive(Clone, Copy)]
pub struct AddressSpace<'a, 'data> {
    /// The images.
    pub modules: &'a Modules<'data>,
    /// The guest's stack table.
    pub stacks: Option<&'a Stacks>,
    /// The guest's heap ledger.
    pub heap: Option<&'a HeapBlocks>,
}

/// An address, described.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AddressDescription {
    /// The address.
    pub address: VirtAddr,
    /// What it is.
    pub kind: AddressKind,
    /// Where that is known from.
    pub evidence: Evidence,
    /// Whether there is a page; none when the page tables were not asked or
    /// did not tell.
    pub mapped: Option<bool>,
}

/// Where a description comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The number alone.
    Form,
    /// The guest's stack table.
    StackTable,
    /// The guest's heap ledger.
    HeapLedger,
    /// An image's segments, sections and symbols.
    Image,
    /// The page tables.
    PageTables,
    /// Nothing says anything.
    Nothing,
}

/// What an address is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AddressKind {
    /// No address at all in this paging mode.
    NonCanonical,
    /// In the first page, which nothing else claims: a null pointer plus an
    /// offset.
    NullPage {
        /// The offset.
        offset: u64,
    },
    /// In a stack.
    Stack {
        /// The stack.
        stack: Stack,
    },
    /// In the unmapped guard below a stack.
    StackGuard {
        /// The stack.
        stack: Stack,
        /// Bytes below the stack's lowest usable address.
        below: u64,
    },
    /// In a heap block that lives.
    HeapBlock {
        /// The block.
        block: HeapEntry,
        /// Bytes from its start.
        offset: u64,
    },
    /// In a heap block that was released.
    FreedBlock {
        /// The block.
        block: HeapEntry,
        /// Bytes from its start.
        offset: u64,
    },
    /// Behind the end of a heap block, in its last page or the guard page
    /// that follows.
    PastBlock {
        /// The block.
        block: HeapEntry,
        /// Bytes past its last byte: 0 is the first byte behind it.
        past_end: u64,
    },
    /// Before the start of a heap block, in its first page.
    BeforeBlock {
        /// The block.
        block: HeapEntry,
        /// Bytes before its first.
        before: u64,
    },
    /// In the heap's range, in no block that the ledger knows.
    Heap,
    /// In an image.
    Image(ImagePlace),
    /// There is no page, and nothing claims the address.
    Unmapped,
    /// There is a page, and nothing says what for.
    Mapped,
    /// Nothing claims the address, and the page tables are not known.
    Unknown,
}

/// A place in an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ImagePlace {
    /// The module's name.
    pub module: String,
    /// The link-time address.
    pub link: LinkAddr,
    /// What it holds.
    pub region: Region,
    /// The section.
    pub section: Option<Untrusted>,
    /// The symbol at or before it in that section.
    pub symbol: Option<SymbolPlace>,
}

/// What a part of an image holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Code.
    Code,
    /// Data that is linked not to be written.
    ReadOnly,
    /// Data.
    Data,
}

/// A place relative to a symbol.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SymbolPlace {
    /// The symbol.
    pub name: FunctionName,
    /// Bytes from its start.
    pub offset: u64,
    /// Its size; none when the assembler gave none. An offset of that much or
    /// more lies behind the symbol.
    pub size: Option<u64>,
}

/// Size of the first page, where no program keeps anything.
const NULL_PAGE: u64 = 4096;

impl AddressSpace<'_, '_> {
    /// What an address is. `walk` is that address's, where page tables are
    /// known.
    pub fn describe(&self, at: VirtAddr, walk: Option<&PageWalk>) -> AddressDescription {
        let mapped = walk.and_then(mapped);
        let (kind, evidence) = non_canonical(at, walk)
            .or_else(|| self.in_stacks(at))
            .or_else(|| self.in_blocks(at))
            // Some kernels link the template of their per-CPU data at 0.
            .or_else(|| null_page(at, mapped).filter(|_| mapped == Some(false)))
            .or_else(|| self.in_images(at))
            .or_else(|| self.in_heap(at))
            .or_else(|| null_page(at, mapped))
            .unwrap_or(match mapped {
                Some(true) => (AddressKind::Mapped, Evidence::PageTables),
                Some(false) => (AddressKind::Unmapped, Evidence::PageTables),
                None => (AddressKind::Unknown, Evidence::Nothing),
            });
        AddressDescription {
            address: at,
            kind,
            evidence,
            mapped,
        }
    }

    fn in_stacks(&self, at: VirtAddr) -> Option<(AddressKind, Evidence)> {
        let stacks = self.stacks?;
        let kind = if let Some(stack) = stacks.containing(at) {
            AddressKind::Stack {
                stack: stack.clone(),
            }
        } else {
            let stack = stacks.guarding(at)?;
            AddressKind::StackGuard {
                stack: stack.clone(),
                below: stack.low.offset_from(at)?,
            }
        };
        Some((kind, Evidence::StackTable))
    }

    fn in_blocks(&self, at: VirtAddr) -> Option<(AddressKind, Evidence)> {
        let heap = self.heap?;
        let kind = match heap.containing(at) {
            Some(block) => {
                let offset = at.offset_from(block.address)?;
                let block = block.clone();
                match block.state {
                    HeapState::Live => AddressKind::HeapBlock { block, offset },
                    HeapState::Freed => AddressKind::FreedBlock { block, offset },
                }
            }
            None => {
                let block = heap.overrun(at)?.clone();
                match at.offset_from(block.end()) {
                    Some(past_end) => AddressKind::PastBlock { block, past_end },
                    None => AddressKind::BeforeBlock {
                        before: block.address.offset_from(at)?,
                        block,
                    },
                }
            }
        };
        Some((kind, Evidence::HeapLedger))
    }

    fn in_heap(&self, at: VirtAddr) -> Option<(AddressKind, Evidence)> {
        let heap = self.heap?;
        [&heap.heap, &heap.guarded]
            .into_iter()
            .flatten()
            .any(|range| range.contains(&at))
            .then_some((AddressKind::Heap, Evidence::HeapLedger))
    }

    fn in_images(&self, at: VirtAddr) -> Option<(AddressKind, Evidence)> {
        let (module, link) = self.modules.find(at)?;
        if module.is_template(link) {
            return None;
        }
        Some((
            AddressKind::Image(image_place(module, link)),
            Evidence::Image,
        ))
    }
}

fn non_canonical(at: VirtAddr, walk: Option<&PageWalk>) -> Option<(AddressKind, Evidence)> {
    // Without page tables only what no mode allows is certain.
    let (mode, evidence) = match walk {
        Some(walk) => (walk.mode, Evidence::PageTables),
        None => (PagingMode::FiveLevel, Evidence::Form),
    };
    (!is_canonical(at, mode)).then_some((AddressKind::NonCanonical, evidence))
}

fn null_page(at: VirtAddr, mapped: Option<bool>) -> Option<(AddressKind, Evidence)> {
    let offset = at.0;
    (offset < NULL_PAGE && mapped != Some(true))
        .then_some((AddressKind::NullPage { offset }, Evidence::Form))
}

fn mapped(walk: &PageWalk) -> Option<bool> {
    match walk.outcome {
        PageOutcome::Mapped { .. } | PageOutcome::Untranslated { .. } => Some(true),
        PageOutcome::NotPresent | PageOutcome::ReservedBits { .. } | PageOutcome::NonCanonical => {
            Some(false)
        }
        PageOutcome::TableUnreadable { .. } | PageOutcome::UnsupportedMode => None,
    }
}

fn image_place(module: &Module<'_>, link: LinkAddr) -> ImagePlace {
    let image = &module.image;
    let writable = image
        .segments()
        .iter()
        .any(|segment| segment.writable && segment.addresses.contains(&link));
    let region = if module.is_executable(link) {
        Region::Code
    } else if writable {
        Region::Data
    } else {
        Region::ReadOnly
    };
    let symbol = image.symbol_at(link).and_then(|symbol| {
        Some(SymbolPlace {
            offset: link.offset_from(symbol.address)?,
            name: symbol.name,
            size: Some(symbol.size).filter(|&size| size != 0),
        })
    });
    ImagePlace {
        module: module.name.clone(),
        link,
        region,
        section: image
            .section_at(link)
            .map(|section| Untrusted::from_bytes(section.name)),
        symbol,
    }
}
