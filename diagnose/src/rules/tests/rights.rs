//! Page faults: jumps, and what page tables and error codes forbid. Error
//! codes: 1 present, 2 write, 4 user, 8 reserved bit, 0x10 fetch, 0x20
//! protection key.

use ukdbg_inspect::{AddressKind, HeapState, Region, Register};

use super::Stage;
use super::stage::{CALL, LOAD_FIELD, block, check, in_image, null_page, store_at};

#[test]
fn writes_to_what_is_read_only() {
    let fees = || in_image(Region::ReadOnly, "FEES", ".rodata", 8);
    let sentence =
        "write of 8 bytes to 0x20_0000, read-only data (`FEES`+0x8 in .rodata): not writable"
            .replace('_', "");
    let head = "certain WriteToReadOnly Write 8 0x200000";
    let walked = store_at(0x20_0000, fees(), Some(true)).entry(0x20_0000, 0x20_0001);
    check(
        &walked.page_fault(3, 0x20_0000),
        head,
        &sentence,
        &["its PTE forbids writes"],
    );
    let linked = store_at(0x20_0000, fees(), None);
    check(
        &linked.page_fault(3, 0x20_0000),
        head,
        &sentence,
        &["the image links it not to be written"],
    );
    let unexplained =
        store_at(0x20_0000, AddressKind::Mapped, Some(true)).entry(0x20_0000, 0x20_0003);
    check(
        &unexplained.page_fault(3, 0x20_0000),
        "likely WriteToReadOnly Write 8 0x200000",
        "write of 8 bytes to 0x200000: not writable",
        &["the page was there and forbade the write; its entry does not show why"],
    );
}

#[test]
fn what_is_mapped_and_forbidden_is_not_called_unmapped() {
    let user = store_at(0x20_0000, AddressKind::Mapped, Some(true)).entry(0x20_0000, 0x20_0003);
    check(
        &user.page_fault(7, 0x20_0000),
        "certain AccessDenied Write 8 0x200000",
        "write of 8 bytes at 0x200000: its PTE is for supervisor mode only",
        &[],
    );
    let key = store_at(0x20_0000, AddressKind::Mapped, Some(true));
    check(
        &key.page_fault(0x23, 0x20_0000),
        "certain AccessDenied Write 8 0x200000",
        "write of 8 bytes at 0x200000: a protection key forbids it",
        &[],
    );
    let read = Stage::new()
        .code(&LOAD_FIELD)
        .with(Register::Rdi, 0x20_0000)
        .at(0x20_0018, AddressKind::Mapped, Some(true));
    check(
        &read.page_fault(1, 0x20_0018),
        "certain AccessDenied Read 8 0x200018",
        "read of 8 bytes at 0x200018: forbidden",
        &["the page was there and forbade the access; its entry does not show why"],
    );
    let damaged = store_at(0x20_0000, AddressKind::Mapped, None);
    check(
        &damaged.page_fault(0xb, 0x20_0000),
        "certain Exception Write 8 0x200000",
        "write of 8 bytes at 0x200000: a reserved bit is set in a page-table entry",
        &[],
    );
}

#[test]
fn unmapped_addresses() {
    check(
        &store_at(0x66_0000, AddressKind::Unmapped, Some(false)).page_fault(2, 0x66_0000),
        "certain UnmappedAddress Write 8 0x660000",
        "write of 8 bytes at 0x660000, where nothing is mapped",
        &[],
    );
    check(
        &store_at(0x66_0000, AddressKind::Mapped, Some(true)).page_fault(2, 0x66_0000),
        "certain UnmappedAddress Write 8 0x660000",
        "write of 8 bytes at 0x660000",
        &["no page was there at the time of the fault; the page tables have one now"],
    );
    let lazy = AddressKind::HeapBlock {
        block: block(HeapState::Live),
        offset: 1,
    };
    // mov [rdi], al
    let byte = Stage::new()
        .code(&[0x88, 0x07])
        .with(Register::Rdi, 0x5001)
        .with(Register::Rax, 1)
        .at(0x5001, lazy, Some(false));
    check(
        &byte.page_fault(2, 0x5001),
        "certain UnmappedAddress Write 1 0x5001",
        "write of 1 byte at 0x5001, 1 byte into a 40-byte heap block at 0x5000",
        &[],
    );
}

#[test]
fn jumps_to_what_is_no_code() {
    let jump = |to: u64, kind, mapped| Stage::new().with(Register::Rip, to).at(to, kind, mapped);
    let data = || in_image(Region::Data, "TABLE", ".data", 0);
    check(
        &jump(0x30_0010, data(), Some(true))
            .entry(0x30_0010, 0x8000_0000_0030_0003)
            .page_fault(0x11, 0x30_0010),
        "certain JumpToData Execute ? 0x300010",
        "call, jump or return to 0x300010, data (`TABLE` in .data): not executable",
        &["its PTE forbids execution"],
    );
    check(
        &jump(0, null_page(0), Some(false)).page_fault(0x10, 0),
        "certain WildJump Execute ? 0x0",
        "call or jump through a null pointer, to 0x0",
        &[],
    );
    check(
        &jump(0x18, null_page(0x18), Some(false)).page_fault(0x10, 0x18),
        "likely WildJump Execute ? 0x18",
        "call, jump or return to 0x18, in the page at 0",
        &["no function is there, and nothing says where the address comes from"],
    );
    check(
        &jump(0x66_0010, AddressKind::Unmapped, Some(false)).page_fault(0x10, 0x66_0010),
        "certain WildJump Execute ? 0x660010",
        "call, jump or return to 0x660010, where nothing is mapped",
        &[],
    );
    // Without NX the error code says read; only the program counter tells.
    check(
        &jump(0x66_0010, AddressKind::Unmapped, Some(false)).page_fault(0, 0x66_0010),
        "certain WildJump Execute ? 0x660010",
        "call, jump or return to 0x660010, where nothing is mapped",
        &[],
    );
}

#[test]
fn execution_that_runs_on_into_another_page() {
    let straddling = Stage::new().with(Register::Rip, 0x30_0ffe);
    check(
        &straddling.page_fault(0x10, 0x30_1000),
        "certain WildJump Execute ? 0x301000",
        "execution ran on from 0x300ffe into 0x301000, where nothing is mapped",
        &[],
    );
    let at_the_start = Stage::new()
        .with(Register::Rip, 0x30_1000)
        .at(0x30_0fff, AddressKind::Mapped, Some(true))
        .entry(0x30_0fff, 0x30_0001);
    check(
        &at_the_start.page_fault(0x10, 0x30_1000),
        "certain WildJump Execute ? 0x301000",
        "execution reached 0x301000, where nothing is mapped",
        &[],
    );
    let sent = Stage::new()
        .with(Register::Rip, 0x30_1000)
        .at(0x30_0fff, AddressKind::Mapped, Some(true))
        .entry(0x30_0fff, 0x8000_0000_0030_0001);
    check(
        &sent.page_fault(0x10, 0x30_1000),
        "certain WildJump Execute ? 0x301000",
        "call, jump or return to 0x301000, where nothing is mapped",
        &[],
    );
}

/// A store over the storing instruction is a write, whatever the program
/// counter is.
#[test]
fn code_that_writes_over_itself_is_no_jump() {
    let verdict = store_at(
        0x10_0000,
        in_image(Region::Code, "fire", ".text", 0),
        Some(true),
    )
    .entry(0x10_0000, 0x10_0001)
    .page_fault(3, 0x10_0000);
    check(
        &verdict,
        "certain WriteToReadOnly Write 8 0x100000",
        "write of 8 bytes to 0x100000, code (`fire` in .text): not writable",
        &["its PTE forbids writes"],
    );
}

#[test]
fn without_an_error_code_instruction_and_tables_tell() {
    let store = || store_at(0x66_0000, AddressKind::Unmapped, Some(false));
    check(
        &store().exception(14, None, Some(0x66_0000)),
        "certain UnmappedAddress Write 8 0x660000",
        "write of 8 bytes at 0x660000, where nothing is mapped",
        &[],
    );
    let read_only =
        store_at(0x66_0000, AddressKind::Mapped, Some(true)).entry(0x66_0000, 0x66_0001);
    check(
        &read_only.exception(14, None, Some(0x66_0000)),
        "certain WriteToReadOnly Write 8 0x660000",
        "write of 8 bytes to 0x660000: not writable",
        &["its PTE forbids writes"],
    );
    check(
        &store_at(0x66_0000, AddressKind::Unknown, None).exception(14, None, Some(0x66_0000)),
        "certain Exception Write 8 0x660000",
        "page fault: write of 8 bytes at 0x660000",
        &[],
    );
    check(
        &Stage::new().exception(14, None, Some(0x66_0000)),
        "certain Exception",
        "page fault at 0x660000, where nothing is mapped; by which access is not known",
        &[],
    );
}

#[test]
fn without_cr2_the_instruction_tells() {
    check(
        &store_at(0x66_0000, AddressKind::Unmapped, Some(false)).exception(14, Some(2), None),
        "likely UnmappedAddress Write 8 0x660000",
        "write of 8 bytes at 0x660000, where nothing is mapped",
        &["CR2 is not known: the address is the one that the instruction uses"],
    );
    // A call through a register pushes and jumps: either may have failed.
    let call = Stage::new()
        .code(&CALL)
        .with(Register::Rax, 0x66_0000)
        .without(Register::Rsp);
    check(
        &call.exception(14, Some(2), None),
        "certain Exception",
        "page fault at an address that is not known",
        &[],
    );
}
