//! Triple faults, panics, and how machines end.

use ukdbg_inspect::{AddressKind, Register, VirtAddr};

use super::Stage;
use super::stage::{check, check_place};
use crate::{Cause, DescriptorTable, Ending, ExceptionFacts};

const STOOD: &str =
    "the processor shut down where it stood, and the registers are those of that moment";

fn triple(limit: Option<u16>) -> Stage {
    let mut stage = Stage::new();
    stage.evidence.ending = Ending::TripleFault;
    stage.evidence.idt = limit.map(|limit| DescriptorTable {
        base: VirtAddr(0),
        limit,
    });
    stage
}

fn exception(vector: u8) -> Cause<'static> {
    Cause::Exception(ExceptionFacts {
        vector,
        error_code: Some(0),
        cr2: None,
    })
}

#[test]
fn a_triple_fault_with_an_empty_table() {
    check(
        &triple(Some(0)).judge(exception(6)),
        "certain TripleFault",
        "triple fault: neither an invalid opcode (#UD) nor the double fault after it could be delivered",
        &[
            STOOD,
            "the interrupt descriptor table at 0x0 has room for no vector (limit 0x0)",
        ],
    );
}

#[test]
fn a_table_is_short_by_the_size_of_its_gates() {
    let reasons = |limit: u16, efer: Option<u64>| {
        let mut stage = triple(Some(limit));
        if let Some(efer) = efer {
            stage = stage.with(Register::Efer, efer);
        }
        stage.judge(exception(14)).because.len()
    };
    assert_eq!(reasons(8 * 16 - 1, None), 2, "no gate for vector 8");
    assert_eq!(reasons(9 * 16 - 1, None), 1);
    assert_eq!(reasons(9 * 8 - 1, Some(0)), 1, "gates of 8 bytes suffice");
    assert_eq!(reasons(8 * 8 - 1, Some(0)), 2);
    assert_eq!(reasons(9 * 8 - 1, Some(0x500)), 2);
    assert_eq!(reasons(u16::MAX, None), 1);
}

#[test]
fn a_triple_fault_of_unknown_cause() {
    let verdict = triple(None)
        .code(&[0x48, 0x8b, 0x07])
        .with(Register::Rdi, 0x66_0000)
        .judge(Cause::Unknown);
    check(
        &verdict,
        "certain TripleFault",
        "triple fault: neither an exception nor the double fault after it could be delivered",
        &[STOOD, "the instruction raises a page fault (#PF)"],
    );
    check(
        &triple(None).judge(exception(8)),
        "certain TripleFault",
        "triple fault: neither an exception nor the double fault after it could be delivered",
        &[STOOD],
    );
}

#[test]
fn endings() {
    let check_ending = |ending: Ending, head: &str, sentence: &str, because: &[&str]| {
        let mut stage = Stage::new();
        stage.evidence.ending = ending;
        check(&stage.judge(Cause::Unknown), head, sentence, because);
    };
    check_ending(
        Ending::Stopped,
        "certain NoFault",
        "the machine is stopped; nothing says that it faulted",
        &[],
    );
    check_ending(
        Ending::Reset,
        "certain Reset",
        "the machine reset itself, and not by a triple fault",
        &[],
    );
    check_ending(
        Ending::ResetOfUnknownCause,
        "certain Reset",
        "the machine reset itself; whether by a triple fault is not known",
        &[],
    );
    let halted = "every CPU is halted with interrupts off: nothing will run again";
    check_ending(Ending::Halted, "certain Halted", halted, &[]);
    check_ending(
        Ending::SeemsHalted,
        "likely Halted",
        halted,
        &["each stands right behind an `hlt` with RFLAGS.IF clear"],
    );
    check_ending(
        Ending::TimeLimit,
        "certain TimeLimit",
        "the guest was still running when its time was up",
        &[],
    );
}

/// The guest's own account outranks how the machine stood still after it.
#[test]
fn an_exception_outranks_the_halt_after_it() {
    let mut stage = Stage::new().at(0x66_0000, AddressKind::Unmapped, Some(false));
    stage.evidence.ending = Ending::Halted;
    let verdict = stage.page_fault(0, 0x66_0000);
    check(
        &verdict,
        "certain UnmappedAddress Read ? 0x660000",
        "read at 0x660000, where nothing is mapped",
        &[],
    );
}

fn panic<'a>(message: &'a str, file: &'a str, line: u32) -> Cause<'a> {
    Cause::Panic {
        message,
        file,
        line,
    }
}

#[test]
fn panics_speak_for_themselves() {
    let check_message = |message: &str, head: &str, sentence: &str| {
        check(
            &Stage::new().judge(panic(message, "", 0)),
            head,
            sentence,
            &[],
        );
    };
    check_message(
        "the book is crossed\nbid 5 ask 4",
        "certain Panic",
        "panic: the book is crossed",
    );
    check_message("\n  late\n", "certain Panic", "panic: late");
    check_message("", "certain Panic", "panic without a message");
    let bounds = "index out of bounds: the len is 4 but the index is 9";
    check_message(bounds, "certain IndexOutOfBounds", bounds);
    let range = "range end index 5 out of range for slice of length 3";
    check_message(range, "certain IndexOutOfBounds", range);
}

#[test]
fn panics_are_where_they_say() {
    let frames = || {
        Stage::new()
            .no_frames()
            .frame("panic_handler", Some(("/app/runtime/panic.rs", 5)))
            .frame("Book::insert", Some(("/app/src/book.rs", 88)))
    };
    let place = |file: &str, line: u32, expected: &str| {
        check_place(&frames().judge(panic("x", file, line)), expected);
    };
    place("src/book.rs", 88, "#1 Book::insert /app/src/book.rs:88");
    place("src/book.rs", 86, "#1 Book::insert /app/src/book.rs:86");
    place("src/level.rs", 3, "#0 ? src/level.rs:3");
    place("", 0, "#0 panic_handler /app/runtime/panic.rs:5");
}
