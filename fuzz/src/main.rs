//! Damages what ukdbg reads (images, cores, packets, logs, rings, expressions)
//! and asks everything of it. A panic, a case of more than two seconds of
//! processor time, or one that needs more than 1 GiB, is a finding.
//!
//! `campaign` hands cases to child processes and watches them, `worker` is
//! such a child, `case` makes a case out of a seed file (`corpus`) by damage
//! (`mutate`), `subject` asks. Not here: building what is damaged beyond what
//! compilers do, which `cargo xtask hostile` does.
#![forbid(unsafe_code)]

mod anatomy;
mod campaign;
mod case;
mod corpus;
mod findings;
mod mutate;
mod random;
mod subject;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::subject::Kind;

/// Damages what ukdbg reads, and asks everything of it
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run cases in child processes and watch them
    Campaign(campaign::Arguments),
    /// Run cases in this process and tell of each
    #[command(hide = true)]
    Work(worker::Arguments),
    /// Run one case that was found, in this process
    Repeat {
        /// The file of the finding; its name begins with its kind
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match perform(Arguments::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was found.
fn perform(task: Task) -> Result<bool> {
    match task {
        Task::Campaign(arguments) => campaign::run(&arguments),
        Task::Work(arguments) => worker::run(&arguments).map(|()| true),
        Task::Repeat { file } => {
            let kind = Kind::of_finding(&file)?;
            worker::repeat(kind, &std::fs::read(&file)?)
        }
    }
}
