//! `cargo xtask kernel`: builds the sample kernel's image.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::cargo::{cargo, run as run_command};

/// The target that unikernel developers use.
const BARE_TARGET: &str = "x86_64-unknown-none";
/// What a guest is compiled with for a hosted target. `.cargo/config.toml` has
/// the same for the bare one, and explains it.
const HOSTED_FLAGS: [&str; 5] = [
    "-Crelocation-model=static",
    "-Cforce-frame-pointers=yes",
    "-Cforce-unwind-tables=yes",
    // Tells the guest crates that they are built for a guest after all.
    "--cfg",
    "ukdbg_guest",
];

#[derive(Args)]
pub(crate) struct Arguments {
    /// Build for this target; by default x86_64-unknown-none when it is
    /// installed or rustup can add it, and the host's own otherwise
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
}

/// Builds the image and prints its path.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    println!("{}", build(arguments.target.as_deref())?.display());
    Ok(())
}

/// Builds the image for a target, or for the best one there is.
pub(crate) fn build(target: Option<&str>) -> Result<PathBuf> {
    let target = match target {
        Some(target) => target.to_owned(),
        None => best_target()?,
    };
    ensure!(
        target.starts_with("x86_64-"),
        "the sample kernel is for x86_64 processors: cannot build it for {target}"
    );
    let output = guest_cargo("build", &target)
        .args(["--package", "ukdbg-sample-kernel", "--bin", "sample-kernel"])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "the sample kernel does not build for {target}"
    );
    executable(&output.stdout).context("cargo named no executable for the sample kernel")
}

/// Checks the guest crates' lints as they are built for the best target.
pub(crate) fn clippy() -> Result<()> {
    let mut command = guest_cargo("clippy", &best_target()?);
    command
        .args(["--package", "ukdbg-target-runtime"])
        .args(["--package", "ukdbg-sample-kernel"])
        .args(["--", "--deny=warnings"]);
    run_command(&mut command)
}

/// Cargo as it treats guest crates.
fn guest_cargo(subcommand: &str, target: &str) -> Command {
    let mut command = cargo(&[subcommand, "--profile=kernel", "--target", target]);
    command
        // Flags from outside would replace the ones a guest needs.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_RUSTFLAGS");
    if target != BARE_TARGET {
        let flags = HOSTED_FLAGS.map(|flag| format!("{flag:?}")).join(",");
        command
            .arg("--config")
            .arg(format!("target.{target}.rustflags=[{flags}]"));
    }
    command
}

/// The executable that cargo's messages name.
fn executable(messages: &[u8]) -> Option<PathBuf> {
    String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "sample-kernel")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// The bare target when there is a `core` for it, else the host's.
fn best_target() -> Result<String> {
    if has_core(BARE_TARGET) || (add_with_rustup() && has_core(BARE_TARGET)) {
        return Ok(BARE_TARGET.to_owned());
    }
    let version = rustc(&["-vV"])?;
    match version.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc does not say which host it runs on"),
    }
}

/// Whether the toolchain has a `core` for a target.
fn has_core(target: &str) -> bool {
    rustc(&["--print", "target-libdir", "--target", target])
        .ok()
        .and_then(|directory| std::fs::read_dir(directory.trim()).ok())
        .is_some_and(|entries| {
            entries
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
        })
}

/// Asks rustup for the target. A machine without rustup, or offline, has the
/// host's target to fall back on, so a failure is no error.
fn add_with_rustup() -> bool {
    Command::new("rustup")
        .args(["target", "add", BARE_TARGET])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(arguments)
        .output()
        .context("cannot run rustc")?;
    ensure!(
        output.status.success(),
        "rustc {} failed",
        arguments.join(" ")
    );
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_the_executable_of_the_kernels_target() {
        #[track_caller]
        fn check(messages: &str, expected: Option<&str>) {
            assert_eq!(executable(messages.as_bytes()), expected.map(PathBuf::from));
        }
        let build_script = r#"{"target":{"name":"build-script-build"},"executable":"/t/build"}"#;
        let library = r#"{"target":{"name":"sample_kernel"},"executable":null}"#;
        let image = r#"{"target":{"name":"sample-kernel"},"executable":"/t/sample-kernel"}"#;
        check(
            &[build_script, library, image].join("\n"),
            Some("/t/sample-kernel"),
        );
        check(&[build_script, library, "not a message"].join("\n"), None);
        check("", None);
    }
}
