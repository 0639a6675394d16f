//! A guest that was never run: the answers a session would give about a null
//! reference in an order book.

use ukdbg_session::diagnose::{Certainty, Place, Verdict, VerdictKind};
use ukdbg_session::inspect::{FoundBy, Register, StackEnd, Stop, StopReason, VcpuId, VirtAddr};
use ukdbg_session::view::{
    ArgumentView, BacktraceView, DisassemblyLine, DisassemblyView, EventView, ExceptionView,
    FrameView, InstructionView, NextStep, OperandView, RegisterValue, RegistersView, ReportView,
    SourceLine, SourceView, StackOwner, TraceView, Word,
};
use ukdbg_session::{
    FunctionName, LinkAddr, Reply, SessionError, SourceLocation, SourcePath, Untrusted,
};

use crate::tui::engine::Question;

pub(super) fn stop(reason: StopReason) -> Stop {
    Stop {
        vcpu: Some(VcpuId(1)),
        reason,
    }
}

/// Answers as a session would.
pub(super) fn answer(question: &Question) -> Result<Reply, SessionError> {
    Ok(match question {
        Question::Report => Reply::Report(Box::new(report(VerdictKind::NullReference))),
        Question::Backtrace => Reply::Backtraces {
            backtraces: vec![backtrace()],
        },
        Question::Source { frame } => Reply::Source(source(*frame)),
        Question::Registers { frame } => Reply::Registers(registers(*frame)),
        Question::Disassembly { .. } => Reply::Disassembly(disassembly()),
        Question::Trace => Reply::Trace(trace(40)),
        Question::Graph { at } => return Err(SessionError::NoCode { at: *at }),
    })
}

pub(super) fn name(text: &str) -> FunctionName {
    FunctionName {
        linkage: text.into(),
        demangled: text.into(),
    }
}

fn location(path: &str, line: u32) -> SourceLocation {
    SourceLocation {
        file: SourcePath {
            compilation_directory: Some("/build".into()),
            path: path.into(),
        },
        line: std::num::NonZeroU32::new(line),
        column: None,
    }
}

fn frame(index: usize, physical: usize, function: &str, at: SourceLocation) -> FrameView {
    FrameView {
        index,
        physical,
        level: 0,
        pc: VirtAddr(0x10_2a40 + index as u64 * 0x111),
        cfa: Some(VirtAddr(0x20_0f00)),
        module: Some("sample-kernel".to_owned()),
        function: Some(name(function)),
        offset: Some(0x10),
        location: Some(at),
        inlined: false,
        interrupted: false,
        found_by: FoundBy::Cfi,
        arguments: Vec::new(),
        arguments_left_out: false,
    }
}

pub(super) fn backtrace() -> BacktraceView {
    let mut frames = vec![
        frame(
            0,
            0,
            "sample_kernel::faults::null_field::fire",
            location("src/faults/null_field.rs", 24),
        ),
        frame(
            1,
            0,
            "sample_kernel::engine::book::Level::front",
            location("src/engine/book.rs", 131),
        ),
        frame(
            2,
            1,
            "sample_kernel::engine::book::Book::insert",
            location("src/engine/book.rs", 77),
        ),
        frame(
            3,
            2,
            "sample_kernel::engine::Engine::accept",
            location("src/engine/mod.rs", 58),
        ),
        frame(
            4,
            3,
            "sample_kernel::tasks::matcher",
            location("src/tasks.rs", 40),
        ),
    ];
    frames[0].interrupted = true;
    frames[0].inlined = true;
    frames[0].found_by = FoundBy::FaultRecord;
    frames[2].arguments = vec![
        argument("self", "0x201000"),
        argument("order", "Order { id: 17, price: 101 }"),
    ];
    frames[4].function = None;
    frames[4].location = None;
    frames[4].found_by = FoundBy::Scan;
    BacktraceView {
        of: StackOwner::Fault { cpu: 0 },
        frames,
        end: StackEnd::NoRule {
            pc: VirtAddr(0x10_0000),
        },
    }
}

fn argument(name: &str, value: &str) -> ArgumentView {
    ArgumentView {
        name: name.into(),
        value: value.into(),
    }
}

pub(super) fn source(frame: usize) -> SourceView {
    let selected = 24 + frame as u32;
    let line = |number| SourceLine {
        number,
        text: Untrusted::from(match number {
            20 => "/// Reads a field through a reference that is null.".to_owned(),
            21 => "#[inline(never)]".to_owned(),
            22 => "pub fn fire(level: *const Level) -> u64 {".to_owned(),
            _ => format!("\tlet line_{number} = {number};"),
        }),
        selected: number == selected,
    };
    SourceView {
        location: location("src/faults/null_field.rs", selected),
        lines: (1..=60).map(line).collect(),
    }
}

pub(super) fn registers(frame: usize) -> RegistersView {
    let value = |register: &Register| RegisterValue {
        register: *register,
        value: (frame == 0 || (*register as u8).is_multiple_of(3))
            .then_some(Word(0x1000 * *register as u64)),
        points_at: (*register == Register::Rip).then(|| "null_field::fire+0x10".into()),
    };
    RegistersView {
        registers: Register::ALL.iter().map(value).collect(),
        vectors: Vec::new(),
        system: None,
    }
}

fn disassembly() -> DisassemblyView {
    let line = |number: u64| DisassemblyLine {
        address: VirtAddr(0x10_2a00 + number * 4),
        bytes: "488b4718".to_owned(),
        text: format!("mov rax, [rdi+{number:#x}]").into(),
        location: number
            .is_multiple_of(5)
            .then(|| location("src/faults/null_field.rs", number as u32)),
        selected: number == 16,
    };
    DisassemblyView {
        function: Some(name("sample_kernel::faults::null_field::fire")),
        lines: (0..40).map(line).collect(),
    }
}

pub(super) fn trace(count: u64) -> TraceView {
    let event = |number: u64| EventView {
        tsc: 1_000_000 + number * 1_000,
        nanoseconds: Some(2_000_000_000 + number * 1_250),
        cpu: 0,
        name: if number.is_multiple_of(3) {
            "order_matched"
        } else {
            "order_accepted"
        }
        .into(),
        fields: vec![("id".into(), number.to_string().into())],
    };
    TraceView {
        events: (0..count).map(event).collect(),
        lost: 12,
        written: count + 12,
        gaps: Vec::new(),
    }
}

pub(super) fn report(kind: VerdictKind) -> ReportView {
    ReportView {
        verdict: verdict(kind),
        exception: Some(ExceptionView {
            vector: 14,
            mnemonic: Some("#PF"),
            name: "page fault",
            error_code: Some(Word(0)),
            error_bits: vec![
                "not present".to_owned(),
                "read".to_owned(),
                "supervisor".to_owned(),
            ],
            address: Some(VirtAddr(0x18)),
            walk: None,
        }),
        panic: None,
        instruction: Some(InstructionView {
            address: VirtAddr(0x10_2a40),
            text: "mov rax, [rdi+0x18]".into(),
            operands: vec![OperandView {
                text: "rdi".to_owned(),
                value: Some(Word(0)),
                meaning: Some("null".into()),
            }],
        }),
        source: Some(SourceView {
            lines: source(0).lines[20..27].to_vec(),
            ..source(0)
        }),
        backtrace: backtrace(),
        events: Some(trace(6)),
        gaps: vec!["the level's type is not in the debugging information".to_owned()],
        next: vec![
            NextStep::Graph {
                function: "sample_kernel::faults::null_field::fire".into(),
                module: Some("kernel".to_owned()),
                at: Some(LinkAddr(0x10_2a40)),
            },
            NextStep::Trace,
            NextStep::Look,
        ],
    }
}

fn verdict(kind: VerdictKind) -> Verdict {
    Verdict {
        kind,
        certainty: Certainty::Certain,
        sentence: "null reference: fire read 8 bytes at 0x18, a field of a null `level`, at src/faults/null_field.rs:24".into(),
        access: None,
        place: Some(Place {
            frame: 0,
            function: Some(name("sample_kernel::faults::null_field::fire")),
            location: Some(location("src/faults/null_field.rs", 24)),
        }),
        because: vec!["page 0 is never mapped".into()],
    }
}
