//! Protection faults, divide errors, invalid opcodes, double faults.

use ukdbg_inspect::{AddressKind, Register, Registers, VirtAddr};

use super::Stage;
use super::stage::check;
use crate::LoggedException;

const BAD: u64 = 0x8000_0000_0000_1000;
const RULE: &str = "the upper bits of an address must all be copies of the highest one it translates (SDM 1 3.3.7.1)";

fn non_canonical(stage: Stage) -> Stage {
    stage.at(BAD, AddressKind::NonCanonical, Some(false))
}

#[test]
fn data_at_a_non_canonical_address() {
    // mov rax, [rdi]
    let verdict = non_canonical(Stage::new())
        .code(&[0x48, 0x8b, 0x07])
        .with(Register::Rdi, BAD)
        .exception(13, Some(0), None);
    check(
        &verdict,
        "certain NonCanonicalAddress Read 8 0x8000000000001000",
        "read of 8 bytes at the non-canonical address 0x8000000000001000",
        &[RULE],
    );
}

#[test]
fn data_that_runs_into_the_non_canonical_hole() {
    let verdict = Stage::new()
        .code(&[0x48, 0x8b, 0x07])
        .with(Register::Rdi, 0x7fff_ffff_fffc)
        .at(0x7fff_ffff_fffc, AddressKind::Mapped, Some(true))
        .at(0x8000_0000_0003, AddressKind::NonCanonical, Some(false))
        .exception(13, Some(0), None);
    check(
        &verdict,
        "certain NonCanonicalAddress Read 8 0x7ffffffffffc",
        "read of 8 bytes at the non-canonical address 0x7ffffffffffc",
        &[RULE],
    );
}

#[test]
fn control_that_goes_to_a_non_canonical_address() {
    let sentence = "call, jump or return to the non-canonical address 0x8000000000001000";
    let head = "certain NonCanonicalAddress Execute ? 0x8000000000001000";
    let call = non_canonical(Stage::new())
        .code(&[0xff, 0xd0])
        .with(Register::Rax, BAD)
        .with(Register::Rsp, 0x9000)
        .at(0x8ff8, AddressKind::Mapped, Some(true));
    check(&call.exception(13, Some(0), None), head, sentence, &[RULE]);
    // The stage's memory holds its own address in every word.
    let ret = non_canonical(Stage::new())
        .code(&[0xc3])
        .with(Register::Rsp, 0x9000)
        .at(0x9000, AddressKind::NonCanonical, Some(false));
    let verdict = ret.exception(13, Some(0), None);
    assert_eq!(
        verdict.access.map(|access| access.address),
        Some(VirtAddr(0x9000))
    );
    // Some processors and emulators go there first.
    let gone = non_canonical(Stage::new()).with(Register::Rip, BAD);
    check(&gone.exception(13, Some(0), None), head, sentence, &[RULE]);
}

const ALIGNED: &str = "the instruction faults unless its operand is aligned to 16 bytes";
const STACK: &str = "the operand is on the stack: compilers count on a stack pointer that is a multiple of 16 at every call (System V psABI 3.2.2)";

fn misaligned(code: &[u8], register: Register, value: u64) -> Stage {
    Stage::new()
        .code(code)
        .with(register, value)
        .at(value, AddressKind::Mapped, Some(true))
        .at(value + 15, AddressKind::Mapped, Some(true))
}

#[test]
fn operands_that_are_not_aligned() {
    // movaps [rsp], xmm0
    let spill = misaligned(&[0x0f, 0x29, 0x04, 0x24], Register::Rsp, 0x9008);
    check(
        &spill.exception(13, Some(0), None),
        "certain MisalignedAccess Write 16 0x9008",
        "write of 16 bytes at 0x9008, which is not a multiple of 16",
        &[ALIGNED, STACK],
    );
    // paddd xmm0, [rdi]
    let sum = misaligned(&[0x66, 0x0f, 0xfe, 0x07], Register::Rdi, 0x5004);
    check(
        &sum.exception(13, None, None),
        "certain MisalignedAccess Read 16 0x5004",
        "read of 16 bytes at 0x5004, which is not a multiple of 16",
        &[ALIGNED],
    );
}

/// Kernels without an interrupt descriptor table meet it like this.
#[test]
fn a_triple_fault_over_an_operand_that_is_not_aligned() {
    let mut spill = misaligned(&[0x0f, 0x29, 0x04, 0x24], Register::Rsp, 0x9008);
    spill.evidence.ending = crate::Ending::TripleFault;
    let verdict = spill.exception(13, Some(0), None);
    assert_eq!(verdict.kind, crate::VerdictKind::TripleFault);
    let because: Vec<&str> = verdict
        .because
        .iter()
        .map(ukdbg_image::Untrusted::raw)
        .collect();
    let first = "the first: write of 16 bytes at 0x9008, which is not a multiple of 16";
    assert_eq!(because[1..], [first, ALIGNED, STACK]);
}

#[test]
fn aligned_operands_are_not_to_blame() {
    let other = |stage: Stage, vector: u8, code: Option<u64>| {
        let kind = stage.exception(vector, code, None).kind;
        assert_eq!(kind, crate::VerdictKind::Exception);
    };
    let movaps = [0x0f, 0x29, 0x07];
    other(misaligned(&movaps, Register::Rdi, 0x5000), 13, Some(0));
    // A selector, or a stack fault, is another matter.
    other(misaligned(&movaps, Register::Rdi, 0x5004), 13, Some(0x28));
    other(misaligned(&movaps, Register::Rdi, 0x5004), 12, Some(0));
    // movups [rdi], xmm0
    let movups = [0x0f, 0x11, 0x07];
    other(misaligned(&movups, Register::Rdi, 0x5004), 13, Some(0));
    // The register is not known.
    other(misaligned(&movaps, Register::Rsi, 0x5004), 13, Some(0));
}

#[test]
fn selectors() {
    let check_code = |vector: u8, code: u64, sentence: &str| {
        let verdict = Stage::new().exception(vector, Some(code), None);
        check(&verdict, "certain Exception", sentence, &[]);
    };
    check_code(13, 0, "general protection fault (#GP)");
    check_code(
        13,
        0x28,
        "general protection fault (#GP) because of entry 5 of the GDT (selector 0x28)",
    );
    check_code(
        11,
        0x2c,
        "segment not present (#NP) because of entry 5 of the LDT (selector 0x2c)",
    );
    check_code(
        13,
        0x20 * 8 + 3,
        "general protection fault (#GP) because of the gate of vector 32 in the IDT, while an event from outside was delivered",
    );
    check_code(
        12,
        0xfff8,
        "stack-segment fault (#SS) because of entry 8191 of the GDT (selector 0xfff8)",
    );
    let unknown = Stage::new().exception(13, None, None);
    check(
        &unknown,
        "certain Exception",
        "general protection fault (#GP)",
        &[],
    );
}

#[test]
fn divide_errors() {
    let divide = |code: &[u8], divisor: u64| {
        Stage::new()
            .code(code)
            .with(Register::Rcx, divisor)
            .exception(0, None, None)
    };
    let head = "certain DivideError";
    let div = [0x48, 0xf7, 0xf1];
    check(&divide(&div, 0), head, "division by zero", &[]);
    check(
        &divide(&div, 3),
        head,
        "division by 3, whose quotient does not fit its register",
        &[],
    );
    check(
        &divide(&[0xf7, 0xf9], 0xffff_ffff),
        head,
        "division by -1, whose quotient does not fit its register",
        &[],
    );
    check(
        &Stage::new().exception(0, None, None),
        head,
        "division by zero, or a quotient that does not fit",
        &[],
    );
}

#[test]
fn invalid_opcodes() {
    let head = "certain InvalidInstruction";
    check(
        &Stage::new().code(&[0x0f, 0x0b]).exception(6, None, None),
        head,
        "execution of a deliberate trap (`ud2`)",
        &[
            "compilers place it where control must never get: after a call that does not return, or in an unreachable branch",
        ],
    );
    check(
        &Stage::new()
            .code(&[0x0f, 0x01, 0xd0])
            .exception(6, None, None),
        head,
        "execution of an instruction that the processor refuses",
        &["it needs a feature that is missing or switched off, or a prefix it does not allow"],
    );
    check(
        &Stage::new().exception(6, None, None),
        head,
        "execution of bytes that the processor takes for no instruction",
        &[],
    );
}

#[test]
fn a_double_fault_says_what_came_first() {
    let store = || {
        Stage::new()
            .code(&[0x48, 0x89, 0x07])
            .with(Register::Rdi, 0x66_0000)
    };
    let seen = store().with(Register::Rsp, 0x66_8000);
    check(
        &seen.exception(8, Some(0), Some(0x66_0000)),
        "certain DoubleFault",
        "double fault: an exception came while another was delivered",
        &[
            "the interrupted instruction raises a page fault (#PF), likely the first of the two",
            "the stack pointer 0x668000 points where nothing is mapped",
            "the last page fault was at 0x660000",
        ],
    );
    let mut logged = Stage::new();
    logged.evidence.exceptions.push(LoggedException {
        vector: 6,
        error_code: 0,
        cr2: None,
        registers: Registers::default(),
    });
    check(
        &logged.exception(8, Some(0), None),
        "certain DoubleFault",
        "double fault: another exception came while an invalid opcode (#UD) was delivered",
        &[],
    );
    let bad = store()
        .with(Register::Rdi, BAD)
        .at(BAD, AddressKind::NonCanonical, Some(false));
    let verdict = bad.exception(8, Some(0), Some(0));
    assert_eq!(
        verdict.because[0].raw(),
        "the interrupted instruction raises a general protection fault (#GP), likely the first of the two"
    );
}

#[test]
fn other_vectors() {
    let check_vector = |vector: u8, sentence: &str| {
        let verdict = Stage::new().exception(vector, Some(0), None);
        check(&verdict, "certain Exception", sentence, &[]);
    };
    check_vector(16, "x87 floating-point error (#MF)");
    check_vector(33, "interrupt 33");
    check_vector(255, "interrupt 255");
}
