//! `ukdbg completions SHELL`: a completion script on standard output.

use clap::CommandFactory;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;

/// Prints the script.
pub(crate) fn run(options: &CompletionsArguments, output: &mut Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut Arguments::command(),
        "ukdbg",
        &mut script,
    );
    output.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
