//! `ukdbg bt [ENDPOINT]`: a backtrace of a machine that already runs.

use ukdbg_session::{Reply, Request, Scope};

use super::connect::{self, Question};
use crate::arguments::{BacktraceArguments, Global};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render;

/// Prints it.
pub(crate) fn run(global: &Global, options: &BacktraceArguments, output: &mut Output) -> Outcome {
    let scope = if options.all {
        Scope::All
    } else {
        Scope::Selected
    };
    let prepared = connect::prepare(global, &options.endpoint, output)?;
    let reply = prepared.ask(Question::Request(Request::Backtrace(scope)), output)?;
    output.reply(&reply, |styles| match &reply {
        Reply::Backtraces { backtraces } => render::backtraces(backtraces, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
