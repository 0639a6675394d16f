//! Stacks at every instruction of running guests, compared with GDB's by the
//! end-to-end test `every_instruction`, here for many more instructions.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cargo::{cargo, run};
use crate::kernel;
use crate::setup::{self, Tool};

/// How stacks are compared.
pub(super) const HOW: &str = "\
A guest in QEMU is stepped by GDB, one instruction at a time, from several places on. At
each, GDB's frames (program counter and stack pointer, which for a caller is the canonical
frame address of the frame before; and rbx, rbp, r12 to r15, which callees give back) are
compared with those that ukdbg makes of the same registers and memory. Inlined frames share
a physical one and are not counted.
";

/// What was compared of one guest.
pub(super) struct Guest {
    pub(super) name: String,
    pub(super) steps: u64,
    pub(super) frames: u64,
    pub(super) pushes_and_pops: u64,
    pub(super) calls_and_returns: u64,
    pub(super) stack_moves: u64,
    pub(super) in_traps: u64,
    /// Callee-saved registers that both recovered, and alike.
    pub(super) recovered: u64,
    /// That neither has.
    pub(super) lost: u64,
    /// That only one of both has.
    pub(super) only_gdb: u64,
    pub(super) only_ours: u64,
}

/// Compares `steps` instructions of each guest.
///
/// # Errors
/// When a frame differs.
pub(super) fn compare(steps: usize) -> Result<Vec<Guest>> {
    setup::ensure(&[Tool::Qemu, Tool::Gdb, Tool::Gcc])?;
    let kernel = kernel::build(None)?;
    let report = tempfile::tempdir()?;
    run(
        cargo(&["test", "--package=ukdbg-tests", "every_instruction"])
            .env("UKDBG_KERNEL", &kernel)
            .env("UKDBG_REQUIRE_TOOLS", "1")
            .env("UKDBG_STEPS", steps.to_string())
            .env("UKDBG_STEPS_REPORT", report.path()),
    )?;
    let mut guests = Vec::new();
    for file in fs::read_dir(report.path())? {
        let text = fs::read_to_string(file?.path())?;
        let value = serde_json::from_str(&text)?;
        guests.push(guest(&value).context("the test's report is incomplete")?);
    }
    ensure!(!guests.is_empty(), "the test reported nothing");
    guests.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(guests)
}

fn guest(value: &Value) -> Option<Guest> {
    let number = |name: &str| value[name].as_u64();
    Some(Guest {
        name: value["name"].as_str()?.to_owned(),
        steps: number("steps")?,
        frames: number("frames")?,
        pushes_and_pops: number("pushes_and_pops")?,
        calls_and_returns: number("calls_and_returns")?,
        stack_moves: number("stack_moves")?,
        in_traps: number("in_traps")?,
        recovered: number("recovered")?,
        lost: number("lost")?,
        only_gdb: number("only_gdb")?,
        only_ours: number("only_ours")?,
    })
}
