//! `cargo xtask hostile`: damaged images, cores, packets and the like, by
//! `ukdbg-fuzz`, on everything that can be built here.
//!
//! Not here: the damage and the questions.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cargo::{build, run};
use crate::kernel;

/// The kernel's other form, which stable toolchains without a bare-metal
/// `core` build.
const HOSTED_TARGET: &str = "x86_64-unknown-linux-gnu";

const PACKAGE: &str = "ukdbg-fuzz";

/// What to damage, and how often.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many cases of each kind of input
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    cases: u64,
    /// Where the random numbers begin
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Only this kind: image, core, rsp, qmp, log, ring or expression
    #[arg(long, value_name = "KIND")]
    only: Option<String>,
    /// How many cases at once; by default as many as there are processors
    #[arg(long, value_name = "COUNT")]
    jobs: Option<usize>,
    /// Run one case again that was found, and nothing else
    #[arg(long, value_name = "FILE", exclusive = true)]
    repeat: Option<PathBuf>,
    /// More images to damage
    images: Vec<PathBuf>,
}

/// Builds, damages, asks.
///
/// # Errors
/// When something does not build, or a case panics, hangs or needs too much
/// memory.
pub(crate) fn hostile(arguments: &Arguments) -> Result<()> {
    let program = build(PACKAGE, &["--profile=hostile"])?;
    if let Some(file) = &arguments.repeat {
        return run(Command::new(program).arg("repeat").arg(file));
    }
    let mut command = Command::new(&program);
    command
        .arg("campaign")
        .args(["--cases", &arguments.cases.to_string()])
        .args(["--seed", &arguments.seed.to_string()]);
    if let Some(only) = &arguments.only {
        command.args(["--only", only]);
    }
    if let Some(jobs) = arguments.jobs {
        command.args(["--jobs", &jobs.to_string()]);
    }
    let kernels = [kernel::build(None)?, kernel::build(Some(HOSTED_TARGET))?];
    watched(command.args(kernels).args(&arguments.images), &program)
}

/// A short campaign for every change, with the checks of a debug build, on
/// images small enough for it.
///
/// # Errors
/// When something does not build, or a case goes wrong.
pub(crate) fn sample(kernel: &Path) -> Result<()> {
    let program = build(PACKAGE, &[])?;
    let mut command = Command::new(&program);
    command.args(["campaign", "--cases=400", "--largest=100000"]);
    watched(command.arg(kernel), &program)
}

/// Runs a campaign; findings are kept beside the program.
fn watched(command: &mut Command, program: &Path) -> Result<()> {
    let findings = program.with_file_name("findings");
    let status = command
        .arg("--findings")
        .arg(&findings)
        .stdin(Stdio::null())
        .status()
        .context("cannot start ukdbg-fuzz")?;
    ensure!(
        status.success(),
        "damaged input was not survived; the cases are in {}",
        findings.display()
    );
    Ok(())
}
