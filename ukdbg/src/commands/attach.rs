//! `ukdbg attach [ENDPOINT]`: the terminal interface on a machine that already
//! runs; in batch mode, its report.

use super::report;
use crate::arguments::{AttachArguments, Global};
use crate::failure::Outcome;
use crate::output::Output;

/// Opens it.
pub(crate) fn run(global: &Global, options: &AttachArguments, output: &mut Output) -> Outcome {
    report::run(global, &options.endpoint, output)
}
