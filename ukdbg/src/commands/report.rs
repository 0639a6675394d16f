//! `ukdbg report [ENDPOINT]`: what happened to a machine that already runs.

use ukdbg_session::Reply;

use super::connect::{self, Question};
use crate::arguments::{EndpointArguments, Global};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render;

/// Prints the report.
pub(crate) fn run(global: &Global, options: &EndpointArguments, output: &mut Output) -> Outcome {
    let mut prepared = connect::prepare(global, options, output)?;
    let commands = std::mem::take(&mut prepared.commands);
    let reply = prepared.ask(Question::Report, output)?;
    output.reply(&reply, |styles| match &reply {
        Reply::Report(report) => render::report(report, &commands, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
