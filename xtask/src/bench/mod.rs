//! `cargo xtask bench`: what ukdbg takes beside its peers, measured in one
//! run on one machine.
//!
//! Here are the figures and the areas; `measure` runs programs, `page` writes
//! the page.

mod cfg;
mod image;
mod measure;
mod page;
mod session;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::json;

use crate::cargo::build_ukdbg;
use crate::kernel;
use crate::setup::{self, Tool};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measure only this; without it, everything, and docs/performance.md is
    /// written
    #[arg(value_enum)]
    area: Option<Area>,
    /// Print a JSON line for each figure
    #[arg(long)]
    json: bool,
}

/// A part of ukdbg that is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Area {
    /// Attaching to a machine, one backtrace, detaching
    Session,
    /// Control-flow graphs
    Cfg,
    /// Places of addresses, breakpoints, unwinding
    Image,
}

impl Area {
    fn figures(self, built: &Built) -> Result<Vec<Figure>> {
        match self {
            Self::Session => session::figures(built),
            Self::Cfg => cfg::figures(built),
            Self::Image => image::figures(built),
        }
    }
}

/// What is measured with.
struct Built {
    kernel: PathBuf,
    ukdbg: PathBuf,
}

/// One piece of work, by ukdbg and by a peer.
struct Figure {
    area: &'static str,
    /// What was done.
    work: String,
    /// Seconds that ukdbg took.
    ours: f64,
    /// What ukdbg used of memory at most.
    peak_mib: f64,
    /// The peer's name, with its version where it says one.
    peer_name: String,
    /// What the peer took; none when it is not installed.
    peer: Option<Peer>,
    /// The ratio of times to get to.
    target: f64,
}

/// A peer's share of a figure.
struct Peer {
    seconds: f64,
    peak_mib: f64,
}

impl Figure {
    fn ratio(&self) -> Option<f64> {
        self.peer.as_ref().map(|peer| self.ours / peer.seconds)
    }

    fn json(&self) -> String {
        json!({
            "area": self.area,
            "work": self.work,
            "ours": self.ours,
            "peer": self.peer.as_ref().map(|peer| peer.seconds),
            "peer_name": self.peer_name,
            "ratio": self.ratio(),
            "target": self.target,
            "peak_mib": self.peak_mib,
        })
        .to_string()
    }
}

/// Measures, prints, and writes the page when everything was measured.
///
/// # Errors
/// When something does not build or does not do its work.
pub(crate) fn bench(arguments: &Arguments) -> Result<()> {
    setup::ensure(&[Tool::Qemu])?;
    let built = Built {
        kernel: kernel::build(None)?,
        ukdbg: build_ukdbg(&["--release"])?,
    };
    let areas = arguments
        .area
        .as_ref()
        .map_or(Area::value_variants(), std::slice::from_ref);
    let mut figures = Vec::new();
    for area in areas {
        for figure in area.figures(&built)? {
            if arguments.json {
                println!("{}", figure.json());
            }
            figures.push(figure);
        }
    }
    if !arguments.json {
        println!("{}", page::table(&figures));
    }
    if arguments.area.is_none() {
        page::write(&figures)?;
    }
    Ok(())
}
