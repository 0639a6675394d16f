use proptest::prelude::*;

use super::*;
use crate::fixture::Sparse;
use crate::{Memory, MemoryError};

const P: u64 = 1;
const W: u64 = 2;
const U: u64 = 4;
const LARGE: u64 = 1 << 7;
const NX: u64 = 1 << 63;

fn state() -> PagingState {
    PagingState {
        cr0: CR0_PAGING | CR0_WRITE_PROTECT,
        cr3: 0x1000,
        cr4: CR4_PAE,
        efer: EFER_LONG_MODE | EFER_NO_EXECUTE,
    }
}

/// PML4 at 0x1000, PDPT 0x2000, PD 0x3000, PT 0x4000; PML5 at 0x6000.
fn tables() -> Sparse {
    let mut memory = Sparse::new()
        .with(0x1000, &[0; 0x4000])
        .with(0x6000, &[0; 0x1000]);
    memory.set_word(0x6000, 0x1000 | P | W);
    memory.set_word(0x1000, 0x2000 | P | W | U);
    memory.set_word(0x2000, 0x3000 | P | W);
    memory.set_word(0x2000 + 8, 0x4000_0000 | P | LARGE);
    memory.set_word(0x2000 + 16, 0x4000_2000 | P | LARGE);
    memory.set_word(0x3000, 0x4000 | P | W);
    // 2 MB with its PAT bit set.
    memory.set_word(0x3000 + 8, 0x0060_1000 | P | W | LARGE | NX);
    memory.set_word(0x4000 + 8, 0x9000 | P);
    memory.set_word(0x4000 + 16, 0xa000 | P | W | NX);
    memory
}

fn walk(at: u64) -> PageWalk {
    PageWalk::walk(&mut tables(), state(), VirtAddr(at))
}

#[test]
fn pages_of_every_size() {
    let check = |at: u64, physical: u64, size: u64, levels: usize| {
        let walk = walk(at);
        let PageOutcome::Mapped {
            physical: got,
            page_size,
            ..
        } = walk.outcome
        else {
            panic!("{at:#x}: {walk:?}");
        };
        assert_eq!(
            (got.0, page_size, walk.levels.len()),
            (physical, size, levels)
        );
    };
    check(0x1234, 0x9234, 0x1000, 4);
    check(0x20_5678, 0x60_5678, 0x20_0000, 3);
    check(0x4012_3456, 0x4012_3456, 0x4000_0000, 2);
}

#[test]
fn five_levels_walk_one_more() {
    let mut five = state();
    five.cr4 |= CR4_FIVE_LEVELS;
    five.cr3 = 0x6000;
    let walk = PageWalk::walk(&mut tables(), five, VirtAddr(0x1234));
    assert_eq!(walk.physical(), Some(PhysAddr(0x9234)));
    assert_eq!(walk.levels[0].level, PageLevel::Pml5);
    // Bit 48 set: canonical with 57 bits only.
    let high = VirtAddr(1 << 48);
    assert!(is_canonical(high, PagingMode::FiveLevel));
    assert!(!is_canonical(high, PagingMode::FourLevel));
}

#[test]
fn walks_that_end_early() {
    assert_eq!(walk(0).outcome, PageOutcome::NotPresent);
    assert_eq!(walk(0).levels.len(), 4);
    assert_eq!(walk(1 << 39).levels.len(), 1);
    assert_eq!(walk(0x8000_0000_0000).outcome, PageOutcome::NonCanonical);
    assert_eq!(
        walk(0x8000_0000).outcome,
        PageOutcome::ReservedBits {
            bits: PageEntry(0x2000)
        }
    );
    let mut off = state();
    off.cr3 = 0xdead_b000;
    let lost = PageWalk::walk(&mut tables(), off, VirtAddr(0));
    let at = PhysAddr(0xdead_b000);
    assert_eq!(lost.outcome, PageOutcome::TableUnreadable { at });
    off.cr0 = 0;
    assert_eq!(
        PageWalk::walk(&mut tables(), off, VirtAddr(5)).physical(),
        Some(PhysAddr(5))
    );
}

#[test]
fn why_an_access_is_refused() {
    let check = |at: u64, kind: AccessKind, privilege: Privilege, want: Option<Denial>| {
        let got = walk(at).denial(Access { kind, privilege });
        assert_eq!(got, want, "{kind:?} {at:#x}");
    };
    use AccessKind::{Execute, Read, Write};
    use Privilege::{Supervisor, User};
    let pt = PageLevel::Pt;
    check(
        0x8,
        Read,
        Supervisor,
        Some(Denial::NotPresent { level: pt }),
    );
    check(0x1000, Read, Supervisor, None);
    check(
        0x1000,
        Write,
        Supervisor,
        Some(Denial::ReadOnly { level: pt }),
    );
    check(0x1000, Execute, Supervisor, None);
    check(0x2000, Write, Supervisor, None);
    check(
        0x2000,
        Execute,
        Supervisor,
        Some(Denial::NoExecute { level: pt }),
    );
    let level = PageLevel::Pdpt;
    check(0x2000, Read, User, Some(Denial::SupervisorOnly { level }));
    check(1 << 47, Read, Supervisor, Some(Denial::NonCanonical));
}

#[test]
fn supervisor_writes_pass_without_write_protection() {
    let mut open = state();
    open.cr0 &= !CR0_WRITE_PROTECT;
    let walk = PageWalk::walk(&mut tables(), open, VirtAddr(0x1000));
    let access = Access {
        kind: AccessKind::Write,
        privilege: Privilege::Supervisor,
    };
    assert_eq!(walk.denial(access), None);
}

#[test]
fn no_execute_bits_are_reserved_where_they_are_off() {
    let mut old = state();
    old.efer = EFER_LONG_MODE;
    let walk = PageWalk::walk(&mut tables(), old, VirtAddr(0x2000));
    assert_eq!(
        walk.outcome,
        PageOutcome::ReservedBits {
            bits: PageEntry(NX)
        }
    );
}

#[test]
fn paged_memory_joins_pages_that_are_apart() {
    let physical = tables()
        .with(0x9000, &[1; 0x1000])
        .with(0xa000, &[2; 0x1000]);
    let mut memory = Paged::new(physical, state());
    let mut buf = [0; 8];
    assert_eq!(memory.read(VirtAddr(0x1ffc), &mut buf), Ok(8));
    assert_eq!(buf, [1, 1, 1, 1, 2, 2, 2, 2]);
    assert_eq!(memory.read(VirtAddr(0x2ffc), &mut buf), Ok(4));
    let at = VirtAddr(0xff8);
    assert_eq!(memory.read(at, &mut buf), Err(MemoryError::Unmapped { at }));
}

#[test]
fn more_pages_than_are_remembered() {
    let mut physical = tables();
    for page in 0..512_u64 {
        physical.set_word(0x4000 + page * 8, 0x9000 | P);
    }
    let mut memory = Paged::new(physical.with(0x9000, &[3; 0x1000]), state());
    for page in (0..512_u64).chain(0..512) {
        let mut byte = [0];
        assert_eq!(memory.read(VirtAddr(page * 0x1000), &mut byte), Ok(1));
        assert_eq!(byte, [3]);
    }
}

proptest! {
    /// Tables full of anything: a walk ends after five levels at most.
    #[test]
    fn any_tables_end(words in proptest::collection::vec(any::<u64>(), 512), at: u64, cr4: u64) {
        let memory = Sparse::new().with_words(0x1000, &words);
        let looping: Vec<u64> = words.iter().map(|word| (word & !0xf_ffff_ffff_f000) | 0x1000).collect();
        let state = PagingState { cr4: cr4 | CR4_PAE, ..state() };
        for memory in [memory, Sparse::new().with_words(0x1000, &looping)] {
            let mut paged = Paged::new(memory, state);
            let walk = paged.walk(VirtAddr(at));
            prop_assert!(walk.levels.len() <= 5);
            for kind in [AccessKind::Read, AccessKind::Write, AccessKind::Execute] {
                let _ = walk.denial(Access { kind, privilege: Privilege::User });
            }
            let mut buf = [0; 64];
            let _ = paged.read(VirtAddr(at), &mut buf);
        }
    }
}
