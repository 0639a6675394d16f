//! Control-flow graphs: what ukdbg finds in the code alone, beside what the
//! compiler itself says of the same image.
//!
//! Here is how it is done; `programs` compiles the images, `compare` counts.

mod compare;
mod programs;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::page;
pub(super) use compare::Agreement;
use compare::Graphs;

/// How graphs are compared.
pub(super) const HOW: &str = "\
Each program is compiled with the compiler's own map of its blocks (`.llvm_bb_addr_map`),
read by `ukdbg cfg --all`, and compared with `ukdbg cfg --all --no-map`, which uses neither
the map nor the compiler's list of jump tables. Functions without a map (libraries that were
compiled before) are left out. A block of the compiler's may end in two jumps, or be entered
from the block before it alone, without a jump: neither can be seen in the code, and both
are joined on both sides. Exceptional edges are counted apart. *Indirect jumps* are those for
which the map has targets within the function: *exact* have all of them and no other, *wrong*
one that is not the compiler's.
";

/// Compares every program that can be compiled here.
///
/// # Errors
/// When something does not build, or ukdbg fails.
pub(super) fn compare(ukdbg: &Path, only_small: Selection) -> Result<Vec<Agreement>> {
    let folder = tempfile::tempdir()?;
    let mut agreements = Vec::new();
    for program in programs::all(only_small) {
        let Some(image) = program.compile(folder.path())? else {
            eprintln!("{}: its compiler is not installed: skipped", program.name);
            continue;
        };
        let truth = graphs(ukdbg, &image, &[])?;
        let ours = graphs(ukdbg, &image, &["--no-map"])?;
        agreements.push(Agreement::of(program.name, &truth, &ours));
    }
    Ok(agreements)
}

/// Which programs to compare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Selection {
    All,
    /// Those that compile within a second.
    Small,
}

/// # Errors
/// When the targets are not reached.
pub(super) fn expect_agreement(agreements: &[Agreement]) -> Result<()> {
    for agreement in agreements {
        ensure!(
            agreement.holds(),
            "recovery falls short of the compiler's map:\n{}",
            page::cfg(std::slice::from_ref(agreement))
        );
    }
    Ok(())
}

fn graphs(ukdbg: &Path, image: &Path, more: &[&str]) -> Result<Graphs> {
    let output = Command::new(ukdbg)
        .arg("cfg")
        .arg(image)
        .args(["--all", "--format", "jsonl"])
        .args(more)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start ukdbg")?;
    ensure!(
        output.status.success(),
        "ukdbg cfg --all: {}",
        output.status
    );
    Graphs::parse(&output.stdout)
}
