//! Views made by hand.

use std::num::NonZeroU32;

use ukdbg_session::diagnose::{Certainty, FailedAccess, Place, Verdict, VerdictKind};
use ukdbg_session::inspect::{AccessKind, FoundBy, StackEnd, VcpuId, VirtAddr};
use ukdbg_session::view::{
    ArgumentView, BacktraceView, EventView, ExceptionView, FrameView, InstructionView, NextStep,
    OperandView, ReportView, SourceLine, SourceView, StackOwner, TraceView, Word,
};
use ukdbg_session::{FunctionName, LinkAddr, SourceLocation, SourcePath};

pub(super) fn name(text: &str) -> FunctionName {
    FunctionName {
        linkage: text.into(),
        demangled: text.into(),
    }
}

pub(super) fn location(path: &str, line: u32) -> SourceLocation {
    SourceLocation {
        file: SourcePath {
            compilation_directory: Some("/app".into()),
            path: path.into(),
        },
        line: NonZeroU32::new(line),
        column: None,
    }
}

pub(super) fn frame(function: &str, pc: u64) -> FrameView {
    FrameView {
        index: 0,
        physical: 0,
        level: 0,
        pc: VirtAddr(pc),
        cfa: None,
        module: Some("kernel".to_owned()),
        function: Some(name(function)),
        offset: Some(4),
        location: Some(location("/app/src/book.rs", 88)),
        inlined: false,
        interrupted: false,
        found_by: FoundBy::Cfi,
        arguments: Vec::new(),
        arguments_left_out: false,
    }
}

pub(super) fn argument(name: &str, value: &str) -> ArgumentView {
    ArgumentView {
        name: name.into(),
        value: value.into(),
    }
}

/// Frames in order, numbered.
pub(super) fn backtrace(mut frames: Vec<FrameView>, end: StackEnd) -> BacktraceView {
    for (index, frame) in frames.iter_mut().enumerate() {
        frame.index = index;
        frame.physical = index;
    }
    BacktraceView {
        of: StackOwner::Cpu { id: VcpuId(0) },
        frames,
        end,
    }
}

pub(super) fn event(text: &str, nanoseconds: Option<u64>, value: &str) -> EventView {
    EventView {
        tsc: 123_456,
        nanoseconds,
        cpu: 0,
        name: text.into(),
        fields: vec![("id".into(), value.into())],
    }
}

/// A report in which every part has something to say.
pub(super) fn report() -> ReportView {
    ReportView {
        verdict: Verdict {
            kind: VerdictKind::NullReference,
            certainty: Certainty::Likely,
            sentence: "read of 8 bytes at 0x18: the field at offset 24 of a null reference".into(),
            access: Some(FailedAccess {
                kind: AccessKind::Read,
                size: Some(8),
                address: VirtAddr(0x18),
            }),
            place: Some(Place {
                frame: 0,
                function: Some(name("Book::insert")),
                location: Some(location("/app/src/book.rs", 88)),
            }),
            because: vec!["the address is in the page at 0".into()],
        },
        exception: Some(ExceptionView {
            vector: 14,
            mnemonic: Some("#PF"),
            name: "page fault",
            error_code: Some(Word(0)),
            error_bits: vec!["read".to_owned(), "no page is present".to_owned()],
            address: Some(VirtAddr(0x18)),
            walk: None,
        }),
        panic: None,
        instruction: Some(InstructionView {
            address: VirtAddr(0x10_0000),
            text: "mov rax,[rdi+18h]".into(),
            operands: vec![
                OperandView {
                    text: "rdi".to_owned(),
                    value: Some(Word(0)),
                    meaning: None,
                },
                OperandView {
                    text: "reads 8 bytes at".to_owned(),
                    value: None,
                    meaning: Some("stack of `matcher`".into()),
                },
            ],
        }),
        source: Some(SourceView {
            location: location("/app/src/book.rs", 88),
            lines: vec![line(87, "fn insert() {"), line(88, "\tlevel.price")],
        }),
        backtrace: backtrace(
            vec![frame("Book::insert", 0x10_0000), frame("main", 0x10_2000)],
            StackEnd::Root,
        ),
        events: Some(TraceView {
            events: vec![
                event("order_accepted", Some(1_500_000), "7"),
                event("free", None, "8"),
            ],
            lost: 3,
            written: 5,
            gaps: vec!["cpu0: 1 slots from index 4 on are not laid out as an event".to_owned()],
        }),
        gaps: vec!["the heap ledger cannot be read".to_owned()],
        next: vec![
            NextStep::Graph {
                function: "Book::insert".into(),
                module: Some("kernel.elf".to_owned()),
                at: Some(LinkAddr(0x10_0000)),
            },
            NextStep::Trace,
            NextStep::Look,
        ],
    }
}

fn line(number: u32, text: &str) -> SourceLine {
    SourceLine {
        number,
        text: text.into(),
        selected: number == 88,
    }
}
