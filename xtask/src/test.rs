//! `cargo xtask test`: everything that a change must pass.
//!
//! Not here: the tests, and how the kernel is built.

use anyhow::Result;

use crate::cargo::{build_ukdbg, cargo, run};
use crate::hostile;
use crate::kernel;
use crate::setup::{self, Tool};
use crate::steps::Steps;
use crate::truth;

/// A toolchain may have no bare-metal `core`: guests build for this as well.
const HOSTED_TARGET: &str = "x86_64-unknown-linux-gnu";

/// Runs every check, and stops at the first that fails.
///
/// # Errors
/// When a check fails or a tool is missing.
pub(crate) fn test() -> Result<()> {
    let mut steps = Steps::default();
    steps.step("tools", || setup::ensure(&Tool::ALL))?;
    steps.step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    steps.step("lints", host_lints)?;
    steps.step("lints of the guest", kernel::clippy)?;
    steps.step("unit tests", || {
        run(&mut cargo(&[
            "test",
            "--workspace",
            "--exclude=ukdbg-tests",
        ]))
    })?;
    let kernel = steps.step("build the sample kernel", || kernel::build(None))?;
    let hosted = steps.step("build the sample kernel for the host's triple", || {
        kernel::build(Some(HOSTED_TARGET))
    })?;
    let ukdbg = steps.step("build ukdbg", || build_ukdbg(&[]))?;
    steps.step("agreement with other tools", || {
        truth::check_sample(ukdbg.clone(), kernel.clone())
    })?;
    steps.step("damaged input", || hostile::sample(&kernel))?;
    steps.step("end-to-end tests", || {
        run(cargo(&["test", "--package=ukdbg-tests"])
            .env("UKDBG_KERNEL", &kernel)
            .env("UKDBG_KERNEL_HOSTED", &hosted)
            .env("UKDBG_PROGRAM", &ukdbg)
            .env("UKDBG_REQUIRE_TOOLS", "1"))
    })?;
    eprintln!("{}\n\nall checks passed", steps.summary());
    Ok(())
}

fn host_lints() -> Result<()> {
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny=warnings",
    ]))
}
