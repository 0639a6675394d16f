//! The programs whose graphs are compared, and how they are compiled.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Selection;
use crate::cargo::root;

/// A program in one way of compiling it.
pub(super) struct Program {
    pub(super) name: &'static str,
    compiler: &'static str,
    source: &'static str,
    options: &'static [&'static str],
    selection: Selection,
}

/// What makes rustc's LLVM write the map, and the sizes of jump tables.
const RUST_MAP: &str = "-Cllvm-args=-basic-block-address-map -pgo-analysis-map=all \
                        -emit-jump-table-sizes-section";

/// The newest Clang of Debian that writes where blocks go.
const CLANG: &str = "clang-19";

const CLANG_MAP: [&str; 3] = [
    "-fbasic-block-address-map",
    "-mllvm",
    "-pgo-analysis-map=br-prob",
];

const fn program(
    name: &'static str,
    compiler: &'static str,
    source: &'static str,
    options: &'static [&'static str],
    selection: Selection,
) -> Program {
    Program {
        name,
        compiler,
        source,
        options,
        selection,
    }
}

const PROGRAMS: [Program; 12] = {
    use Selection::{All, Small};
    const C: &str = "shapes.c";
    const RUST: &str = "shapes.rs";
    [
        program("C, clang -O0", CLANG, C, &["-O0"], All),
        program("C, clang -O1", CLANG, C, &["-O1"], All),
        program("C, clang -O2", CLANG, C, &["-O2"], Small),
        program("C, clang -Os", CLANG, C, &["-Os"], All),
        program(
            "C, clang -O3, no PIE",
            CLANG,
            C,
            &["-O3", "-fno-pie", "-no-pie"],
            All,
        ),
        program(
            "C, clang -O2, no inlining",
            CLANG,
            C,
            &["-O2", "-fno-inline"],
            All,
        ),
        program("Rust, -O0", "rustc", RUST, &["-Copt-level=0"], All),
        program("Rust, -O1", "rustc", RUST, &["-Copt-level=1"], All),
        program("Rust, -O2", "rustc", RUST, &["-Copt-level=2"], Small),
        program("Rust, -Os", "rustc", RUST, &["-Copt-level=s"], All),
        program(
            "Rust, -O3, abort",
            "rustc",
            RUST,
            &["-Copt-level=3", "-Cpanic=abort"],
            All,
        ),
        program(
            "Rust, -O2, fat LTO with the standard library",
            "rustc",
            RUST,
            &["-Copt-level=2", "-Clto=fat"],
            All,
        ),
    ]
};

/// The programs to compare.
pub(super) fn all(selection: Selection) -> impl Iterator<Item = &'static Program> {
    let programs = PROGRAMS.iter();
    programs.filter(move |program| selection == Selection::All || program.selection == selection)
}

impl Program {
    /// Its image; none when the compiler is not installed.
    ///
    /// # Errors
    /// When it does not compile.
    pub(super) fn compile(&self, folder: &Path) -> Result<Option<PathBuf>> {
        let image = folder.join("image");
        let source = root()
            .join("xtask/src/truth/cfg/programs")
            .join(self.source);
        let mut command = Command::new(self.compiler);
        match self.compiler {
            "rustc" => command.args(["--edition=2024", "-g", RUST_MAP]),
            _ => command.arg("-g").args(CLANG_MAP),
        };
        command.args(self.options).arg("-o").arg(&image).arg(source);
        let output = match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            output => output.with_context(|| format!("cannot start {}", self.compiler))?,
        };
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {message}", self.name);
        Ok(Some(image))
    }
}
