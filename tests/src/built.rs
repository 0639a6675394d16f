//! Where the built programs are: named by `cargo xtask test`, or else built
//! on demand, so that plain `cargo test` works on a clean clone.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The triple that stands for a toolchain without the bare-metal one.
const HOSTED_TARGET: &str = "x86_64-unknown-linux-gnu";

/// The built `ukdbg`: `UKDBG_PROGRAM`, or built now.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn ukdbg_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| named_or("UKDBG_PROGRAM", build_ukdbg))
}

/// The image of the sample kernel: `UKDBG_KERNEL`, or built now.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn kernel_image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| named_or("UKDBG_KERNEL", || build_kernel(&[])))
}

/// The same, compiled as for a machine without a bare-metal `core`:
/// `UKDBG_KERNEL_HOSTED`, or built now.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn hosted_kernel_image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let target = ["--target", HOSTED_TARGET];
        named_or("UKDBG_KERNEL_HOSTED", || build_kernel(&target))
    })
}

/// The folder of the sample kernel's sources.
#[must_use]
pub fn sample_kernel_sources() -> PathBuf {
    workspace().join("sample-kernel/src")
}

fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the crate is in the workspace's root")
}

fn named_or(variable: &str, build: impl FnOnce() -> PathBuf) -> PathBuf {
    let path = env::var_os(variable).map_or_else(build, PathBuf::from);
    assert!(path.is_file(), "{} does not exist", path.display());
    path
}

fn build_kernel(arguments: &[&str]) -> PathBuf {
    let printed = cargo(&[&["xtask", "kernel"], arguments].concat());
    let path = printed.lines().last();
    PathBuf::from(path.expect("the image's path comes last"))
}

fn build_ukdbg() -> PathBuf {
    let messages = cargo(&[
        "build",
        "--quiet",
        "--package=ukdbg",
        "--message-format=json",
    ]);
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.expect("cargo names the executable it built")
}

/// What cargo prints when run in the workspace. Its lock keeps concurrent
/// builds apart.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .current_dir(workspace())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "cargo {arguments:?} failed");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}
