//! Backtraces at every instruction of running guests against GDB's, which
//! steps them: prologues and epilogues, calls, traps on stacks of their own,
//! task switches, at the first instruction as at any other. Compared are the
//! program counter and the stack pointer of every frame, and the registers
//! that its callees must have given back.
//!
//! A few instructions of each guest; `cargo xtask truth` asks for more with
//! `UKDBG_STEPS`, and for counts of what was met in files of the folder
//! `UKDBG_STEPS_REPORT`.

use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ukdbg_image::{Decompressed, Image};
use ukdbg_inspect::{
    FoundBy, Frame, Memory, MemoryError, Module, Modules, Register, Registers, Unwinder, VirtAddr,
};
use ukdbg_tests::{
    DEADLINE, Ending, GuestShape, Qemu, Running, Tool, Traps, UnwindTables, available,
    hosted_kernel_image, kernel_image,
};

/// How many instructions of each guest a plain run steps.
const STEPS: u32 = 50;

/// Memory as far as GDB dumped it.
struct Stacks(Vec<(u64, Vec<u8>)>);

impl Memory for Stacks {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let rest = self.0.iter().find_map(|(start, bytes)| {
            let offset = usize::try_from(at.0.checked_sub(*start)?).ok()?;
            bytes.get(offset..).filter(|rest| !rest.is_empty())
        });
        let rest = rest.ok_or(MemoryError::Unmapped { at })?;
        let size = rest.len().min(buf.len());
        buf[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }
}

/// What a function must give back, in the script's order.
const CALLEE_SAVED: [Register; 6] = [
    Register::Rbx,
    Register::Rbp,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

/// A frame, GDB's or ours.
#[derive(Debug)]
struct SeenFrame {
    /// Program counter and stack pointer.
    place: [u64; 2],
    /// The callee-saved registers, as far as they could be recovered.
    saved: [Option<u64>; CALLEE_SAVED.len()],
}

impl SeenFrame {
    fn of_gdb(frame: &Value) -> Self {
        Self {
            place: [0, 1].map(|index| frame[index].as_u64().expect("a number")),
            saved: std::array::from_fn(|index| frame[2 + index].as_u64()),
        }
    }

    fn of_ours(frame: &Frame) -> Self {
        let sp = frame.registers.sp().map_or(0, |sp| sp.0);
        Self {
            place: [frame.pc.address().0, sp],
            saved: CALLEE_SAVED.map(|register| frame.registers.get(register)),
        }
    }
}

/// One stop as GDB saw it.
struct Stop {
    registers: Registers,
    stacks: Stacks,
    frames: Vec<SeenFrame>,
    in_trap: bool,
    instruction: String,
}

impl Stop {
    fn parse(line: &str) -> Self {
        let stop: Value = serde_json::from_str(line).expect("the script prints JSON");
        let mut registers = Registers::default();
        for register in Register::ALL {
            let name = match register {
                Register::Rflags => "eflags",
                register => register.name(),
            };
            if let Some(value) = stop["registers"][name].as_u64() {
                registers.set(register, value);
            }
        }
        let list = |name: &str| stop[name].as_array().expect("a list").iter();
        let stacks = list("stacks").map(|stack| {
            let hex = stack[1].as_str().expect("hexadecimal");
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
            let bytes = (0..hex.len()).step_by(2).map(byte);
            (stack[0].as_u64().expect("a number"), bytes.collect())
        });
        Self {
            registers,
            stacks: Stacks(stacks.collect()),
            frames: list("frames").map(SeenFrame::of_gdb).collect(),
            in_trap: stop["traps"].as_u64().expect("a number") > 0,
            instruction: stop["instruction"].as_str().expect("text").to_owned(),
        }
    }

    fn does(&self, mnemonics: &[&str]) -> bool {
        let mnemonic = self.instruction.split_whitespace().next();
        mnemonic.is_some_and(|mnemonic| mnemonics.contains(&mnemonic))
    }
}

/// What was met, for the report.
#[derive(Default)]
struct Met {
    steps: u64,
    frames: usize,
    pushes_and_pops: u64,
    calls_and_returns: u64,
    stack_moves: u64,
    in_traps: u64,
    /// Callee-saved registers that both know, and alike.
    recovered: u64,
    /// That neither knows.
    lost: u64,
    /// That only one of both claims to know.
    only_gdb: u64,
    only_ours: u64,
}

impl Met {
    /// Counts the registers of a frame, and says which differ.
    fn compare(&mut self, ours: &SeenFrame, gdb: &SeenFrame) -> Option<String> {
        let mut wrong = None;
        for (index, register) in CALLEE_SAVED.into_iter().enumerate() {
            match (ours.saved[index], gdb.saved[index]) {
                (Some(ours), Some(gdb)) if ours == gdb => self.recovered += 1,
                (Some(ours), Some(gdb)) => {
                    let name = register.name();
                    wrong = Some(format!("{name} is {ours:#x}, GDB has {gdb:#x}"));
                }
                (None, Some(_)) => self.only_gdb += 1,
                (Some(_), None) => self.only_ours += 1,
                (None, None) => self.lost += 1,
            }
        }
        wrong
    }

    fn count(&mut self, stop: &Stop) {
        let moves_stack = stop.does(&["sub", "add", "lea", "mov", "and", "leave"])
            && (stop.instruction.ends_with(",%rsp") || stop.does(&["leave"]));
        let tally = |met: bool| u64::from(met);
        self.steps += 1;
        self.frames += stop.frames.len();
        self.pushes_and_pops += tally(stop.does(&["push", "pop"]));
        self.calls_and_returns += tally(stop.does(&["call", "ret", "iretq", "jmp"]));
        self.stack_moves += tally(moves_stack);
        self.in_traps += tally(stop.in_trap);
    }

    fn report(&self, guest: &str) {
        let Some(folder) = env::var_os("UKDBG_STEPS_REPORT") else {
            return;
        };
        let report = json!({
            "name": guest,
            "steps": self.steps,
            "frames": self.frames,
            "pushes_and_pops": self.pushes_and_pops,
            "calls_and_returns": self.calls_and_returns,
            "stack_moves": self.stack_moves,
            "in_traps": self.in_traps,
            "recovered": self.recovered,
            "lost": self.lost,
            "only_gdb": self.only_gdb,
            "only_ours": self.only_ours,
        });
        let file = guest.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        let path = Path::new(&folder).join(file + ".json");
        std::fs::write(path, report.to_string()).expect("the folder is there");
    }
}

/// The stops of a guest that GDB steps from each of `starts` on.
fn stops(guest: &Qemu, image: &Path, starts: &[&str], steps: u32) -> Vec<Stop> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("end_to_end/every_instruction.py");
    let each = steps.div_ceil(u32::try_from(starts.len()).expect("a few"));
    let mut command = Command::new(Tool::Gdb.command());
    command
        .args(["-nx", "-batch", "-iex", "set debuginfod enabled off", "-x"])
        .args([&script, image])
        .env("LC_ALL", "C")
        .env("UKDBG_SOCKET", guest.gdb_socket())
        .env("UKDBG_STARTS", starts.join(" "))
        .env("UKDBG_EACH", each.to_string());
    // Some milliseconds for a step, and a slow machine.
    let deadline = DEADLINE + Duration::from_millis(100) * steps;
    let done = Running::start(&mut command).finish(Instant::now(), deadline);
    let lines = done.stdout.lines();
    let stops = lines.filter_map(|line| line.strip_prefix("SNAPSHOT "));
    let stops: Vec<Stop> = stops.map(Stop::parse).collect();
    let least = if steps > STEPS { 300 } else { STEPS };
    let mut said = done.stdout.lines().filter(|line| line.starts_with("ended"));
    assert!(
        stops.len() >= least as usize,
        "{} stops\n{}\n{}",
        stops.len(),
        said.next().unwrap_or_default(),
        done.stderr
    );
    stops
}

fn wanted_steps() -> u32 {
    env::var("UKDBG_STEPS").map_or(STEPS, |steps| steps.parse().expect("a number"))
}

/// What is not the same in two backtraces of a stop.
fn difference(ours: &[SeenFrame], gdb: &[SeenFrame], met: &mut Met) -> Option<String> {
    let places = |frames: &[SeenFrame]| -> Vec<_> { frames.iter().map(|it| it.place).collect() };
    if places(ours) != places(gdb) {
        return Some("other frames".to_owned());
    }
    let pairs = ours.iter().zip(gdb).enumerate();
    // All are counted.
    pairs.fold(None, |first, (index, (ours, gdb))| {
        let here = met.compare(ours, gdb);
        first.or_else(|| here.map(|what| format!("frame {index}: {what}")))
    })
}

fn check(name: &str, image: &Path, boot: &[&str], starts: &[&str]) {
    let steps = wanted_steps();
    let arguments = [&["-S"], boot].concat();
    let guest = Qemu::boot(image, &arguments);
    let stops = stops(&guest, image, starts, steps);
    let bytes = std::fs::read(image).expect("QEMU read it");
    let room = Decompressed::default();
    let image = Arc::new(Image::parse(&bytes, &room).expect("a linker wrote it"));
    let mut modules = Modules::default();
    modules.push(Module::unmoved(name.into(), Arc::clone(&image)));
    let unwinder = Unwinder::new(&modules);
    let mut met = Met::default();
    let mut wrong = Vec::new();
    for mut stop in stops {
        met.count(&stop);
        let got = unwinder.unwind(&stop.registers, FoundBy::Stop, &mut stop.stacks);
        let ours: Vec<SeenFrame> = got.frames.iter().map(SeenFrame::of_ours).collect();
        if let Some(what) = difference(&ours, &stop.frames, &mut met) {
            let (gdb, end) = (&stop.frames, got.end);
            let next = &stop.instruction;
            wrong.push(format!(
                "`{next}`: {what}: {ours:#x?} {end:?}\nGDB {gdb:#x?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{name}: {} of {} stops differ, the first at {}",
        wrong.len(),
        met.steps,
        wrong[0]
    );
    // Every function these guests run has rules, and GDB goes by the same.
    assert_eq!((met.only_gdb, met.only_ours), (0, 0), "{name}");
    met.report(name);
}

fn check_c(unwind: UnwindTables, optimization: &'static str) {
    if !available(&[Tool::Qemu, Tool::Gdb, Tool::Gcc]) {
        return;
    }
    let shape = GuestShape {
        optimization,
        unwind,
        traps: Traps::Handlers,
        ending: Ending::Handled,
        ..GuestShape::default()
    };
    let guest = shape.build();
    let name = format!("C, gcc {optimization}, {unwind:?}");
    // All of it is short enough to step through; its end has the traps.
    let start = if wanted_steps() > STEPS {
        "guest_entry"
    } else {
        "settle"
    };
    let quit = ["-device", "isa-debug-exit"];
    check(&name, &guest.image, &quit, &[start]);
}

#[test]
fn of_a_c_guest() {
    check_c(UnwindTables::EhFrame, "-O2");
}

#[test]
fn of_a_c_guest_with_debug_frame() {
    check_c(UnwindTables::DebugFrame, "-O2");
}

fn check_kernel(name: &str, image: &Path, append: &str, starts: &[&str]) {
    if available(&[Tool::Qemu, Tool::Gdb]) {
        check(name, image, &["-append", append], starts);
    }
}

#[test]
fn of_the_sample_kernel() {
    check_kernel(
        "sample kernel, until its fault is reported",
        kernel_image(),
        "fault=null-field",
        &["ukdbg_start64", "ukdbg_switch", "ukdbg_trap_14"],
    );
}

/// Its tasks switch and are interrupted. Compiled as a hosted program is, so
/// that leaf functions keep what they need below the stack pointer.
#[test]
fn of_the_sample_kernel_at_work() {
    check_kernel(
        "sample kernel for the host's triple, at work",
        hosted_kernel_image(),
        "",
        &["ukdbg_trap_32", "ukdbg_switch", "ukdbg_trap_32"],
    );
}
