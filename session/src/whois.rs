//! What an address is, from everything that says something about it.

use ukdbg_image::{CodeAddr, SourceLocation, Untrusted};
use ukdbg_inspect::{AddressKind, Modules, PagingState, Region, Target, VirtAddr, read_u64};

use crate::SessionError;
use crate::addresses::{Known, Tables};
use crate::names;
use crate::session::Session;
use crate::view::{CallerView, WhoisView, Word};

/// Describes the address that an expression stands for.
pub(crate) fn whois<T: Target>(
    session: &mut Session<'_, T>,
    expression: &str,
    frame: Option<usize>,
) -> Result<WhoisView, SessionError> {
    let at = session.address_of(expression, frame)?;
    let mut gaps = Vec::new();
    let registers = session.current_registers().ok();
    let tables = match session.root() {
        Ok(root) => Tables::read(&mut session.target, &root, &mut gaps),
        Err(_) => {
            gaps.push("the guest has no tables of its stacks and its heap".to_owned());
            Tables::default()
        }
    };
    let paging = registers.as_ref().and_then(PagingState::from_registers);
    if paging.is_none() {
        gaps.push("without control registers the page tables are not known".to_owned());
    }
    let modules = &session.modules;
    let mut known = Known {
        target: &mut session.target,
        modules,
        tables: &tables,
        paging,
    };
    let (description, walk) = known.description(at);
    let (allocated_by, freed_by) = match &description.kind {
        AddressKind::HeapBlock { block, .. }
        | AddressKind::FreedBlock { block, .. }
        | AddressKind::PastBlock { block, .. }
        | AddressKind::BeforeBlock { block, .. } => (
            callers(modules, &block.allocated_by),
            callers(modules, &block.freed_by),
        ),
        _ => (Vec::new(), Vec::new()),
    };
    let location = match &description.kind {
        AddressKind::Image(place) if place.region == Region::Code => location(modules, at),
        _ => None,
    };
    Ok(WhoisView {
        symbol: names::symbol(modules, at),
        location,
        allocated_by,
        freed_by,
        walk,
        word: read_u64(&mut session.target, at).ok().map(Word),
        description,
        gaps,
    })
}

fn location(modules: &Modules<'_>, at: VirtAddr) -> Option<SourceLocation> {
    let frames = modules.symbolize(CodeAddr::Exact(at));
    frames.into_iter().next()?.location
}

fn callers(modules: &Modules<'_>, addresses: &[VirtAddr]) -> Vec<CallerView> {
    let mut callers = Vec::new();
    for &address in addresses {
        let frames = modules.symbolize(CodeAddr::Return(address));
        if frames.is_empty() {
            callers.push(CallerView {
                address,
                function: None,
                location: None,
            });
        }
        callers.extend(frames.into_iter().map(|frame| {
            CallerView {
                address,
                function: frame
                    .function
                    .map(|name| Untrusted::from(name.demangled.raw())),
                location: frame.location,
            }
        }));
    }
    callers
}
