//! `cargo xtask demo`: the main job on the sample unikernel.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cargo::build_ukdbg;
use crate::kernel;
use crate::setup::{self, Tool};
use crate::steps::Steps;

/// What `ukdbg run` exits with when the guest faulted.
const GUEST_FAULTED: i32 = 1;

/// Boots the sample unikernel with a fault armed, and shows the report on it.
///
/// # Errors
/// When something does not build, a tool is missing, or the guest does not
/// fault.
pub(crate) fn demo() -> Result<()> {
    let mut steps = Steps::default();
    steps.step("tools", || setup::ensure(&[Tool::Qemu]))?;
    let kernel = steps.step("build the sample kernel", || kernel::build(None))?;
    let ukdbg = steps.step("build ukdbg", || build_ukdbg(&["--release"]))?;
    eprintln!(
        "\n$ ukdbg run {} --append fault=heap-overflow\n",
        kernel.display()
    );
    let status = Command::new(ukdbg)
        .args([
            "run",
            "--batch",
            "--timeout",
            "60s",
            "--append",
            "fault=heap-overflow",
        ])
        .arg(kernel)
        .stdin(Stdio::null())
        .status()
        .context("cannot start ukdbg")?;
    ensure!(
        status.code() == Some(GUEST_FAULTED),
        "the guest was to fault, and ukdbg to exit with {GUEST_FAULTED}, but: {status}"
    );
    Ok(())
}
