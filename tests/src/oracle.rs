//! Building the oracle program of `inspect/tests/oracle/types` as a unikernel:
//! it says on its console what its variables hold, and rests inside of all of
//! their functions.
//!
//! Not here: what the program's variables are, and the same program on a host.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::compile::{BuiltGuest, guest_sources, run, tool};
use crate::tool::Tool;

/// The target that unikernel developers use.
const TARGET: &str = "x86_64-unknown-none";

/// Compiles and links it with these flags of rustc. None, with a line that says
/// so, where the toolchain has no bare-metal target: not every one can have it.
///
/// # Panics
/// When the compiler fails.
#[must_use]
pub fn oracle_guest(flags: &[&str]) -> Option<BuiltGuest> {
    if !has_target() {
        // Not `eprintln!`, which the test harness keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: the target {TARGET} is not installed; `rustup target add {TARGET}` does that"
        );
        return None;
    }
    let folder = TempDir::with_prefix("ukdbg-guest-").expect("a temporary directory");
    let at = |name: &str| folder.path().join(name);
    let (library, boot, image) = (at("liblibrary.rlib"), at("boot.o"), at("guest.elf"));
    let mut gcc = tool(Tool::Gcc.command());
    gcc.current_dir(guest_sources())
        .args(["-c", "-g", "-DCFI_SECTION=.eh_frame"])
        // Every function of the program is on it at once.
        .args(["-DSTACK_SIZE=0x200000", "boot.S", "-o"])
        .arg(&boot);
    run(gcc);
    let mut rustc = rustc();
    rustc
        .args(["--crate-type", "rlib", "--crate-name", "library", "-O"])
        .arg(sources().join("library.rs"))
        .arg("-o")
        .arg(&library);
    run(rustc);
    let mut rustc = self::rustc();
    rustc
        .args(["--crate-name", "types", "--cfg", "guest", "-g"])
        .arg(format!("--extern=library={}", library.display()))
        .arg(format!("-Clink-arg={}", boot.display()))
        .arg(format!(
            "-Clink-arg=-T{}",
            guest_sources().join("guest.ld").display()
        ))
        .arg("-Clink-arg=--build-id")
        .args(flags)
        .arg(sources().join("main.rs"))
        .arg("-o")
        .arg(&image);
    run(rustc);
    Some(BuiltGuest::new(folder, image))
}

fn rustc() -> Command {
    let mut rustc = Command::new(compiler());
    rustc
        .args(["--edition", "2024", "--target", TARGET])
        .args(["-Crelocation-model=static", "-Cforce-unwind-tables=yes"]);
    rustc
}

fn compiler() -> std::ffi::OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

fn sources() -> PathBuf {
    guest_sources().join("../../inspect/tests/oracle/types")
}

fn has_target() -> bool {
    let asked = Command::new(compiler())
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    asked.is_ok_and(|answer| {
        let folder = String::from_utf8_lossy(&answer.stdout);
        Path::new(folder.trim()).is_dir()
    })
}
