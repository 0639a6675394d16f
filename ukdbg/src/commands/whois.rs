//! `ukdbg whois [ENDPOINT] ADDRESS`: what an address is.

use ukdbg_session::{Reply, Request};

use super::look;
use crate::arguments::{Global, WhoisArguments};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render;

/// Prints it.
pub(crate) fn run(global: &Global, options: &WhoisArguments, output: &mut Output) -> Outcome {
    let (endpoint, expression) = look::words(&options.what.words).needed("what address")?;
    let request = Request::Whois {
        expression,
        frame: options.what.frame(),
    };
    let reply = look::ask(global, &endpoint, request, output)?;
    output.reply(&reply, |styles| match &reply {
        Reply::Whois(whois) => render::whois(whois, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
