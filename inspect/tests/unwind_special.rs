//! Backtraces where no compiler's rules lead on: traps, bad pointers, broken
//! and endless stacks, tasks that do not run.

mod support;

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use support::{Ranges, available, compile, load, modules, symbol};
use ukdbg_image::{CodeAddr, Image, Untrusted};
use ukdbg_inspect::{
    Backtrace, FoundBy, Register, Registers, Stack, StackEnd, StackUse, Unwinder, VirtAddr,
};

static IMAGE: LazyLock<Arc<Image<'static>>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("there is room");
    load(&compile(directory.path(), "traps.s", &[]))
});

const MAIN: u64 = 0x7000_0000;
const TRAP: u64 = 0x1000_0000;
const RFLAGS: u64 = 0x202;

fn at(name: &str) -> u64 {
    symbol(&IMAGE, name)
}

fn registers(pc: u64, sp: u64) -> Registers {
    let mut registers = Registers::default();
    registers.set(Register::Rip, pc);
    registers.set(Register::Rsp, sp);
    registers
}

fn unwind(registers: &Registers, mut memory: Ranges) -> Backtrace {
    Unwinder::new(&modules(&IMAGE)).unwind(registers, FoundBy::Stop, &mut memory)
}

fn shape(backtrace: &Backtrace) -> Vec<(u64, FoundBy)> {
    backtrace
        .frames
        .iter()
        .map(|frame| (frame.pc.address().0, frame.found_by))
        .collect()
}

/// `inner` interrupted behind its push, called by `outer`, by `_start`.
fn main_stack() -> Ranges {
    Ranges::default().with_words(MAIN, &[0xbbbb, at("outer_return"), at("start_return"), 0])
}

/// The rest of a backtrace from there.
fn main_frames() -> Vec<(u64, FoundBy)> {
    vec![
        (at("outer_return"), FoundBy::Cfi),
        (at("start_return"), FoundBy::Cfi),
    ]
}

fn check_stub(stub: &str, padding: usize) {
    let mut words = vec![at(&format!("{stub}_return"))];
    words.extend(vec![0x5555; padding]);
    // rbx, rax, error code, then the processor's frame.
    words.extend([0xb0b0, 0xa0a0, 0xe0e0]);
    words.extend([at("inner_interrupted"), 8, RFLAGS, MAIN, 0x10]);
    let memory = main_stack().with_words(TRAP, &words);
    let got = unwind(&registers(at("handler"), TRAP), memory);
    let mut want = vec![
        (at("handler"), FoundBy::Stop),
        (at(&format!("{stub}_return")), FoundBy::Cfi),
        (at("inner_interrupted"), FoundBy::TrapFrame),
    ];
    want.extend(main_frames());
    assert_eq!(shape(&got), want, "{stub}");
    assert_eq!(got.end, StackEnd::Root);
    let inner = &got.frames[2];
    assert!(inner.interrupted);
    assert!(matches!(inner.pc, CodeAddr::Exact(_)));
    let value = |register| inner.registers.get(register);
    assert_eq!(value(Register::Rax), Some(0xa0a0));
    assert_eq!(value(Register::Rbx), Some(0xb0b0));
    assert_eq!(value(Register::Rsp), Some(MAIN));
    assert_eq!(value(Register::Rflags), Some(RFLAGS));
    assert_eq!(value(Register::Rcx), None);
    // Pushed by `inner` itself.
    assert_eq!(got.frames[3].registers.get(Register::Rbx), Some(0xbbbb));
}

#[test]
fn traps_are_recognised_with_and_without_rules() {
    if !available(&["gcc"]) {
        return;
    }
    check_stub("marked", 0);
    check_stub("unmarked", 0);
    check_stub("bare", 8);
    check_stub("mistaken", 0);
}

#[test]
fn a_trap_in_a_trap_handler() {
    if !available(&["gcc"]) {
        return;
    }
    let frame = |pc: u64, sp: u64| [0xb0b0, 0xa0a0, 0xe0e0, pc, 8, RFLAGS, sp, 0x10];
    let mut first = vec![at("marked_return")];
    first.extend(frame(at("inner_interrupted"), MAIN));
    let mut second = vec![at("bare_return")];
    second.extend([0; 8]);
    second.extend(frame(at("handler"), TRAP));
    let memory = main_stack()
        .with_words(TRAP, &first)
        .with_words(TRAP / 2, &second);
    let got = unwind(&registers(at("handler"), TRAP / 2), memory);
    let interrupted = got.frames.iter().filter(|frame| frame.interrupted).count();
    assert_eq!((got.frames.len(), interrupted), (7, 2));
    assert_eq!(got.end, StackEnd::Root);
}

#[test]
fn calls_through_bad_pointers() {
    if !available(&["gcc"]) {
        return;
    }
    let check = |pc: u64| {
        let memory = Ranges::default().with_words(MAIN, &[at("outer_return"), at("start_return")]);
        let got = unwind(&registers(pc, MAIN), memory);
        let want = [
            (pc, FoundBy::Stop),
            (at("outer_return"), FoundBy::ReturnAddress),
            (at("start_return"), FoundBy::Cfi),
        ];
        assert_eq!(shape(&got), want, "{pc:#x}");
        assert_eq!(got.end, StackEnd::Root);
    };
    for pc in [0, 8, 0x8000_0000_0000, u64::MAX, at("data"), MAIN] {
        check(pc);
    }
}

#[test]
fn a_wild_jump_leaves_only_a_guess() {
    if !available(&["gcc"]) {
        return;
    }
    let memory = Ranges::default().with_words(MAIN, &[7, 8, at("outer"), at("outer_return"), 9]);
    let got = unwind(&registers(0, MAIN), memory);
    let want = [
        (0, FoundBy::Stop),
        (at("outer_return"), FoundBy::Scan),
        (9, FoundBy::Cfi),
    ];
    assert_eq!(shape(&got), want);
    assert_eq!(got.end, StackEnd::NoRule { pc: VirtAddr(9) });
}

#[test]
fn broken_stacks_end_where_they_break() {
    if !available(&["gcc"]) {
        return;
    }
    let check = |pc: &str, words: &[u64], frames: usize, end: StackEnd| {
        let memory = Ranges::default().with_words(MAIN, words);
        let mut registers = registers(at(pc), MAIN);
        registers.set(Register::Rbp, MAIN + 16);
        let got = unwind(&registers, memory);
        assert_eq!((got.frames.len(), &got.end), (frames, &end), "{got:x?}");
    };
    let smashed = 0x4141_4141_4141_4141;
    let pc = VirtAddr(smashed);
    check("outer", &[smashed], 2, StackEnd::NoRule { pc });
    let beyond = VirtAddr(MAIN + 8);
    check(
        "outer",
        &[at("outer_return")],
        2,
        StackEnd::Truncated { at: beyond },
    );
    let nothing = VirtAddr(MAIN);
    check("outer", &[], 1, StackEnd::Truncated { at: nothing });
    check("outer", &[0], 1, StackEnd::Root);
    // A frame pointer that points at itself.
    let words = [0, 0, MAIN + 16, at("rules_by_rbp_return"), 0];
    let cfa = VirtAddr(MAIN + 32);
    check("rules_by_rbp_return", &words, 2, StackEnd::Loop { cfa });
    // One that points back.
    let words = [MAIN, 0, MAIN - 16, at("rules_by_rbp_return"), 0];
    let cfa = VirtAddr(MAIN);
    check("rules_by_rbp_return", &words, 2, StackEnd::Loop { cfa });
}

/// A return address of 0 ends a stack only where its first frame is.
#[test]
fn a_zeroed_stack_is_not_at_its_end() {
    if !available(&["gcc"]) {
        return;
    }
    let check = |high: u64, frames: usize, end: StackEnd| {
        let stacks = [Stack {
            index: 0,
            name: Untrusted::from("main"),
            usage: StackUse::Task,
            alive: true,
            low: VirtAddr(MAIN - 0x1000),
            high: VirtAddr(high),
            guard_size: 0,
            saved_rsp: None,
        }];
        let mut memory = Ranges::default().with_words(MAIN, &[at("outer_return"), 0, 0, 0]);
        let got = Unwinder::new(&modules(&IMAGE)).with_stacks(&stacks).unwind(
            &registers(at("outer"), MAIN),
            FoundBy::Stop,
            &mut memory,
        );
        assert_eq!((got.frames.len(), &got.end), (frames, &end), "{got:x?}");
    };
    let zero = VirtAddr(0);
    check(MAIN + 0x4000, 3, StackEnd::NoRule { pc: zero });
    check(MAIN + 0x40, 2, StackEnd::Root);
    check(MAIN + 0x10, 2, StackEnd::Root);
    // The table speaks of another stack.
    check(MAIN - 0x800, 2, StackEnd::Root);
}

#[test]
fn endless_recursion_ends_at_the_limit() {
    if !available(&["gcc"]) {
        return;
    }
    let words: Vec<u64> = vec![at("outer_return"); 20_000];
    let memory = Ranges::default().with_words(MAIN, &words);
    let mut registers = registers(at("outer"), MAIN);
    let got = unwind(&registers, memory.clone());
    assert_eq!(got.frames.len(), 10_000);
    assert_eq!(got.end, StackEnd::Limit { frames: 10_000 });
    registers.set(Register::Rip, 0);
    let modules = modules(&IMAGE);
    let few = Unwinder::new(&modules).with_limit(3);
    let got = few.unwind(&registers, FoundBy::Stop, &mut memory.clone());
    assert_eq!(got.frames.len(), 3);
}

#[test]
fn functions_that_never_return() {
    if !available(&["gcc"]) {
        return;
    }
    // handler, called by keeper, called by caller_of_keeper, whose return
    // addresses lie behind their functions' ends.
    let words = [
        at("keeper_return"),
        1,
        2,
        3,
        4,
        5,
        0xbbbb,
        0,
        at("caller_of_keeper_return"),
        0xaaaa,
        at("start_return"),
    ];
    let memory = Ranges::default().with_words(MAIN, &words);
    let mut regs = registers(at("handler"), MAIN);
    regs.set(Register::Rbp, MAIN + 7 * 8);
    let got = unwind(&regs, memory.clone());
    let want = [
        (at("handler"), FoundBy::Stop),
        (at("keeper_return"), FoundBy::Cfi),
        (at("caller_of_keeper_return"), FoundBy::FramePointer),
        (at("start_return"), FoundBy::Cfi),
    ];
    assert_eq!((shape(&got), got.end), (want.to_vec(), StackEnd::Root));
    // Stopped inside, and at the entry, before there is a frame pointer.
    let mut inside = registers(at("keeper_stopped"), MAIN + 8);
    inside.set(Register::Rbp, MAIN + 7 * 8);
    let got = unwind(&inside, memory.clone());
    assert_eq!(
        shape(&got)[1..],
        [
            (at("caller_of_keeper_return"), FoundBy::Code),
            (at("start_return"), FoundBy::Cfi),
        ]
    );
    assert_eq!(got.frames[1].registers.get(Register::Rbx), Some(0xbbbb));
    let mut entry = registers(at("keeper"), MAIN + 8 * 8);
    entry.set(Register::Rbp, 0x1234);
    let got = unwind(&entry, memory);
    assert_eq!(shape(&got)[1].1, FoundBy::Code);
    assert_eq!(got.frames[1].registers.get(Register::Rbp), Some(0x1234));
}

#[test]
fn rules_that_are_expressions() {
    if !available(&["gcc"]) {
        return;
    }
    let words = [0xbbbb, at("outer_return"), at("start_return")];
    let memory = Ranges::default().with_words(MAIN, &words);
    let got = unwind(&registers(at("expressive"), MAIN), memory);
    let mut want = vec![(at("expressive"), FoundBy::Stop)];
    want.extend(main_frames());
    assert_eq!((shape(&got), got.end), (want, StackEnd::Root));
    let value = |register| got.frames[1].registers.get(register);
    assert_eq!(value(Register::Rbx), Some(0xbbbb));
    assert_eq!(value(Register::R12), Some(MAIN + 24));
}

#[test]
fn code_that_loads_its_own_stack_is_outermost() {
    if !available(&["gcc"]) {
        return;
    }
    let memory = Ranges::default().with_words(MAIN, &[at("booter_return"), at("outer_return")]);
    let got = unwind(&registers(at("handler"), MAIN), memory);
    assert_eq!((got.frames.len(), got.end), (2, StackEnd::Root));
}

#[test]
fn boot_code_has_words_of_32_bits() {
    if !available(&["gcc"]) {
        return;
    }
    let early = at("early_return");
    let half = |low: u64, high: u64| low | high << 32;
    let memory = Ranges::default().with_words(MAIN, &[half(MAIN + 8, early), half(0, early)]);
    let mut regs = registers(early, MAIN);
    regs.set(Register::Rbp, MAIN);
    regs.set(Register::Efer, 0);
    let got = unwind(&regs, memory);
    let callers: Vec<u64> = shape(&got)[1..].iter().map(|&(pc, _)| pc).collect();
    assert_eq!((callers, got.end), (vec![early, early], StackEnd::Root));
}

#[test]
fn tasks_that_do_not_run() {
    if !available(&["gcc"]) {
        return;
    }
    // r15 r14 r13 r12 rbx rbp, the return address.
    let words = [
        15,
        14,
        13,
        12,
        0xbb,
        0xbbb,
        at("outer_return"),
        at("start_return"),
    ];
    let mut memory = Ranges::default().with_words(MAIN, &words);
    let mut stack = Stack {
        index: 0,
        name: Untrusted::from("task"),
        usage: StackUse::Task,
        alive: true,
        low: VirtAddr(MAIN),
        high: VirtAddr(MAIN + 64),
        guard_size: 0,
        saved_rsp: Some(VirtAddr(MAIN)),
    };
    let modules = modules(&IMAGE);
    let unwinder = Unwinder::new(&modules);
    let machine = Registers::default();
    let got = unwinder.unwind_task(&stack, &machine, &mut memory).unwrap();
    let want = [
        (at("outer_return"), FoundBy::SwitchFrame),
        (at("start_return"), FoundBy::Cfi),
    ];
    assert_eq!((shape(&got), &got.end), (want.to_vec(), &StackEnd::Root));
    assert_eq!(got.frames[0].registers.get(Register::R12), Some(12));
    stack.saved_rsp = Some(VirtAddr(u64::MAX - 8));
    let lost = unwinder.unwind_task(&stack, &machine, &mut memory).unwrap();
    assert!(lost.frames.is_empty());
    stack.saved_rsp = None;
    assert!(
        unwinder
            .unwind_task(&stack, &machine, &mut memory)
            .is_none()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any registers over any stack, most of it made of what misleads: the
    /// backtrace ends.
    #[test]
    fn any_stack_ends(
        words in proptest::collection::vec((0_u8..6, any::<u64>()), 0..400),
        pc in (0_u8..6, any::<u64>()),
        sp in (0_u8..6, any::<u64>()),
        rbp in (0_u8..6, any::<u64>()),
        efer: Option<u64>,
    ) {
        if !available(&["gcc"]) {
            return Ok(());
        }
        let text = at("_start");
        let names = [
            "outer_return", "bare_return", "mistaken_return", "rules_by_rbp_return",
            "caller_of_keeper_return", "keeper_return", "unmarked_return", "start_return",
        ];
        let value = |(kind, value): (u8, u64)| match kind {
            0 => value,
            1 => text + value % 400,
            2 => at(names[(value % 8) as usize]),
            3 => MAIN + value % 3200,
            4 => MAIN + value % 400 * 8,
            _ => value % 64,
        };
        let words: Vec<u64> = words.into_iter().map(value).collect();
        let mut registers = registers(value(pc), value(sp));
        registers.set(Register::Rbp, value(rbp));
        if let Some(efer) = efer {
            registers.set(Register::Efer, efer);
        }
        let got = unwind(&registers, Ranges::default().with_words(MAIN, &words));
        prop_assert!(!got.frames.is_empty() && got.frames.len() <= 10_000);
    }
}
