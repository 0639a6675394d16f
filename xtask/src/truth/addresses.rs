//! Random addresses of images, placed by three tools.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::Arguments;
use super::answer::Answer;
use super::difference::{Difference, Kind, Symbols};
use super::sample::code_addresses;
use super::subject::{self, Subject};
use super::symbolizer::Symbolizer;
use crate::setup::{self, Tool};

/// The share of addresses at which we must say what another tool says.
pub(super) const TARGET: f64 = 0.999;
/// For every change: few addresses, the same each time. So few that a label or
/// two inside a function count for much.
const SAMPLE: usize = 2_000;
pub(super) const SAMPLE_TARGET: f64 = 0.99;

/// What the tools say of one image.
pub(super) struct Agreement {
    pub(super) image: String,
    pub(super) addresses: usize,
    pub(super) equal_to_both: usize,
    pub(super) equal_to_llvm: usize,
    pub(super) equal_to_gnu: usize,
    /// Addresses of which the other two say the same.
    pub(super) peers_agree: usize,
    pub(super) differences: Vec<Difference>,
}

impl Agreement {
    /// The share of addresses at which we say what another tool says.
    pub(super) fn share(&self) -> f64 {
        share(self.addresses - self.differences.len(), self.addresses)
    }

    /// The share of addresses at which the others say the same.
    pub(super) fn share_of_peers(&self) -> f64 {
        share(self.peers_agree, self.addresses)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of addresses are far below 2^52"
)]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// Compares every image.
///
/// # Errors
/// When a tool is missing or something does not build.
pub(super) fn compare(arguments: &Arguments) -> Result<Vec<Agreement>> {
    let mut tools = vec![Tool::Binutils, Tool::LlvmSymbolizer];
    if arguments.vmlinux.is_none() {
        tools.push(Tool::Vmlinux);
    }
    setup::ensure(&tools)?;
    let (ukdbg, subjects) = subject::all(arguments.vmlinux.clone())?;
    let ours = Symbolizer::Ukdbg(ukdbg);
    let agreements = subjects.into_iter().map(|subject| {
        eprintln!("=== {}", subject.name);
        agreement(&ours, subject, arguments.addresses, arguments.seed)
    });
    agreements.collect()
}

/// Compares a few addresses of one image; nothing where a tool is not
/// installed.
///
/// # Errors
/// When a tool fails.
pub(super) fn sample(ukdbg: PathBuf, kernel: PathBuf) -> Result<Option<Agreement>> {
    // With one of them alone it would not do: each differs from the
    // other at a few addresses in a hundred.
    if !Tool::Binutils.is_installed() || !Tool::LlvmSymbolizer.is_installed() {
        eprintln!("skipped: addr2line and llvm-symbolizer are not both installed");
        return Ok(None);
    }
    let subject = Subject {
        name: "the sample kernel".to_owned(),
        image: kernel,
    };
    agreement(&Symbolizer::Ukdbg(ukdbg), subject, SAMPLE, 1).map(Some)
}

/// # Errors
/// When an image agrees too little, or a difference is of a kind that nobody
/// has looked into.
pub(super) fn expect_explained(agreements: &[Agreement], least: f64) -> Result<()> {
    for agreement in agreements {
        let image = &agreement.image;
        let unexplained = agreement
            .differences
            .iter()
            .find(|difference| difference.kind.verdict().is_none());
        if let Some(Difference {
            address,
            kind,
            ours,
            llvm,
            gnu,
        }) = unexplained
        {
            anyhow::bail!(
                "{image}: {} differs at {address:#x}, and nobody has looked into it:\n\
                 ukdbg {ours:#?}\nllvm-symbolizer {llvm:#?}\naddr2line {gnu:#?}",
                kind.title()
            );
        }
        ensure!(
            agreement.share() >= least,
            "{image}: only {:.2} % are as another tool has them, not {:#?}",
            agreement.share() * 100.0,
            agreement.differences
        );
    }
    Ok(())
}

fn agreement(ours: &Symbolizer, subject: Subject, count: usize, seed: u64) -> Result<Agreement> {
    let image = &subject.image;
    let addresses = code_addresses(image, count, seed)?;
    let mine = ours.ask(image, &addresses)?;
    let gnu = Symbolizer::Gnu.ask(image, &addresses)?;
    let llvm = Symbolizer::Llvm.ask(image, &addresses)?;
    let mut agreement = Agreement {
        image: subject.name,
        addresses: addresses.len(),
        equal_to_both: 0,
        equal_to_llvm: 0,
        equal_to_gnu: 0,
        peers_agree: 0,
        differences: Vec::new(),
    };
    let mut symbols = None;
    let answers = mine.into_iter().zip(llvm.into_iter().zip(gnu));
    for (&address, (mine, (llvm, gnu))) in addresses.iter().zip(answers) {
        let as_gnu = gnu == mine;
        let as_llvm = llvm == mine;
        agreement.equal_to_both += usize::from(as_gnu && as_llvm);
        agreement.equal_to_gnu += usize::from(as_gnu);
        agreement.equal_to_llvm += usize::from(as_llvm);
        agreement.peers_agree += usize::from(gnu == llvm);
        if as_gnu || as_llvm {
            continue;
        }
        if symbols.is_none() {
            symbols = Some(Symbols::of(image)?);
        }
        let known = symbols.as_ref().expect("just read");
        agreement
            .differences
            .push(difference(address, mine, [llvm, gnu], known));
    }
    Ok(agreement)
}

/// The kind is the one towards the tool that is nearer to us.
fn difference(
    address: u64,
    ours: Answer,
    [llvm, gnu]: [Answer; 2],
    symbols: &Symbols,
) -> Difference {
    let towards = |other| Kind::of(&ours, other, address, symbols);
    let kind = towards(&llvm).min(towards(&gnu));
    Difference {
        address,
        kind,
        ours,
        llvm,
        gnu,
    }
}
