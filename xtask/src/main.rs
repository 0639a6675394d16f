//! The project's own tasks: `cargo xtask TASK`.
//!
//! Only the command line is here; each task has a file of its name.
#![forbid(unsafe_code)]

mod bench;
mod cargo;
mod conformance;
mod demo;
mod hostile;
mod kernel;
mod setup;
mod steps;
mod test;
mod truth;

use std::process::ExitCode;

use anyhow::{Error, Result};
use clap::{Parser, Subcommand};

use crate::setup::MissingTools;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a check failed, or something does not build
  2  the command line cannot be used
  3  a tool is missing and could not be installed";

/// Tasks of the ukdbg project
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Boot the sample unikernel, let it fault, and show ukdbg's report
    Demo,
    /// Run every check: format, lints, unit tests, end-to-end tests on QEMU
    Test,
    /// Build the sample unikernel and print its path as the last line
    Kernel(kernel::Arguments),
    /// Measure ukdbg beside its peers and write docs/performance.md
    Bench(bench::Arguments),
    /// Record what GDB and LLDB ask of both stubs, and write docs/rsp.md
    Conformance,
    /// Compare ukdbg's answers with those of other tools and write
    /// docs/truth.md
    Truth(truth::Arguments),
    /// Damage images, cores, packets and the like, and ask everything of them:
    /// none may panic, take over two seconds or more than 1 GiB
    Hostile(hostile::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            exit_code(&error)
        }
    }
}

fn perform(task: Task) -> Result<()> {
    match task {
        Task::Demo => demo::demo(),
        Task::Test => test::test(),
        Task::Kernel(arguments) => kernel::run(&arguments),
        Task::Bench(arguments) => bench::bench(&arguments),
        Task::Conformance => conformance::conformance(),
        Task::Truth(arguments) => truth::truth(&arguments),
        Task::Hostile(arguments) => hostile::hostile(&arguments),
    }
}

fn exit_code(error: &Error) -> ExitCode {
    if error.downcast_ref::<MissingTools>().is_some() {
        ExitCode::from(3)
    } else {
        ExitCode::FAILURE
    }
}
