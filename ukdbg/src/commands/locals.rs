//! `ukdbg locals [ENDPOINT]`: arguments and locals of a frame.

use ukdbg_session::{Reply, Request};

use super::look;
use crate::arguments::{Global, LocalsArguments};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render;

/// Prints them.
pub(crate) fn run(global: &Global, options: &LocalsArguments, output: &mut Output) -> Outcome {
    let request = Request::Locals {
        frame: (!options.all).then(|| options.of.frame().unwrap_or(0)),
        extent: options.extent.wanted(),
    };
    let reply = look::ask(global, &options.of.endpoint, request, output)?;
    output.reply(&reply, |styles| match &reply {
        Reply::Locals(locals) => render::locals(locals, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
