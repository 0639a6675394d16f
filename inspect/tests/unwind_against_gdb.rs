//! Backtraces at every instruction of small programs, against GDB's. The
//! image we unwind with is poorer than GDB's where the shape says so: its
//! call frame information is taken away after GDB's is linked in.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Ranges, available, compile, load, modules, run, source};
use ukdbg_image::{CodeAddr, Image, LinkAddr};
use ukdbg_inspect::{
    FoundBy, Memory, MemoryError, Register, Registers, StackEnd, Unwinder, VirtAddr,
};

/// One stop as GDB saw it.
struct Snapshot {
    registers: Registers,
    stacks: Ranges,
    frames: Vec<GdbFrame>,
}

#[derive(Clone)]
struct GdbFrame {
    /// Program counter and stack pointer.
    place: [u64; 2],
    /// The callee-saved registers; none for what GDB says is lost.
    saved: [Option<u64>; CALLEE_SAVED.len()],
}

/// In the order of `frames.py`.
const CALLEE_SAVED: [Register; 6] = [
    Register::Rbx,
    Register::Rbp,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

/// GCC's rules for a function that realigns its stack are wrong about the
/// frame pointer behind its `leave`, and GDB goes by them. Such a function is
/// called once, and its callers are those that GDB saw at its entry.
fn correct(snapshots: &mut [Snapshot], image: &Image<'_>) {
    let mut callers = Vec::new();
    for Snapshot { frames, .. } in snapshots {
        let pc = frames[0].place[0];
        let symbol = image.symbol_at(LinkAddr(pc));
        if symbol.is_some_and(|symbol| symbol.name.linkage.raw() == "realigned") {
            if callers.is_empty() {
                callers = frames.split_off(1);
            }
            frames.truncate(1);
            frames.extend(callers.iter().cloned());
        }
    }
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
    let list = |name: &str| value[name].as_array().expect("frames.py prints it").iter();
    let stacks = list("stacks").map(|stack| {
        let hex = stack[1].as_str().expect("frames.py prints it");
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        let bytes = (0..hex.len()).step_by(2).map(byte);
        (number(&stack[0]), bytes.collect())
    });
    let frames = list("frames").map(|frame| GdbFrame {
        place: [0, 1].map(|index| number(&frame[index])),
        saved: std::array::from_fn(|index| frame[2 + index].as_u64()),
    });
    Snapshot {
        registers,
        stacks: Ranges(stacks.collect()),
        frames: frames.collect(),
    }
}

/// Memory that is read a word at a time, so that no frame can be unwound by the
/// short way, which reads several at once.
struct Words<'a>(&'a mut Ranges);

impl Memory for Words<'_> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let size = buf.len().min(8);
        self.0.read(at, &mut buf[..size])
    }
}

/// Every frame of every stop: pc, stack pointer, and the callee-saved
/// registers; without rules those that we claim to know. Gives the symbols that
/// frames were in.
fn check(source: &str, flags: &[&str], without: Without, found_by: &[FoundBy]) -> BTreeSet<String> {
    let directory = tempfile::tempdir().expect("there is room");
    let program = compile(directory.path(), source, flags);
    let mut snapshots = snapshots(&program);
    correct(&mut snapshots, &load(&program));
    assert!(snapshots.len() > 150, "{} stops", snapshots.len());
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
    let image = load(&program);
    let modules = modules(&image);
    let mut met = BTreeSet::new();
    let mut wrong = Vec::new();
    for mut snapshot in snapshots {
        let unwinder = Unwinder::new(&modules);
        let got = unwinder.unwind(&snapshot.registers, FoundBy::Stop, &mut snapshot.stacks);
        let long = unwinder.unwind(
            &snapshot.registers,
            FoundBy::Stop,
            &mut Words(&mut snapshot.stacks),
        );
        assert_eq!(format!("{got:?}"), format!("{long:?}"));
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
        let want: Vec<[u64; 2]> = snapshot.frames.iter().map(|frame| frame.place).collect();
        if frames != want || got.end != StackEnd::Root {
            wrong.push(format!("{frames:#x?} {:?}\nwant {want:#x?}", got.end));
            continue;
        }
        for (frame, want) in got.frames.iter().zip(&snapshot.frames) {
            let saved = CALLEE_SAVED.map(|register| frame.registers.get(register));
            for (ours, gdb) in saved.into_iter().zip(want.saved) {
                let fewer = ours.is_none() && !matches!(without, Without::Nothing);
                let got = &got.frames;
                assert!(
                    ours == gdb || fewer,
                    "{got:x?} {frame:x?} {:x?}",
                    want.saved
                );
            }
        }
        for frame in &got.frames {
            let VirtAddr(at) = frame.pc.lookup();
            let symbol = image.symbol_at(LinkAddr(at));
            met.extend(symbol.map(|symbol| symbol.name.linkage.raw().to_owned()));
        }
        for frame in &got.frames[1..] {
            assert!(found_by.contains(&frame.found_by), "{frame:?}");
            let called = frame.found_by != FoundBy::TrapFrame;
            assert_eq!(matches!(frame.pc, CodeAddr::Return(_)), called);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} stops differ, the first:\n{}",
        wrong.len(),
        wrong[0]
    );
    met
}

const BY_CODE: &[FoundBy] = &[FoundBy::Code, FoundBy::FramePointer];

#[test]
fn eh_frame() {
    if !available(&["gcc", "gdb", "objcopy"]) {
        return;
    }
    check("program.c", &["-O2"], Without::Nothing, &[FoundBy::Cfi]);
    check("program.c", &["-O0"], Without::Nothing, &[FoundBy::Cfi]);
}

#[test]
fn debug_frame_only() {
    if !available(&["gcc", "gdb", "objcopy"]) {
        return;
    }
    let flags = ["-O2", "-fno-asynchronous-unwind-tables", "-Wa,--gdwarf-5"];
    check(
        "program.c",
        &flags,
        Without::Nothing,
        &[FoundBy::Cfi, FoundBy::Code],
    );
}

#[test]
fn frame_pointers_only() {
    if !available(&["gcc", "gdb", "objcopy"]) {
        return;
    }
    check("program.c", &["-O0"], Without::CallFrames, BY_CODE);
    check(
        "program.c",
        &["-O2", "-fno-omit-frame-pointer"],
        Without::CallFrames,
        BY_CODE,
    );
    check(
        "program.c",
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
        "program.c",
        &["-O2", "-fomit-frame-pointer"],
        Without::CallFrames,
        BY_CODE,
    );
    check(
        "program.c",
        &["-Os", "-fomit-frame-pointer"],
        Without::Everything,
        BY_CODE,
    );
}

/// Frames that are out of the ordinary; `shapes.c` says which.
#[test]
fn frames_out_of_the_ordinary() {
    if !available(&["gcc", "gdb", "objcopy"]) {
        return;
    }
    let found_by = [FoundBy::Cfi, FoundBy::TrapFrame];
    for flags in [["-O2", "-falign-functions=1"], ["-O0", "-mno-red-zone"]] {
        let met = check("shapes.c", &flags, Without::Nothing, &found_by);
        let met = |name: &&str| met.contains(*name);
        let shapes = [
            "realigned",
            "linked_lazily",
            "handler",
            "restorer",
            "task",
            "last_call",
        ];
        assert!(shapes.iter().all(met), "{flags:?}");
        assert_eq!(met(&"split.cold"), flags.contains(&"-O2"));
    }
}

#[test]
fn frames_out_of_the_ordinary_without_rules() {
    if !available(&["gcc", "gdb", "objcopy"]) {
        return;
    }
    let flags = ["-O2", "-fno-omit-frame-pointer", "-DWITHOUT_RULES"];
    check("shapes.c", &flags, Without::CallFrames, BY_CODE);
}
