//! Backtraces at every instruction of a small program, against GDB's. The
//! image we unwind with is poorer than GDB's where the shape says so: its
//! call frame information is taken away after GDB's is linked in.

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Ranges, available, compile, load, modules, run, source};
use ukdbg_image::CodeAddr;
use ukdbg_inspect::{FoundBy, Register, Registers, StackEnd, Unwinder};

/// One stop as GDB saw it.
struct Snapshot {
    registers: Registers,
    stack: Ranges,
    /// pc, stack pointer, rbx and rbp of every frame.
    frames: Vec<[u64; 4]>,
}

/// How the image we get differs from GDB's.
enum Without {
    Nothing,
    CallFrames,
    Everything,
}

fn snapshots(program: &Path) -> Vec<Snapshot> {
    let text = run(Command::new("gdb")
        .args(["-nx", "-batch", "-x"])
        .args([&source("frames.py"), program]));
    text.lines()
        .filter_map(|line| line.strip_prefix("SNAPSHOT "))
        .map(|line| snapshot(&serde_json::from_str(line).expect("frames.py prints JSON")))
        .collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("frames.py prints numbers")
}

fn snapshot(value: &Value) -> Snapshot {
    let mut registers = Registers::default();
    for register in Register::ALL {
        if let Some(value) = value["registers"][register.name()].as_u64() {
            registers.set(register, value);
        }
    }
    let hex = value["stack"].as_str().expect("frames.py prints it");
    let bytes = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"));
    let frames = value["frames"].as_array().expect("frames.py prints it");
    Snapshot {
        registers,
        stack: Ranges(vec![(number(&value["stack_at"]), bytes.collect())]),
        frames: frames
            .iter()
            .map(|frame| std::array::from_fn(|index| number(&frame[index])))
            .collect(),
    }
}

/// Every frame of every stop: pc, stack pointer, and the frame pointer and
/// rbx where we claim to know them.
fn check(flags: &[&str], without: Without, found_by: &[FoundBy]) {
    let directory = tempfile::tempdir().expect("there is room");
    let program = compile(directory.path(), "program.c", flags);
    let snapshots = snapshots(&program);
    assert!(snapshots.len() > 300, "{} stops", snapshots.len());
    let sections: &[&str] = match without {
        Without::Nothing => &[],
        Without::CallFrames => &[".eh_frame", ".debug_frame"],
        Without::Everything => &[".eh_frame", ".debug_*"],
    };
    for section in sections {
        run(Command::new("objcopy")
            .args(["--wildcard", "-R", section])
            .arg(&program));
    }
    let modules = modules(&load(&program));
    let mut wrong = Vec::new();
    for mut snapshot in snapshots {
        let unwinder = Unwinder::new(&modules);
        let got = unwinder.unwind(&snapshot.registers, FoundBy::Stop, &mut snapshot.stack);
        let frames: Vec<[u64; 2]> = got
            .frames
            .iter()
            .map(|frame| {
                [
                    frame.pc.address().0,
                    frame.registers.sp().map_or(0, |sp| sp.0),
                ]
            })
            .collect();
        let want: Vec<[u64; 2]> = snapshot
            .frames
            .iter()
            .map(|&[pc, sp, ..]| [pc, sp])
            .collect();
        if frames != want || got.end != StackEnd::Root {
            wrong.push(format!("{frames:#x?} {:?}\nwant {want:#x?}", got.end));
            continue;
        }
        for (frame, want) in got.frames.iter().zip(&snapshot.frames) {
            let rbx = frame.registers.get(Register::Rbx);
            let rbp = frame.registers.get(Register::Rbp);
            assert!(rbx.is_none_or(|rbx| rbx == want[2]), "{frame:?} {want:x?}");
            assert!(rbp.is_none_or(|rbp| rbp == want[3]), "{frame:?} {want:x?}");
        }
        for frame in &got.frames[1..] {
            assert!(found_by.contains(&frame.found_by), "{frame:?}");
            assert!(matches!(frame.pc, CodeAddr::Return(_)));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} stops differ, the first:\n{}",
        wrong.len(),
        wrong[0]
    );
}

const BY_CODE: &[FoundBy] = &[FoundBy::Code, FoundBy::FramePointer];

#[test]
fn eh_frame() {
    if !available(&["gcc", "gdb", "objcopy"]) {
        return;
    }
    check(&["-O2"], Without::Nothing, &[FoundBy::Cfi]);
    check(&["-O0"], Without::Nothing, &[FoundBy::Cfi]);
}

#[test]
fn debug_frame_only() {
    if !available(&["gcc", "gdb", "objcopy"]) {
        return;
    }
    let flags = ["-O2", "-fno-asynchronous-unwind-tables", "-Wa,--gdwarf-5"];
    check(&flags, Without::Nothing, &[FoundBy::Cfi, FoundBy::Code]);
}

#[test]
fn frame_pointers_only() {
    if !available(&["gcc", "gdb", "objcopy"]) {
        return;
    }
    check(&["-O0"], Without::CallFrames, BY_CODE);
    check(
        &["-O2", "-fno-omit-frame-pointer"],
        Without::CallFrames,
        BY_CODE,
    );
    check(
        &["-O2", "-fno-omit-frame-pointer"],
        Without::Everything,
        BY_CODE,
    );
}

#[test]
fn neither_rules_nor_frame_pointers() {
    if !available(&["gcc", "gdb", "objcopy"]) {
        return;
    }
    check(
        &["-O2", "-fomit-frame-pointer"],
        Without::CallFrames,
        BY_CODE,
    );
    check(
        &["-Os", "-fomit-frame-pointer"],
        Without::Everything,
        BY_CODE,
    );
}
