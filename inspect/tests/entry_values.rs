//! Arguments that only the caller still knows (DWARF 5 §2.5.1.7), against
//! what the source passes and what GDB finds.

mod support;

use std::process::Command;

use support::{available, load, modules, run, source};
use ukdbg_inspect::{ValueLimits, arguments};

fn check(compiler: &str, version: &str, expected: &[&[&str]]) {
    if !available(&[compiler, "gdb"]) {
        return;
    }
    let directory = tempfile::tempdir().expect("there is room");
    let program = directory.path().join("entry_values");
    run(Command::new(compiler)
        // Otherwise callers rely on registers that this callee happens to
        // leave alone, which no table says.
        .args(match compiler {
            "gcc" => ["-fno-ipa-ra"],
            _ => ["-Wno-unknown-attributes"],
        })
        .args(["-O2", version, "-static", "-no-pie", "-o"])
        .args([&program, &source("entry_values.c")]));
    // Clang describes an argument up to the end of a call as in the register
    // that the call may change; GDB believes the register.
    let compares = compiler == "gcc";
    let image = load(&program);
    let modules = modules(&image);
    let stops = support::stops::stops(&program, &image, "stop");
    let mut got = Vec::new();
    for mut stop in stops {
        let frame = &stop.backtrace.frames[1];
        let limits = ValueLimits::default();
        let values = arguments(&modules, frame, 0, limits, &mut stop.memory);
        let line = |it: &ukdbg_inspect::NamedValue| {
            let (name, value) = (it.name.raw().to_owned(), it.value.line());
            // What GDB knows, we know.
            let unknown = value.raw().starts_with('<');
            // Where a function was left by a jump, GDB looks for the one way
            // there may be from what was called to what runs. We do not.
            let known = !compares || got.len() == BEHIND_A_JUMP || stop.lost.contains(&name);
            assert!(!unknown || known, "{name} at stop {}", got.len());
            format!("{name} = {}", value.raw())
        };
        got.push(values.iter().map(line).collect::<Vec<_>>());
    }
    assert_eq!(got, expected, "{compiler} {version}");
}

/// The stop of a function that was entered by a jump.
const BEHIND_A_JUMP: usize = 4;

const LOST: &str = "<unavailable: the value at the function's entry>";

#[test]
fn gcc() {
    let lost_number = format!("number = {LOST}");
    let lost_wide = format!("wide = {LOST}");
    let expected: [&[&str]; 6] = [
        &["number = 5", "wide = 6"],
        &["number = 13", "wide = -1"],
        &["number = 7", "wide = 1234567890123"],
        &["wide = 1234567890123"],
        &[&lost_number, &lost_wide],
        &[&lost_number],
    ];
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        check("gcc", version, &expected);
    }
}

#[test]
fn clang() {
    // It says that the register holds it still, which the call does not keep.
    let lost_number = "number = <unavailable: rdi>".to_owned();
    let lost_wide = format!("wide = {LOST}");
    let expected: [&[&str]; 6] = [
        &[&lost_number, "wide = 6"],
        &[&lost_number, "wide = -1"],
        &[&lost_number, "wide = 1234567890123"],
        &["wide = 1234567890123"],
        &[&lost_number, &lost_wide],
        &[&lost_number],
    ];
    check("clang", "-gdwarf-5", &expected);
}
