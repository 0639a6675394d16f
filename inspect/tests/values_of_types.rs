//! Every type's values, against what the program itself prints.

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use support::stops::stops;
use support::{available, load, modules, run, source};
use ukdbg_inspect::{Follow, NamedValue, ValueLimits, globals, variables};

const LIMITS: ValueLimits = ValueLimits {
    depth: 30,
    width: 200,
    values: 10_000,
    text: 2_000,
    follow: Follow::Everything,
};

fn compile(directory: &tempfile::TempDir, flags: &[&str]) -> PathBuf {
    let program = directory.path().join("types");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc)
        .args(["--edition", "2024", "-g", "-C", "relocation-model=static"])
        .args(["-o".as_ref(), program.as_os_str()])
        .arg(source("types.rs"))
        .args(flags));
    program
}

/// One variable: what the program says, and what we do.
struct Compared {
    name: String,
    said: String,
    found: Vec<String>,
}

impl Compared {
    fn is_equal(&self) -> bool {
        self.found.contains(&self.said)
    }

    /// Not known, as a whole or in part, and said to be so.
    fn is_missing(&self) -> bool {
        let lost = ["<unavailable>", "<optimized out>", "<not described>"];
        self.found.is_empty()
            || self
                .found
                .iter()
                .any(|found| lost.iter().any(|lost| found.contains(lost)))
    }
}

fn compare(flags: &[&str]) -> Vec<Compared> {
    let directory = tempfile::tempdir().expect("there is room");
    let program = compile(&directory, flags);
    let image = load(&program);
    let modules = modules(&image);
    let mut compared = Vec::new();
    for mut stop in stops(&program, &image, "types::stop") {
        let frame = &stop.backtrace.frames[1];
        let locals = variables(&modules, frame, 0, LIMITS, &mut stop.memory);
        for line in &stop.printed {
            let (laid, line) = match (line.strip_prefix("SAYS "), line.strip_prefix("LAYS ")) {
                (Some(line), _) => (false, line),
                (_, Some(line)) => (true, line),
                _ => continue,
            };
            let (name, said) = line.split_once(" = ").expect("name and value");
            let statics = if name.contains("::") {
                globals(&modules, name, LIMITS, &mut stop.memory)
            } else {
                Vec::new()
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
            });
        }
    }
    assert!(compared.len() > 200, "{}", compared.len());
    compared
}

fn describe(compared: &Compared) -> String {
    let Compared { name, said, found } = compared;
    format!("{name}\n  program: {said}\n  read:    {found:?}")
}

#[test]
fn every_type_reads_as_the_program_prints_it() {
    if !available(&["gcc", "gdb"]) {
        return;
    }
    let compared = compare(&[]);
    let wrong = compared.iter().filter(|compared| !compared.is_equal());
    let wrong: Vec<String> = wrong.map(describe).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        compared.len(),
        wrong.join("\n")
    );
}

fn optimised(flags: &[&str]) {
    if !available(&["gcc", "gdb"]) {
        return;
    }
    let compared = compare(flags);
    let wrong = compared
        .iter()
        .filter(|compared| !compared.is_equal() && !compared.is_missing());
    let wrong: Vec<String> = wrong.map(describe).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        compared.len(),
        wrong.join("\n")
    );
    let mut count = BTreeMap::<bool, usize>::new();
    for compared in &compared {
        *count.entry(compared.is_equal()).or_default() += 1;
    }
    let known = count.get(&true).copied().unwrap_or(0);
    println!("{known} of {} known", compared.len());
    assert!(
        known * 10 > compared.len() * 8,
        "{known} of {}",
        compared.len()
    );
}

#[test]
fn optimised_values_are_right_or_missing() {
    optimised(&["-C", "opt-level=2"]);
}

#[test]
fn values_after_link_time_optimisation_are_right_or_missing() {
    optimised(&[
        "-C",
        "opt-level=2",
        "-C",
        "lto=fat",
        "-C",
        "codegen-units=1",
    ]);
}
