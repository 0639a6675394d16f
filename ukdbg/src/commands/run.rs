//! `ukdbg run IMAGE`.
use crate::arguments::{Global, RunArguments};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;

/// Boots it.
pub(crate) fn run(_global: &Global, _options: &RunArguments, _output: &mut Output) -> Outcome {
    Ok(Exit::Fine)
}
