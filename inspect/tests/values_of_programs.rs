//! Arguments of compiled programs, against what their source says they are.

mod support;

use std::path::Path;
use std::process::Command;

use support::{available, load, modules, run, source};
use ukdbg_inspect::{
    Follow, FoundBy, Memory, MemoryError, Register, Registers, Unwinder, ValueLimits, VirtAddr,
    arguments, variables,
};

/// The variables of the caller of `stop` at each stop:
/// name and line, addresses replaced by `@`.
fn stops(program: &Path, stop: &str) -> Vec<Vec<String>> {
    let image = load(program);
    let modules = modules(&image);
    let stops = support::stops::stops(program, &image, stop);
    let stops = stops.into_iter().map(|mut stop| {
        let frame = &stop.backtrace.frames[1];
        let limits = ValueLimits::default();
        let values = variables(&modules, frame, 0, limits, &mut stop.memory);
        let only = arguments(&modules, frame, 0, limits, &mut stop.memory);
        assert!(only.iter().all(|argument| values.contains(argument)));
        let line = |value: &ukdbg_inspect::NamedValue| {
            format!(
                "{} = {}",
                value.name.raw(),
                without_addresses(value.value.line().raw())
            )
        };
        values.iter().map(line).collect()
    });
    stops.collect()
}

/// Long hexadecimal numbers differ from run to run.
fn without_addresses(line: &str) -> String {
    let mut parts = line.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
        out.push_str(if part.len() - rest.len() > 4 {
            "@"
        } else {
            "0x"
        });
        out.push_str(if part.len() - rest.len() > 4 {
            rest
        } else {
            part
        });
    }
    out
}

fn rust(flags: &[&str]) -> Vec<Vec<String>> {
    let directory = tempfile::tempdir().expect("there is room");
    let program = directory.path().join("values");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc)
        .args([
            "--edition",
            "2021",
            "-g",
            "-C",
            "relocation-model=static",
            "-o",
        ])
        .args([&program, &source("values.rs")])
        .args(flags));
    stops(&program, "values::stop")
}

#[test]
fn rust_arguments() {
    if !available(&["gcc", "gdb"]) {
        return;
    }
    let got = rust(&[]);
    let expected: [&[&str]; 5] = [
        &[
            "a = 200",
            "b = -3",
            "c = 18446744073709551615",
            "d = -5",
            "e = true",
            "f = 'ß'",
            "g = 1.5",
            "h = 42",
        ],
        &[
            "number = @ → 77",
            "text = \"hi\\n\\u{1b}[31m\"",
            "slice = [1, 2, 3]",
            "point = @",
            "null = 0x0",
            "code = @ <values::stop>",
        ],
        &[
            "point = Point { x: 1, y: -2 }",
            "pair = Pair(9, false)",
            "tuple = (4, -4)",
            "array = [1, 2, 3]",
            "grid = [[1, 2], [3, 4]]",
        ],
        &[
            "empty = Empty",
            "circle = Circle(0.25)",
            "square = Square { side: 3, at: Point { x: 1, y: -2 } }",
            "side = Sell",
            "some = Some(5)",
            "none = None",
            "niche = Some(@ → 6)",
            "no_niche = None",
            "error = Err(-8)",
        ],
        &[
            &format!("text = \"{}\"…", "x".repeat(80)),
            "slice = [7, 7, 7, 7, 7, 7, 7, 7, …] (300 elements)",
            "array = [1, 1, 1, 1, 1, 1, 1, 1, …] (20 elements)",
        ],
    ];
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert_eq!(got, expected);
    }
}

/// Optimised, a value may be gone; it is never another one.
#[test]
fn optimised_rust_arguments_are_right_or_missing() {
    if !available(&["gcc", "gdb"]) {
        return;
    }
    let plain = rust(&[]);
    let optimised = rust(&["-C", "opt-level=2"]);
    assert_eq!(plain.len(), optimised.len());
    let lost = ["<unavailable", "<optimized out>", "<not described>"];
    let (mut known, mut all) = (0, 0);
    for (got, expected) in optimised.iter().zip(&plain) {
        for got in got {
            all += 1;
            if !lost.iter().any(|lost| got.contains(lost)) {
                assert!(expected.contains(got), "{got}");
                known += 1;
            }
        }
    }
    assert!(known * 3 > all, "{known} of {all}: {optimised:#?}");
}

#[test]
fn c_variables() {
    if !available(&["gcc", "gdb"]) {
        return;
    }
    let directory = tempfile::tempdir().expect("there is room");
    let program = directory.path().join("values");
    run(Command::new("gcc")
        .args([
            "-g",
            "-O0",
            "-static",
            "-no-pie",
            "-fno-stack-protector",
            "-o",
        ])
        .args([&program, &source("values.c")]));
    let got = stops(&program, "stop");
    let expected = [
        "number = -7",
        "letter = 113 'q'",
        "text = \"text\"",
        "colour = green",
        "flags = flags { low: 5, high: -4, wide: 78187493530 }",
        "node = node { next: 0x0, name: \"first\", value: { number: 16909060, bytes: [4, 3, 2, 1] } }",
        "function = @ <twice>",
        "anything = @ <sink>",
        "qualified = @ → 65535",
        "real = -0.5",
        "extended = 1.0",
        "matrix = [[1, 2, 3], [4, 5, 6]]",
    ];
    assert_eq!(got, [expected]);
}

/// Memory everywhere, full of whatever its address gives.
struct Noise(u64);

impl Memory for Noise {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        for (index, byte) in (0_u64..).zip(buf.iter_mut()) {
            let word = (at.0.wrapping_add(index) ^ self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *byte = word.to_le_bytes()[7];
        }
        Ok(buf.len())
    }
}

/// Every function's variables, in frames that never were.
#[test]
fn any_memory_gives_a_bounded_answer() {
    if !available(&["gcc", "gdb"]) {
        return;
    }
    let directory = tempfile::tempdir().expect("there is room");
    let program = directory.path().join("values");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc)
        .args([
            "--edition",
            "2021",
            "-g",
            "-C",
            "relocation-model=static",
            "-o",
        ])
        .args([&program, &source("values.rs")]));
    let image = load(&program);
    let modules = modules(&image);
    let limits = ValueLimits {
        depth: 10,
        follow: Follow::Everything,
        ..ValueLimits::default()
    };
    let mut longest = 0;
    for (index, function) in (0_u64..).zip(image.functions().into_iter().step_by(7)) {
        let mut registers = Registers::default();
        for register in Register::ALL {
            registers.set(register, index.wrapping_mul(0x0101_0101_0101));
        }
        registers.set(Register::Rip, function.entry.0 + index % 16);
        let unwinder = Unwinder::new(&modules).with_limit(20);
        let found = unwinder.unwind(&registers, FoundBy::Stop, &mut Noise(index));
        for value in variables(&modules, &found.frames[0], 0, limits, &mut Noise(index)) {
            longest = longest.max(value.value.line().raw().len());
        }
    }
    assert!(longest > 50, "something was read");
    assert!(longest < 100_000, "{longest}");
}
