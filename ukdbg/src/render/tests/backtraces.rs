//! Backtraces: what a line says, and how recursion is folded.

use ukdbg_session::inspect::{FoundBy, StackEnd, VcpuId, VirtAddr};
use ukdbg_session::view::{FrameView, StackOwner};

use super::views::{argument, backtrace, frame};
use crate::render::{Styles, backtraces};

fn text(frames: Vec<FrameView>, end: StackEnd) -> String {
    backtraces(&[backtrace(frames, end)], Styles::PLAIN)
}

#[test]
fn what_a_line_says() {
    let check = |frame: FrameView, expected: &str| {
        assert_eq!(
            text(vec![frame], StackEnd::Root),
            format!("#0   {expected}\n")
        );
    };
    let plain = || frame("Book::insert", 0x10_0000);
    check(plain(), "Book::insert at src/book.rs:88");
    check(
        FrameView {
            arguments: vec![argument("self", "0x5000"), argument("price", "7")],
            ..plain()
        },
        "Book::insert(self=0x5000, price=7) at src/book.rs:88",
    );
    check(
        FrameView {
            arguments_left_out: true,
            ..plain()
        },
        "Book::insert(…) at src/book.rs:88",
    );
    check(
        FrameView {
            location: None,
            ..plain()
        },
        "Book::insert +0x4 at 0x100000",
    );
    check(
        FrameView {
            location: None,
            function: None,
            offset: None,
            ..plain()
        },
        "0x100000 (no symbol)",
    );
    check(
        FrameView {
            inlined: true,
            interrupted: true,
            ..plain()
        },
        "Book::insert at src/book.rs:88 [inlined] [interrupted]",
    );
    check(
        FrameView {
            found_by: FoundBy::Scan,
            ..plain()
        },
        "Book::insert at src/book.rs:88 [a guess: a scan of the stack found it]",
    );
}

#[test]
fn an_end_that_is_none_is_named() {
    let check = |end: StackEnd, expected: &str| {
        let text = text(vec![frame("main", 1)], end);
        let end: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
        assert_eq!(end, [expected]);
    };
    check(
        StackEnd::Truncated {
            at: VirtAddr(0x8000),
        },
        "the backtrace is cut short: the stack at 0x8000 cannot be read",
    );
    check(
        StackEnd::NoRule { pc: VirtAddr(9) },
        "the backtrace is cut short: nothing says who called 0x9",
    );
    check(
        StackEnd::Limit { frames: 10_000 },
        "the backtrace is cut at its limit of 10000 frames",
    );
    check(
        StackEnd::Loop {
            cfa: VirtAddr(0x8000),
        },
        "the backtrace ends: the frame at 0x8000 comes again, the stack is damaged",
    );
}

/// Frames of one letter each, told by number and letter; a fold is `…` with
/// the frames folded and the last of them.
fn folded(letters: &str) -> Vec<String> {
    let frames = letters
        .chars()
        .map(|letter| frame(&letter.to_string(), u64::from(u32::from(letter))))
        .collect();
    text(frames, StackEnd::Root)
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["…", count, .., last] => format!("…{count}{last}"),
                [number, letter, ..] => format!("{number}{letter}"),
                _ => line.to_owned(),
            }
        })
        .collect()
}

#[test]
fn recursion_is_folded() {
    let check =
        |letters: &str, expected: &[&str]| assert_eq!(folded(letters), expected, "{letters}");
    check("aaab", &["#0a", "#1a", "#2a", "#3b"]);
    check(
        "aaaaaaab",
        &["#0a", "#1a", "#2a", "#3a", "#4a", "#5a", "#6a", "#7b"],
    );
    check("xaaaaaaaab", &["#0x", "#1a", "#2a", "#3a", "…5#8", "#9b"]);
    // Two and four functions that call each other.
    check("abababababz", &["#0a", "#1b", "#2a", "…7#9", "#10z"]);
    check(
        "abcdabcdabcdz",
        &["#0a", "#1b", "#2c", "#3d", "…8#11", "#12z"],
    );
    // What comes back without a period is not folded.
    let unfolded = folded("abcabdabeabf");
    assert_eq!(unfolded.len(), 12, "{unfolded:?}");
}

#[test]
fn a_recursion_at_the_end_is_folded_to_its_last_frame() {
    let lines = folded(&"a".repeat(10_000));
    assert_eq!(lines, ["#0a", "#1a", "#2a", "…9997#9999"]);
}

#[test]
fn several_stacks_have_headings() {
    let mut other = backtrace(vec![frame("idle", 2)], StackEnd::Root);
    other.of = StackOwner::Task {
        name: "reporter".into(),
    };
    let first = backtrace(vec![frame("main", 1)], StackEnd::Root);
    assert_eq!(first.of, StackOwner::Cpu { id: VcpuId(0) });
    assert_eq!(
        backtraces(&[first, other], Styles::PLAIN),
        "CPU 0\n#0   main at src/book.rs:88\n\ntask reporter\n#0   idle at src/book.rs:88\n"
    );
}
