//! Page faults: accesses to null, the heap, stacks and nothing at all. Error
//! code 2 is a write.

use ukdbg_inspect::{AddressKind, HeapState, Register, VirtAddr};

use super::Stage;
use super::stage::{
    LOAD_FIELD, PUSH, STORE, block, check, check_place, guard, null_page, stack, store_at,
};

#[test]
fn a_field_of_a_null_reference() {
    let verdict = Stage::new()
        .code(&LOAD_FIELD)
        .with(Register::Rdi, 0)
        .at(0x18, null_page(0x18), Some(false))
        .page_fault(0, 0x18);
    check(
        &verdict,
        "certain NullReference Read 8 0x18",
        "read of 8 bytes at 0x18: the field at offset 24 of a null reference",
        &[],
    );
    check_place(&verdict, "#0 fire /app/src/fire.rs:24");
}

#[test]
fn a_null_reference_itself() {
    let verdict = store_at(0, null_page(0), Some(false)).page_fault(2, 0);
    check(
        &verdict,
        "certain NullReference Write 8 0x0",
        "write of 8 bytes through a null reference",
        &[],
    );
}

#[test]
fn a_small_number_taken_for_a_reference_is_only_likely_a_null_reference() {
    let verdict = Stage::new()
        .code(&STORE)
        .with(Register::Rdi, 0x20)
        .with(Register::Rax, 0)
        .at(0x20, null_page(0x20), Some(false))
        .page_fault(2, 0x20);
    check(
        &verdict,
        "likely NullReference Write 8 0x20",
        "write of 8 bytes at 0x20: the field at offset 32 of a null reference",
        &["the address is in the page at 0, but the register it is relative to is not 0"],
    );
}

#[test]
fn a_null_reference_of_an_unknown_instruction_is_likely() {
    let verdict = Stage::new()
        .at(0, null_page(0), Some(false))
        .page_fault(0, 0);
    check(
        &verdict,
        "likely NullReference Read ? 0x0",
        "read through a null reference",
        &["the address is in the page at 0; what it was computed from is not known"],
    );
}

#[test]
fn a_segment_without_a_base() {
    // mov rax, fs:[0x28]
    let verdict = Stage::new()
        .code(&[0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0])
        .with(Register::FsBase, 0)
        .at(0x28, null_page(0x28), Some(false))
        .page_fault(0, 0x28);
    check(
        &verdict,
        "likely NullReference Read 8 0x28",
        "read of 8 bytes at 0x28: the field at offset 40 of a null reference",
        &[
            "the access is relative to fs_base, which is 0x0: what it should point at may not be set up",
        ],
    );
}

#[test]
fn accesses_past_a_heap_block() {
    let check_at = |begin: u64, cr2: u64, sentence: &str| {
        let past = AddressKind::PastBlock {
            block: block(HeapState::Live),
            past_end: cr2.saturating_sub(0x5028),
        };
        let verdict = store_at(begin, AddressKind::Mapped, Some(true))
            .at(cr2, past, Some(false))
            .caller(0xa0, "alloc::alloc", "/rustc/1/library/alloc.rs", 9)
            .caller(0xa1, "Book::insert", "/app/src/book.rs", 88)
            .page_fault(2, cr2);
        let head = format!("certain HeapOverflow Write 8 {begin:#x}");
        check(&verdict, &head, sentence, &[]);
    };
    check_at(
        0x5028,
        0x5028,
        "write of 8 bytes, right past the end of a 40-byte heap block at 0x5000 allocated in `Book::insert` at book.rs:88",
    );
    check_at(
        0x5029,
        0x5029,
        "write of 8 bytes, 1 byte past the end of a 40-byte heap block at 0x5000 allocated in `Book::insert` at book.rs:88",
    );
    check_at(
        0x5024,
        0x5028,
        "write of 8 bytes, running 4 bytes over the end of a 40-byte heap block at 0x5000 allocated in `Book::insert` at book.rs:88",
    );
}

#[test]
fn an_access_before_a_heap_block() {
    let before = AddressKind::BeforeBlock {
        block: block(HeapState::Live),
        before: 16,
    };
    let verdict = store_at(0x4ff0, before, Some(false)).page_fault(2, 0x4ff0);
    check(
        &verdict,
        "certain HeapOverflow Write 8 0x4ff0",
        "write of 8 bytes, 16 bytes before the start of a 40-byte heap block at 0x5000",
        &[],
    );
}

#[test]
fn past_a_block_that_was_freed_is_no_certain_overflow() {
    let past = AddressKind::PastBlock {
        block: block(HeapState::Freed),
        past_end: 0,
    };
    let verdict = store_at(0x5028, past, Some(false)).page_fault(2, 0x5028);
    check(
        &verdict,
        "likely HeapOverflow Write 8 0x5028",
        "write of 8 bytes, right past the end of a 40-byte heap block at 0x5000",
        &[
            "the block was freed, so the access may be meant for another that the ledger has forgotten",
        ],
    );
}

#[test]
fn a_hostile_block_is_only_described() {
    let mut endless = block(HeapState::Live);
    endless.size = u64::MAX;
    let past = AddressKind::PastBlock {
        block: endless.clone(),
        past_end: 0,
    };
    let verdict = store_at(0x6000, past, Some(false)).page_fault(2, 0x6000);
    check(
        &verdict,
        "certain HeapOverflow Write 8 0x6000",
        "write of 8 bytes, running over the end of an 18446744073709551615-byte heap block at 0x5000",
        &[],
    );
    let before = AddressKind::BeforeBlock {
        block: endless,
        before: u64::MAX,
    };
    let verdict = store_at(0x6000, before, Some(false)).page_fault(2, 0x6000);
    assert!(
        verdict
            .sentence
            .raw()
            .contains("18446744073709551615 bytes before")
    );
}

#[test]
fn use_after_free() {
    let freed = |offset| AddressKind::FreedBlock {
        block: block(HeapState::Freed),
        offset,
    };
    let bare = store_at(0x5000, freed(0), Some(false)).page_fault(2, 0x5000);
    check(
        &bare,
        "certain UseAfterFree Write 8 0x5000",
        "write of 8 bytes, at the start of a 40-byte heap block at 0x5000 that was freed",
        &[],
    );
    let told = store_at(0x5008, freed(8), Some(false))
        .caller(0xa1, "Book::insert", "/app/src/book.rs", 88)
        .caller(0xf1, "Book::remove", "/app/src/book.rs", 120)
        .page_fault(2, 0x5008);
    check(
        &told,
        "certain UseAfterFree Write 8 0x5008",
        "write of 8 bytes, 8 bytes into a 40-byte heap block at 0x5000 that was freed in `Book::remove` at book.rs:120",
        &["the block was allocated in `Book::insert` at book.rs:88"],
    );
}

#[test]
fn a_stack_overflow_by_a_push() {
    let verdict = Stage::new()
        .code(&PUSH)
        .with(Register::Rsp, 0x8000)
        .at(0x7ff8, guard(8), Some(false))
        .at(
            0x8000,
            AddressKind::Stack {
                stack: stack(1, "matcher"),
            },
            Some(true),
        )
        .page_fault(2, 0x7ff8);
    check(
        &verdict,
        "certain StackOverflow Write 8 0x7ff8",
        "the stack of `matcher` overflowed its 16 KiB",
        &[],
    );
}

#[test]
fn a_stack_overflow_names_its_recursion() {
    let mut stage = Stage::new()
        .code(&STORE)
        .with(Register::Rdi, 0x7f00)
        .with(Register::Rsp, 0x7ef0)
        .at(0x7f00, guard(0x100), Some(false))
        .at(0x7ef0, guard(0x110), Some(false));
    for _ in 0..8 {
        stage = stage.frame("fire", Some(("/app/src/fire.rs", 25)));
    }
    check(
        &stage.page_fault(2, 0x7f00),
        "certain StackOverflow Write 8 0x7f00",
        "the stack of `matcher` overflowed its 16 KiB",
        &["`fire` is on the stack 9 times"],
    );
}

/// The stack pointer says whether an access to a guard is an overflow.
#[test]
fn stray_accesses_to_a_guard() {
    let store = || store_at(0x7f00, guard(0x100), Some(false));
    let on = |index, name| AddressKind::Stack {
        stack: stack(index, name),
    };
    let stray = "write of 8 bytes at 0x7f00, in the guard below the stack of `matcher`";
    let another = store()
        .with(Register::Rsp, 0x2_0000)
        .at(0x2_0000, on(2, "reporter"), Some(true));
    check(
        &another.page_fault(2, 0x7f00),
        "certain UnmappedAddress Write 8 0x7f00",
        stray,
        &["the stack pointer is on the stack of `reporter`, so this is no overflow of that stack"],
    );
    // Just below the guard, where another stack happens to lie.
    let neighbour = store()
        .with(Register::Rsp, 0x6f00)
        .at(0x6f00, on(2, "reporter"), Some(true));
    check(
        &neighbour.page_fault(2, 0x7f00),
        "certain UnmappedAddress Write 8 0x7f00",
        stray,
        &["the stack pointer is on the stack of `reporter`, so this is no overflow of that stack"],
    );
    let far_above = store()
        .with(Register::Rsp, 0xb000)
        .at(0xb000, on(1, "matcher"), Some(true));
    check(
        &far_above.page_fault(2, 0x7f00),
        "likely UnmappedAddress Write 8 0x7f00",
        stray,
        &[
            "the stack pointer has not left the stack, and the access is far below it: a stray access rather than an overflow",
        ],
    );
    let elsewhere = store().with(Register::Rsp, 0x90_0000);
    check(
        &elsewhere.page_fault(2, 0x7f00),
        "certain UnmappedAddress Write 8 0x7f00",
        stray,
        &["the stack pointer is elsewhere, so this is no overflow of that stack"],
    );
    check(
        &store().page_fault(2, 0x7f00),
        "likely StackOverflow Write 8 0x7f00",
        "the stack of `matcher` overflowed its 16 KiB",
        &["the stack pointer is not known"],
    );
}

#[test]
fn an_overflow_of_a_stack_that_no_table_knows() {
    let push = Stage::new().code(&PUSH).with(Register::Rsp, 0x3000);
    check(
        &push.page_fault(2, 0x2ff8),
        "likely StackOverflow Write 8 0x2ff8",
        "a stack overflowed: write of 8 bytes at 0x2ff8, where nothing is mapped",
        &["the access goes through the stack pointer"],
    );
    // mov rax, [rsp+0x100], past the top of a stack that is there.
    let above = Stage::new()
        .code(&[0x48, 0x8b, 0x84, 0x24, 0, 1, 0, 0])
        .with(Register::Rsp, 0x3f80)
        .at(0x3f80, AddressKind::Mapped, Some(true));
    check(
        &above.page_fault(0, 0x4080),
        "certain UnmappedAddress Read 8 0x4080",
        "read of 8 bytes at 0x4080, where nothing is mapped",
        &[],
    );
}

/// An access that straddles two pages begins before the address that CR2 has.
#[test]
fn an_access_that_straddles_pages() {
    let straddling = Stage::new()
        .code(&STORE)
        .with(Register::Rdi, 0x66_0ffc)
        .with(Register::Rax, 7)
        .at(0x66_0ffc, AddressKind::Mapped, Some(true));
    check(
        &straddling.page_fault(2, 0x66_1000),
        "certain UnmappedAddress Write 8 0x660ffc",
        "write of 8 bytes at 0x660ffc, reaching 0x661000, where nothing is mapped",
        &[],
    );
    let wrapping = Stage::new()
        .code(&STORE)
        .with(Register::Rdi, u64::MAX - 3)
        .at(0, null_page(0), Some(false));
    check(
        &wrapping.page_fault(2, 0),
        "likely NullReference Write ? 0x0",
        "write through a null reference",
        &["the address is in the page at 0; what it was computed from is not known"],
    );
}

#[test]
fn an_access_whose_size_the_instruction_does_not_say() {
    // fxsave [rdi]
    let verdict = Stage::new()
        .code(&[0x0f, 0xae, 0x07])
        .with(Register::Rdi, 0x66_0000)
        .page_fault(2, 0x66_0000);
    let sentence = verdict.sentence.raw();
    assert!(
        sentence.starts_with("write at") || sentence.starts_with("write of 512 bytes at"),
        "{sentence}"
    );
}

#[test]
fn the_innermost_frame_of_the_program_is_the_place() {
    let library = "/rustc/1/library/core/src/ptr/mod.rs";
    let verdict = store_at(0x66_0000, AddressKind::Unmapped, Some(false))
        .no_frames()
        .frame("core::ptr::write", Some((library, 9)))
        .frame("Book::insert", Some(("/app/src/book.rs", 88)))
        .page_fault(2, 0x66_0000);
    check_place(&verdict, "#1 Book::insert /app/src/book.rs:88");
    let nowhere = store_at(0x66_0000, AddressKind::Unmapped, Some(false))
        .no_frames()
        .page_fault(2, 0x66_0000);
    check_place(&nowhere, "none");
    assert_eq!(
        nowhere.access.map(|access| access.address),
        Some(VirtAddr(0x66_0000))
    );
}
