//! What is known about a machine's addresses, gathered once for a report.

use ukdbg_diagnose::{Addresses, Caller};
use ukdbg_image::{CodeAddr, SourceLocation, Untrusted};
use ukdbg_inspect::{
    AddressDescription, AddressSpace, HeapBlocks, Modules, PageWalk, PagingState, Root, Stacks,
    Target, VirtAddr,
};

/// The guest's own tables, each with the reason when it cannot be had.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) stacks: Option<Stacks>,
    pub(crate) heap: Option<HeapBlocks>,
}

impl Tables {
    /// Reads them; what cannot be read is added to `gaps`.
    pub(crate) fn read<T: Target>(target: &mut T, root: &Root, gaps: &mut Vec<String>) -> Self {
        let mut keep = |error: String| gaps.push(error);
        let stacks = root.stacks(target).unwrap_or_else(|error| {
            keep(error.to_string());
            None
        });
        let heap = root.heap(target).unwrap_or_else(|error| {
            keep(error.to_string());
            None
        });
        Self { stacks, heap }
    }
}

/// Answers about addresses, over a machine and those tables.
pub(crate) struct Known<'a, 'data, T> {
    pub(crate) target: &'a mut T,
    pub(crate) modules: &'a Modules<'data>,
    pub(crate) tables: &'a Tables,
    pub(crate) paging: Option<PagingState>,
}

impl<T: Target> Known<'_, '_, T> {
    /// How the page tables translate an address; none without page tables or
    /// a way to read them.
    pub(crate) fn walk(&mut self, at: VirtAddr) -> Option<PageWalk> {
        let physical = self.target.physical()?;
        Some(PageWalk::walk(physical, self.paging?, at))
    }

    /// What an address is.
    pub(crate) fn description(&mut self, at: VirtAddr) -> (AddressDescription, Option<PageWalk>) {
        let walk = self.walk(at);
        let space = AddressSpace {
            modules: self.modules,
            stacks: self.tables.stacks.as_ref(),
            heap: self.tables.heap.as_ref(),
        };
        (space.describe(at, walk.as_ref()), walk)
    }
}

impl<T: Target> Addresses for Known<'_, '_, T> {
    fn describe(&mut self, at: VirtAddr) -> (AddressDescription, Option<PageWalk>) {
        self.description(at)
    }

    fn caller(&mut self, at: VirtAddr) -> Option<Caller> {
        let (module, link) = self.modules.find_code(CodeAddr::Return(at))?;
        let frames = module.image.source_frames(link);
        let named = |own: bool| {
            frames.iter().find_map(|frame| {
                let function = frame.function.as_ref()?.demangled.clone();
                let is_library = is_library(&function, frame.location.as_ref());
                (!own || !is_library).then(|| Caller {
                    function,
                    location: frame.location.clone(),
                    is_library,
                })
            })
        };
        named(true).or_else(|| named(false))
    }
}

/// Whether code is the language's library or our runtime: its allocator, not
/// the program that asked it for memory.
fn is_library(function: &Untrusted, location: Option<&SourceLocation>) -> bool {
    let name = function.raw();
    let runtime = [
        "ukdbg_target_runtime::",
        "<ukdbg_target_runtime::",
        "__rust_",
        "__rustc::",
    ];
    let allocator = [
        "malloc",
        "calloc",
        "realloc",
        "free",
        "operator new",
        "operator delete",
    ];
    runtime.iter().any(|prefix| name.starts_with(prefix))
        || allocator.contains(&name)
        || location.is_some_and(ukdbg_diagnose::is_library)
}
