//! `cargo xtask truth`: whether what ukdbg says of images and stacks is what
//! other tools say, and who is right where it is not.
//!
//! Here are the areas; `addresses` compares places of addresses, `unwinding`
//! has stacks compared, `cfg` compares control-flow graphs, `page` writes the
//! page.

mod addresses;
mod answer;
mod cfg;
mod difference;
mod page;
mod sample;
mod subject;
mod symbolizer;
mod unwinding;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use crate::cargo::build_ukdbg;

/// What to compare.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compare only this; without it, everything, and docs/truth.md is written
    #[arg(value_enum)]
    area: Option<Area>,
    /// A kernel of Linux with DWARF, instead of the installed one
    #[arg(long, value_name = "PATH")]
    vmlinux: Option<PathBuf>,
    /// How many addresses of each image to compare
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    addresses: usize,
    /// Where the random addresses begin
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// At how many instructions of each guest to compare stacks
    #[arg(long, value_name = "COUNT", default_value_t = 4_000)]
    steps: usize,
}

/// A part of the truth.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Area {
    /// Functions, inline chains, files and lines of random addresses
    Addresses,
    /// Callers at every instruction of running guests
    Unwinding,
    /// Blocks and edges, beside the compiler's own map of them
    Cfg,
}

/// Compares, prints, and writes the page when everything was compared.
///
/// # Errors
/// When something does not build, or a difference is not explained.
pub(crate) fn truth(arguments: &Arguments) -> Result<()> {
    let wanted = |area| arguments.area.is_none_or(|only| only == area);
    let mut sections = Vec::new();
    let mut unexplained = Ok(());
    if wanted(Area::Addresses) {
        let agreements = addresses::compare(arguments)?;
        sections.push(page::addresses(arguments, &agreements));
        unexplained = addresses::expect_explained(&agreements, addresses::TARGET);
    }
    if wanted(Area::Unwinding) {
        let guests = unwinding::compare(arguments.steps)?;
        sections.push(page::unwinding(&guests));
    }
    if wanted(Area::Cfg) {
        let ukdbg = build_ukdbg(&[])?;
        let agreements = cfg::compare(&ukdbg, cfg::Selection::All)?;
        sections.push(page::cfg(&agreements));
        unexplained = unexplained.and_then(|()| cfg::expect_agreement(&agreements));
    }
    for section in &sections {
        println!("{section}");
    }
    if arguments.area.is_none() {
        page::write(&sections)?;
    }
    unexplained
}

/// A short check for every change: few addresses of the sample kernel,
/// where the other tools are installed.
///
/// # Errors
/// When a difference is not explained.
pub(crate) fn check_sample(ukdbg: PathBuf, kernel: PathBuf) -> Result<()> {
    let agreement = addresses::sample(ukdbg, kernel)?;
    addresses::expect_explained(
        &agreement.into_iter().collect::<Vec<_>>(),
        addresses::SAMPLE_TARGET,
    )
}
