//! Running cargo and other programs in the workspace.
//!
//! Not here: which ones, and in what order.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask is in the workspace's root")
}

/// `cargo ARGUMENTS` in the workspace's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end, its output shown.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", spelled(command)))?;
    ensure!(status.success(), "{} failed: {status}", spelled(command));
    Ok(())
}

/// Builds `ukdbg` with more arguments for cargo, and says where it is.
///
/// # Errors
/// When it does not build.
pub(crate) fn build_ukdbg(arguments: &[&str]) -> Result<PathBuf> {
    build("ukdbg", arguments)
}

/// Builds a package of one program, with more arguments for cargo, and says
/// where the program is.
///
/// # Errors
/// When it does not build.
pub(crate) fn build(package: &str, arguments: &[&str]) -> Result<PathBuf> {
    let message_format = "--message-format=json-render-diagnostics";
    let mut command = cargo(&["build", "--package", package, message_format]);
    command.args(arguments).stderr(Stdio::inherit());
    let output = command.output().context("cannot start cargo")?;
    ensure!(output.status.success(), "{package} does not build");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo did not name the executable it built")
}

/// A large program of Rust: ukdbg as it is released, but with all of the DWARF
/// that there can be. Not optimised across crates, which changes little here
/// and takes minutes.
///
/// # Errors
/// When it does not build.
pub(crate) fn build_large_ukdbg() -> Result<PathBuf> {
    build_ukdbg(&[
        "--profile=large",
        "--config",
        "profile.large.inherits='release'",
        "--config",
        "profile.large.debug='full'",
        "--config",
        "profile.large.lto='off'",
    ])
}

/// A command as it would be typed.
fn spelled(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy()),
    );
    words.join(" ")
}
