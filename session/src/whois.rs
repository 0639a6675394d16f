//! What an address is, from everything that says something about it.

use ukdbg_image::{CodeAddr, SourceLocation, Untrusted};
use ukdbg_inspect::{
    AddressKind, HoleEdge, Modules, PageWalk, PagingMode, PhysAddr, Region, Register, TablePlace,
    Target, VirtAddr, is_canonical, read_u64,
};

use crate::SessionError;
use crate::addresses::{Known, Tables};
use crate::session::Session;
use crate::view::{CallerView, FramePlace, HoleView, WhoisView, Word};
use crate::{names, tables};

/// Describes the address that an expression stands for.
pub(crate) fn whois<T: Target>(
    session: &mut Session<'_, T>,
    expression: &str,
    frame: Option<usize>,
) -> Result<WhoisView, SessionError> {
    let at = session.address_of(expression, frame)?;
    let mut gaps = Vec::new();
    let tables = match session.root() {
        Ok(root) => Tables::read(&mut session.target, &root, &mut gaps),
        Err(_) => {
            gaps.push("the guest has no tables of its stacks and its heap".to_owned());
            Tables::default()
        }
    };
    let paging = session.paging();
    let registers = session.current_registers().ok();
    let efer = registers.and_then(|registers| registers.get(Register::Efer));
    match (&paging, efer) {
        (None, _) => {
            gaps.push("without control registers the page tables are not known".to_owned())
        }
        (Some(_), None) => gaps.push(
            "EFER is not known: pages that are marked not to be executed are taken for such"
                .to_owned(),
        ),
        (Some(_), Some(_)) => {}
    }
    let frame = frame_place(session, at);
    let mut places = table_places(session, at);
    let modules = &session.modules;
    let mut known = Known {
        target: &mut session.target,
        modules,
        tables: &tables,
        paging,
    };
    let (description, walk) = known.description(at);
    places.retain(|place| match place {
        TablePlace::Stack { top, .. } => is_stack_up_to(&mut known, at, *top),
        _ => true,
    });
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
    let hole = walk.as_ref().and_then(|walk| hole(&mut known, walk));
    let word = read_u64(known.target, at).ok();
    Ok(WhoisView {
        symbol: names::symbol(modules, at),
        location,
        allocated_by,
        freed_by,
        frame,
        tables: places,
        hole,
        device: walk
            .as_ref()
            .and_then(PageWalk::physical)
            .and_then(usual_device),
        walk,
        word: word.map(Word),
        word_points_at: word
            .map(VirtAddr)
            .filter(|word| is_canonical(*word, PagingMode::FiveLevel))
            .and_then(|word| names::describe(&mut known, word)),
        description,
        gaps,
    })
}

/// The frame of the selected CPU that an address on its stack belongs to.
fn frame_place<T: Target>(session: &mut Session<'_, T>, at: VirtAddr) -> Option<FramePlace> {
    let shown = session.frames_shown().ok()?;
    let frames = shown.found.frames.iter().enumerate();
    let (physical, sp, cfa) = frames
        .filter_map(|(physical, frame)| Some((physical, frame.registers.sp()?, frame.cfa?)))
        .find(|(_, sp, cfa)| (*sp..*cfa).contains(&at))?;
    let caller = shown.found.frames.get(physical + 1);
    let caller = caller.and_then(|caller| caller.registers.pc());
    // Of the functions inlined into each other there, the one that is called.
    let mut views = shown.view.frames.iter().rev();
    let view = views.find(|view| view.physical == physical)?;
    let place = FramePlace {
        frame: view.index,
        function: view.function.clone(),
        above_sp: at.offset_from(sp)?,
        is_return_address: false,
    };
    let last = cfa.checked_sub(8)?;
    if at < last {
        return Some(place);
    }
    // The last word is the return address only of what was called. Whatever
    // was entered in another way begins with nothing on its stack.
    let returns_to = VirtAddr(read_u64(&mut session.target, last).ok()?);
    caller.map(|caller| FramePlace {
        is_return_address: caller == returns_to,
        ..place
    })
}

/// What the address is to the tables of the selected CPU, as far as a link
/// tells where those are.
fn table_places<T: Target>(session: &mut Session<'_, T>, at: VirtAddr) -> Vec<TablePlace> {
    let Ok(cpu) = session.current_vcpu() else {
        return Vec::new();
    };
    tables::read(session, cpu).map_or_else(|_| Vec::new(), |tables| tables.places_of(at))
}

/// Whether everything from an address up to the top of a stack can be written,
/// as a stack can: what is below the stack is not always a hole.
fn is_stack_up_to<T: Target>(known: &mut Known<'_, '_, T>, at: VirtAddr, top: VirtAddr) -> bool {
    let pages = (at.0 >> 12)..=(top.0.saturating_sub(1) >> 12);
    pages.into_iter().all(|page| {
        let walk = known.walk(VirtAddr(page << 12));
        walk.and_then(|walk| walk.rights())
            .is_some_and(|rights| rights.write)
    })
}

/// The hole around an address, and what the pages around that are.
fn hole<T: Target>(known: &mut Known<'_, '_, T>, walk: &PageWalk) -> Option<HoleView> {
    let hole = walk.hole(known.target.physical()?)?;
    let mut name = |edge: HoleEdge, back: u64| match edge {
        HoleEdge::At { address } => names::describe(known, address.checked_sub(back)?),
        HoleEdge::Open | HoleEdge::Unknown => None,
    };
    Some(HoleView {
        below: name(hole.start, 1),
        above: name(hole.end, 0),
        hole,
    })
}

/// What answers at a physical address on nearly every PC (the defaults of
/// SDM 3A 11.4.1, of the I/O APIC and HPET specifications, and of the first
/// megabyte since the first PC).
fn usual_device(at: PhysAddr) -> Option<&'static str> {
    Some(match at.0 {
        0xfee0_0000..0xfee0_1000 => "the local APIC",
        0xfec0_0000..0xfec0_1000 => "the I/O APIC",
        0xfed0_0000..0xfed0_0400 => "the HPET timer",
        0xa_0000..0xb_8000 => "graphics memory",
        0xb_8000..0xc_0000 => "the text screen",
        0xc_0000..0x10_0000 => "the firmware's read-only memory",
        _ => return None,
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
