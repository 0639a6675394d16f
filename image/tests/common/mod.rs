//! Programs compiled for the tests, and images of them.
#![allow(dead_code, reason = "each test file uses some of it")]

pub(crate) mod describe;

use std::path::{Path, PathBuf};
use std::process::Command;

use ukdbg_image::{Decompressed, Image};

/// A program in a temporary directory.
pub(crate) struct Program {
    pub(crate) bytes: Vec<u8>,
    pub(crate) path: PathBuf,
    pub(crate) directory: tempfile::TempDir,
}

impl Program {
    /// Compiles C with the arguments given.
    pub(crate) fn c(source: &str, arguments: &[&str]) -> Self {
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        Self::compile(&compiler, "program.c", source, arguments)
    }

    /// Compiles C by clang with the arguments given.
    pub(crate) fn clang(source: &str, arguments: &[&str]) -> Self {
        Self::compile("clang", "program.c", source, arguments)
    }

    /// Assembles with the arguments given.
    pub(crate) fn assembly(source: &str, arguments: &[&str]) -> Self {
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        Self::compile(&compiler, "program.s", source, arguments)
    }

    /// Compiles Rust with the arguments given.
    pub(crate) fn rust(source: &str, arguments: &[&str]) -> Self {
        let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        Self::compile(&compiler, "program.rs", source, arguments)
    }

    fn compile(compiler: &str, file: &str, source: &str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join(file), source).expect("a source file");
        let path = directory.path().join("program");
        run(Command::new(compiler)
            .current_dir(directory.path())
            .args(arguments)
            .arg(file)
            .arg("-o")
            .arg(&path));
        let bytes = std::fs::read(&path).expect("the compiled program");
        Self {
            bytes,
            path,
            directory,
        }
    }

    /// What `objcopy ARGUMENTS program OUT` makes of it.
    pub(crate) fn objcopy(&self, arguments: &[&str]) -> Vec<u8> {
        let out = self.directory.path().join("copy");
        run(Command::new("objcopy")
            .args(arguments)
            .arg(&self.path)
            .arg(&out));
        std::fs::read(&out).expect("the copy")
    }
}

/// Runs a command to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

/// Parses bytes that outlive everything.
pub(crate) fn image<'data>(bytes: &'data [u8], room: &'data Decompressed) -> Image<'data> {
    Image::parse(bytes, room).expect("a valid image")
}

/// This test's own executable.
pub(crate) fn own_executable() -> Vec<u8> {
    let path = std::env::current_exe().expect("a path");
    std::fs::read(Path::new(&path)).expect("a readable executable")
}
