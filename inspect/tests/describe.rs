//! What addresses are said to be, by tables made for the purpose and a
//! compiled image.

mod support;

use support::{available, compile, load, modules, symbol};
use ukdbg_image::Untrusted;
use ukdbg_inspect::{
    AddressKind, AddressSpace, Evidence, HeapBlocks, HeapEntry, HeapState, PageWalk, PagingState,
    PhysAddr, PhysicalMemory, Region, Stack, StackUse, Stacks, VirtAddr,
};

/// Page tables that map nothing.
struct Empty;

impl PhysicalMemory for Empty {
    fn read_physical(
        &mut self,
        _: PhysAddr,
        buf: &mut [u8],
    ) -> Result<usize, ukdbg_inspect::MemoryError> {
        buf.fill(0);
        Ok(buf.len())
    }
}

fn stacks() -> Stacks {
    Stacks {
        stacks: vec![Stack {
            index: 3,
            name: Untrusted::from("matcher"),
            usage: StackUse::Task,
            alive: true,
            low: VirtAddr(0x9_1000),
            high: VirtAddr(0xa_0000),
            guard_size: 0x1000,
            saved_rsp: None,
        }],
        claimed: 1,
        current: None,
    }
}

fn heap() -> HeapBlocks {
    let block = |address: u64, size: u64, state: HeapState| HeapEntry {
        address: VirtAddr(address),
        size,
        align: 8,
        state,
        allocated_tsc: 1,
        freed_tsc: (state == HeapState::Freed).then_some(2),
        allocated_by: Vec::new(),
        freed_by: Vec::new(),
    };
    HeapBlocks {
        heap: Some(VirtAddr(0x50_0000)..VirtAddr(0x60_0000)),
        guarded: Some(VirtAddr(0x10_0000)..VirtAddr(0x20_0000)),
        blocks: vec![
            block(0x10_0fe0, 0x20, HeapState::Live),
            block(0x10_2fe0, 0x20, HeapState::Freed),
        ],
        forgotten: 0,
        unusable: 0,
    }
}

#[test]
fn what_addresses_are() {
    if !available(&["gcc"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let image = load(&compile(directory.path(), "program.c", &["-O2"]));
    let (modules, stacks, heap) = (modules(&image), stacks(), heap());
    let space = AddressSpace {
        modules: &modules,
        stacks: Some(&stacks),
        heap: Some(&heap),
    };
    let check = |at: u64, evidence: Evidence, expected: fn(&AddressKind) -> bool| {
        let got = space.describe(VirtAddr(at), None);
        assert!(expected(&got.kind), "{at:#x}: {got:x?}");
        assert_eq!(got.evidence, evidence, "{at:#x}");
    };
    use AddressKind as Kind;
    check(0x18, Evidence::Form, |kind| {
        *kind == Kind::NullPage { offset: 0x18 }
    });
    check(0xdead_0000_0000_0000, Evidence::Form, |kind| {
        *kind == Kind::NonCanonical
    });
    check(
        0x9_1000,
        Evidence::StackTable,
        |kind| matches!(kind, Kind::Stack { stack } if stack.name.raw() == "matcher"),
    );
    check(0x9_0ff8, Evidence::StackTable, |kind| {
        matches!(kind, Kind::StackGuard { below: 8, .. })
    });
    check(0x8_fff8, Evidence::Nothing, |kind| *kind == Kind::Unknown);
    check(0x10_0ff8, Evidence::HeapLedger, |kind| {
        matches!(kind, Kind::HeapBlock { offset: 0x18, .. })
    });
    check(0x10_1000, Evidence::HeapLedger, |kind| {
        matches!(kind, Kind::PastBlock { past_end: 0, .. })
    });
    check(0x10_0fd8, Evidence::HeapLedger, |kind| {
        matches!(kind, Kind::BeforeBlock { before: 8, .. })
    });
    check(0x10_2fe0, Evidence::HeapLedger, |kind| {
        matches!(kind, Kind::FreedBlock { offset: 0, .. })
    });
    check(0x15_0000, Evidence::HeapLedger, |kind| *kind == Kind::Heap);
    check(0x50_0000, Evidence::HeapLedger, |kind| *kind == Kind::Heap);

    let check_image = |at: u64, name: &str, offset: u64, region: Region, section: &str| {
        let got = space.describe(VirtAddr(at), None);
        let Kind::Image(place) = got.kind else {
            panic!("{at:#x}: {got:?}");
        };
        let symbol = place.symbol.expect("there is a symbol");
        assert_eq!((symbol.name.demangled.raw(), symbol.offset), (name, offset));
        assert_eq!(place.region, region);
        assert_eq!(place.section.expect("there is a section").raw(), section);
    };
    check_image(symbol(&image, "run") + 5, "run", 5, Region::Code, ".text");
    let operations = symbol(&image, "operations");
    check_image(operations + 8, "operations", 8, Region::Data, ".data");
    check_image(symbol(&image, "sink"), "sink", 0, Region::Data, ".bss");
}

#[test]
fn page_tables_tell_what_nothing_else_claims() {
    let modules = ukdbg_inspect::Modules::default();
    let space = AddressSpace {
        modules: &modules,
        stacks: None,
        heap: None,
    };
    let long_mode = PagingState {
        cr0: 1 << 31,
        cr3: 0,
        cr4: 1 << 5,
        efer: 1 << 10,
    };
    let describe = |state: PagingState, at: u64| {
        let walk = PageWalk::walk(&mut Empty, state, VirtAddr(at));
        space.describe(VirtAddr(at), Some(&walk)).kind
    };
    assert_eq!(describe(long_mode, 0x1234_5678), AddressKind::Unmapped);
    assert_eq!(describe(long_mode, 8), AddressKind::NullPage { offset: 8 });
    // 57 bits are too many for 4 levels.
    assert_eq!(describe(long_mode, 1 << 50), AddressKind::NonCanonical);
    let off = PagingState {
        cr0: 0,
        ..long_mode
    };
    assert_eq!(describe(off, 8), AddressKind::Mapped);
}
