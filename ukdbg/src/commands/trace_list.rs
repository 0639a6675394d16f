//! `ukdbg trace list [ENDPOINT]`: the events in a guest's trace rings.

use ukdbg_session::{Reply, Request};

use super::connect::{self, Question};
use crate::arguments::{Global, TraceListArguments};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render;

/// Prints them.
pub(crate) fn run(global: &Global, options: &TraceListArguments, output: &mut Output) -> Outcome {
    let prepared = connect::prepare(global, &options.endpoint, output)?;
    let request = Request::Trace {
        newest: options.last,
    };
    let reply = prepared.ask(Question::Request(request), output)?;
    output.reply(&reply, |styles| match &reply {
        Reply::Trace(trace) => render::events(trace, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
