//! What the tests of this crate share: programs compiled for them, and memory
//! that holds a stack.
#![allow(dead_code, reason = "no test uses all of it")]

pub(crate) mod stops;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use ukdbg_image::{Decompressed, Image, LinkAddr};
use ukdbg_inspect::{Memory, MemoryError, Module, Modules, VirtAddr};

/// Whether these programs are installed. If not, the test that asks says so
/// and ends well, unless `UKDBG_REQUIRE_TOOLS` is set.
pub(crate) fn available(tools: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = |tool: &&str| std::env::split_paths(&path).any(|at| at.join(tool).is_file());
    let Some(missing) = tools.iter().find(|tool| !installed(tool)) else {
        return true;
    };
    let required = std::env::var_os("UKDBG_REQUIRE_TOOLS").is_some();
    assert!(!required, "{missing} is not installed");
    // Not `eprintln!`, which the test harness keeps to itself.
    let _ = writeln!(std::io::stderr(), "skipped: {missing} is not installed");
    false
}

/// Runs a tool that the tests need, and gives what it prints.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().expect("the tool is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// A file beside the tests.
pub(crate) fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/oracle")
        .join(file)
}

/// Compiles and links a freestanding program.
pub(crate) fn compile(directory: &Path, file: &str, flags: &[&str]) -> PathBuf {
    let program = directory.join("program");
    run(Command::new("gcc")
        .args(["-g", "-ffreestanding", "-nostdlib", "-static", "-no-pie"])
        .args(["-fno-stack-protector", "-fcf-protection=none", "-o"])
        .args([&program, &source(file)])
        .args(flags));
    program
}

/// A compiled program's image, kept for as long as the tests run.
pub(crate) fn load(program: &Path) -> Arc<Image<'static>> {
    let bytes = std::fs::read(program).expect("it was just written");
    let room = Box::leak(Box::default());
    let room: &'static Decompressed = room;
    Arc::new(Image::parse(bytes.leak(), room).expect("a linker wrote it"))
}

/// A machine that holds one image where it was linked.
pub(crate) fn modules<'data>(image: &Arc<Image<'data>>) -> Modules<'data> {
    let mut modules = Modules::default();
    modules.push(Module::unmoved("program".into(), Arc::clone(image)));
    modules
}

/// The address of a symbol.
pub(crate) fn symbol(image: &Image<'_>, name: &str) -> u64 {
    let LinkAddr(address) = image
        .symbol_named(name)
        .unwrap_or_else(|| panic!("{name} is in the program"))
        .address;
    address
}

/// Memory that holds a few ranges.
#[derive(Clone, Default)]
pub(crate) struct Ranges(pub(crate) Vec<(u64, Vec<u8>)>);

impl Ranges {
    pub(crate) fn with_words(mut self, at: u64, words: &[u64]) -> Self {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes());
        self.0.push((at, bytes.collect()));
        self
    }
}

impl Memory for Ranges {
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
