//! Where a CPU stands in the source, as steps need it: the line's row, the
//! inline chain, the frame.

use std::ops::Range;

use ukdbg_image::{CodeAddr, LineRow, LinkAddr, SourceFrame, SourceLocation};
use ukdbg_inspect::{FoundBy, Frame, Memory, Module, Modules, Registers, Unwinder, VirtAddr};

/// A place in the code, as its image describes it.
pub(super) struct Position<'a, 'data> {
    pub(super) module: &'a Module<'data>,
    pub(super) link: LinkAddr,
    /// The inline chain, innermost first; never empty.
    pub(super) chain: Vec<SourceFrame>,
    /// Inlined calls of the chain that begin right here; fewer than the chain
    /// has.
    pub(super) entered: usize,
    pub(super) row: Option<LineRow>,
}

impl<'a, 'data> Position<'a, 'data> {
    /// None where no image knows anything.
    pub(super) fn of(modules: &'a Modules<'data>, at: VirtAddr) -> Option<Self> {
        let (module, link) = modules.find_executable(at)?;
        let mut chain = module.image.source_frames(CodeAddr::Exact(link));
        let most = chain.len().checked_sub(1)?;
        let row = module.image.line_row(link);
        let row = row.filter(|row| row.location.line.is_some());
        if let Some(row) = &row {
            // Of several lines at one instruction, the statement's.
            chain[0].location = Some(row.location.clone());
        }
        Some(Self {
            module,
            link,
            entered: module.image.inlined_calls_entered(link).min(most),
            chain,
            row,
        })
    }

    /// The line shown when so many of the innermost inlined calls are not.
    pub(super) fn location(&self, hidden: usize) -> Option<&SourceLocation> {
        self.chain.get(hidden)?.location.as_ref()
    }

    /// The addresses of the row in the machine.
    pub(super) fn code(&self) -> Option<Range<VirtAddr>> {
        let row = self.row.as_ref()?;
        let start = self.module.run_address(row.code.start)?;
        let size = row.code.end.offset_from(row.code.start)?;
        Some(start..start.checked_add(size)?)
    }

    /// The code of the function, the part that holds the place.
    pub(super) fn function(&self) -> Option<Range<VirtAddr>> {
        let function = self.module.image.function_at(self.link)?;
        let mut ranges = function.ranges.iter();
        let range = ranges.find(|range| range.contains(&self.link))?;
        let start = self.module.run_address(range.start)?;
        Some(start..start.checked_add(range.end.offset_from(range.start)?)?)
    }

    /// Whether this is the first address of the row.
    pub(super) fn begins_row(&self) -> bool {
        self.row
            .as_ref()
            .is_some_and(|row| row.code.start == self.link)
    }
}

/// Whether two places are on the same line of the same file.
pub(super) fn same_line(one: Option<&SourceLocation>, other: Option<&SourceLocation>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.line == other.line && one.file == other.file,
        _ => false,
    }
}

/// The innermost frame, with its canonical frame address where that is known.
/// None when the registers do not say where they execute.
pub(super) fn innermost(
    modules: &Modules<'_>,
    registers: &Registers,
    memory: &mut dyn Memory,
) -> Option<Frame> {
    frames(modules, registers, memory, 1).into_iter().next()
}

/// The innermost frames, so many at most.
pub(super) fn frames(
    modules: &Modules<'_>,
    registers: &Registers,
    memory: &mut dyn Memory,
    limit: usize,
) -> Vec<Frame> {
    let unwinder = Unwinder::new(modules).with_limit(limit);
    unwinder.unwind(registers, FoundBy::Stop, memory).frames
}
