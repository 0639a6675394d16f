//! The project's chores. Not part of what it ships.

mod kernel;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The project's chores"
)]
enum Command {
    /// Build the sample kernel; the last line printed is the image's path
    Kernel(kernel::Arguments),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Kernel(arguments) => kernel::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
