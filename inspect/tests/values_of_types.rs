//! Every type's values, against what the program itself prints.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use support::stops::{Core, stops};
use support::{available, load, modules, run, source};
use ukdbg_inspect::{
    Follow, Memory, MemoryError, NamedValue, ValueLimits, VirtAddr, globals, variables,
};

const LIMITS: ValueLimits = ValueLimits {
    depth: 30,
    width: 400,
    values: 10_000,
    text: 2_000,
    follow: Follow::Everything,
};

/// Variables that optimised Rust programs keep nowhere at the stop, by why:
/// DWARF gives them no location there.
const LOST_BY_RUSTC: &[(&str, &[&str])] = &[
    (
        "a reference to a constant is built anew where it is used",
        &[
            "bytes", "slice", "grid", "borrowed", "number", "debug", "text",
        ],
    ),
    (
        "nothing behind the stop needs it",
        &["shape", "last", "sum", "number"],
    ),
];

/// The same of C and C++ programs.
const LOST_BY_GCC: &[(&str, &[&str])] = &[
    (
        "the only caller's constant took its place",
        &["number", "letter"],
    ),
    (
        "each part of it stands where it is used",
        &["operations", "words"],
    ),
];

/// In a register that the call does not keep (System V ABI §3.2.1). GDB shows
/// what that register holds in the called function.
const CLOBBERED: &[&str] = &["numbers"];

fn compile(directory: &tempfile::TempDir, flags: &[&str]) -> PathBuf {
    let program = directory.path().join("types");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc)
        .args(["--edition", "2024", "-g", "-C", "relocation-model=static"])
        .args(["-o".as_ref(), program.as_os_str()])
        .args(["--crate-name", "types"])
        .arg(source("types/main.rs"))
        .args(flags));
    program
}

/// One variable: what the program says, and what we do.
struct Compared {
    name: String,
    said: String,
    found: Vec<String>,
    /// GDB has no value of it, or does not know it.
    lost_to_gdb: bool,
}

impl Compared {
    fn is_equal(&self) -> bool {
        self.found.contains(&self.said)
    }

    /// Not known, as a whole or in part, and said to be so.
    fn is_missing(&self) -> bool {
        let lost = ["<unavailable", "<optimized out>"];
        self.found.is_empty()
            || self
                .found
                .iter()
                .any(|found| lost.iter().any(|lost| found.contains(lost)))
    }
}

fn compare_rust(flags: &[&str]) -> Vec<Compared> {
    let directory = tempfile::tempdir().expect("there is room");
    let compared = compare(&compile(&directory, flags), "types::say::stop");
    assert!(compared.len() > 200, "{}", compared.len());
    compared
}

fn compare(program: &Path, function: &str) -> Vec<Compared> {
    let image = load(program);
    let modules = modules(&image);
    let mut compared = Vec::new();
    for mut stop in stops(program, &image, function) {
        let frame = &stop.backtrace.frames[1];
        let locals = variables(&modules, frame, 0, LIMITS, &mut stop.memory);
        for line in &stop.printed {
            let (laid, line) = match (line.strip_prefix("SAYS "), line.strip_prefix("LAYS ")) {
                (Some(line), _) => (false, line),
                (_, Some(line)) => (true, line),
                _ => continue,
            };
            let (name, said) = line.split_once(" = ").expect("name and value");
            let is_local = locals.iter().any(|local| local.name.raw() == name);
            let statics = if is_local {
                Vec::new()
            } else {
                globals(&modules, name, LIMITS, &mut stop.memory)
            };
            let text = |value: &NamedValue| match laid {
                false => value.value.line().raw().to_owned(),
                true => format!("{:?}", value.value.pretty().raw()),
            };
            let named = locals.iter().chain(&statics);
            compared.push(Compared {
                name: name.to_owned(),
                said: said.to_owned(),
                found: named
                    .filter(|value| value.name.raw() == name)
                    .map(text)
                    .collect(),
                lost_to_gdb: !is_local || stop.lost.iter().any(|lost| lost == name),
            });
        }
    }
    compared
}

fn describe(compared: &Compared) -> String {
    let Compared {
        name, said, found, ..
    } = compared;
    format!("{name}\n  program: {said}\n  read:    {found:?}")
}

#[track_caller]
fn assert_none(wrong: Vec<&Compared>, all: &[Compared]) {
    let described: Vec<String> = wrong.into_iter().map(describe).collect();
    assert!(
        described.is_empty(),
        "{} of {}:\n{}",
        described.len(),
        all.len(),
        described.join("\n")
    );
}

fn all_equal(compared: &[Compared]) {
    let wrong = compared.iter().filter(|compared| !compared.is_equal());
    assert_none(wrong.collect(), compared);
}

/// Those that are known are right; those that are not are the ones that a
/// compiler keeps in no place, and GDB finds none of them either.
fn equal_or_lost(compared: &[Compared], reasons: &[(&str, &[&str])]) {
    let may_be_lost = |name: &str| reasons.iter().any(|(_, names)| names.contains(&name));
    let lost = |compared: &Compared| {
        let unavailable = compared
            .found
            .iter()
            .all(|line| line.starts_with("<unavailable"));
        let name = &*compared.name;
        compared.is_missing()
            && match unavailable && !compared.found.is_empty() {
                true => CLOBBERED.contains(&name),
                false => may_be_lost(name) && compared.lost_to_gdb,
            }
    };
    let wrong = compared
        .iter()
        .filter(|compared| !compared.is_equal() && !lost(compared));
    assert_none(wrong.collect(), compared);
    let known = compared.iter().filter(|compared| compared.is_equal());
    println!("{} of {} known", known.count(), compared.len());
}

#[test]
fn every_type_reads_as_the_program_prints_it() {
    if available(&["gcc", "gdb"]) {
        all_equal(&compare_rust(&[]));
        all_equal(&compare_rust(&["-C", "dwarf-version=5"]));
    }
}

#[test]
fn optimised_values_are_right_or_lost() {
    if available(&["gcc", "gdb"]) {
        equal_or_lost(&compare_rust(&["-C", "opt-level=2"]), LOST_BY_RUSTC);
    }
}

#[test]
fn values_after_link_time_optimisation_are_right_or_lost() {
    if available(&["gcc", "gdb"]) {
        let flags = [
            "-C",
            "opt-level=3",
            "-C",
            "lto=fat",
            "-C",
            "codegen-units=1",
        ];
        equal_or_lost(&compare_rust(&flags), LOST_BY_RUSTC);
    }
}

#[test]
fn c_plus_plus_types_read_as_the_program_prints_them() {
    if available(&["g++", "gdb"]) {
        for version in ["-gdwarf-4", "-gdwarf-5"] {
            let compared = compare_compiled("g++", "types.cc", &[version, "-O0"]);
            assert!(compared.len() >= 12, "{}", compared.len());
            all_equal(&compared);
        }
        equal_or_lost(
            &compare_compiled("g++", "types.cc", &["-g", "-O2"]),
            LOST_BY_GCC,
        );
    }
}

fn compare_c(flags: &[&str]) -> Vec<Compared> {
    let compared = compare_compiled("gcc", "types.c", flags);
    assert!(compared.len() >= 44, "{}", compared.len());
    compared
}

fn compare_compiled(compiler: &str, file: &str, flags: &[&str]) -> Vec<Compared> {
    let directory = tempfile::tempdir().expect("there is room");
    let program = directory.path().join("types");
    run(Command::new(compiler)
        .args(["-static", "-no-pie", "-fno-stack-protector", "-o"])
        .args([&program, &source(file)])
        .args(flags));
    compare(&program, "stop")
}

#[test]
fn c_types_read_as_the_program_prints_them() {
    if available(&["gcc", "gdb"]) {
        for version in ["-gdwarf-4", "-gdwarf-5"] {
            all_equal(&compare_c(&[version, "-O0"]));
        }
    }
}

#[test]
fn optimised_c_values_are_right_or_lost() {
    if available(&["gcc", "gdb"]) {
        equal_or_lost(&compare_c(&["-g", "-O2"]), LOST_BY_GCC);
        equal_or_lost(&compare_c(&["-g", "-O2", "-flto"]), LOST_BY_GCC);
    }
}

/// A machine whose memory was damaged in many places, in ways that look like
/// what should be there.
struct Damaged<'a> {
    memory: &'a mut Core,
    seed: u64,
}

impl Memory for Damaged<'_> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let got = self.memory.read(at, buf)?;
        for (index, byte) in (0_u64..).zip(&mut buf[..got]) {
            let place = at.0.wrapping_add(index);
            let word = place & !7;
            let chance = (word ^ self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let damage = match chance % 64 {
                0 => 0,
                1 => u64::MAX,
                2 => word,
                3 => chance,
                4 => word.wrapping_sub(chance % 512 * 8),
                _ => continue,
            };
            *byte = damage.to_le_bytes()[(place & 7) as usize];
        }
        Ok(got)
    }
}

#[test]
fn damaged_memory_gives_a_bounded_answer() {
    if !available(&["gcc", "gdb"]) {
        return;
    }
    let directory = tempfile::tempdir().expect("there is room");
    let program = compile(&directory, &[]);
    let image = load(&program);
    let modules = modules(&image);
    let started = Instant::now();
    let (mut longest, mut invalid) = (0, 0);
    for mut stop in stops(&program, &image, "types::say::stop") {
        for seed in 0..8 {
            let mut memory = Damaged {
                memory: &mut stop.memory,
                seed,
            };
            let frame = &stop.backtrace.frames[1];
            for value in variables(&modules, frame, 0, LIMITS, &mut memory) {
                let line = value.value.line();
                longest = longest.max(line.raw().len());
                invalid += usize::from(line.raw().contains("<invalid"));
            }
        }
    }
    assert!(invalid > 40, "{invalid}");
    assert!(longest < 1_000_000, "{longest}");
    // Hundreds of times what it takes.
    assert!(started.elapsed() < Duration::from_secs(300));
}
