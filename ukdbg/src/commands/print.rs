//! `ukdbg print [ENDPOINT] EXPR`: the value of an expression.

use ukdbg_session::{Reply, Request};

use super::look;
use crate::arguments::{Global, PrintArguments};
use crate::escape::escape;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render::{self, Style};

/// Prints it.
pub(crate) fn run(global: &Global, options: &PrintArguments, output: &mut Output) -> Outcome {
    let words = look::words(&options.what.words);
    let format = words.format(options.format.as_deref())?;
    let (endpoint, expression) = words.needed("the value of what")?;
    let request = Request::Print {
        expression,
        frame: options.what.frame(),
        format,
        extent: options.extent.wanted(),
    };
    let reply = look::ask(global, &endpoint, request, output)?;
    let width = output.width();
    output.reply(&reply, |styles| match &reply {
        Reply::Print(print) => {
            let value = render::value(print, width);
            match options.with_type {
                true => {
                    let name = styles.paint(Style::Dim, escape(&print.type_name));
                    format!("{name} {value}\n")
                }
                false => format!("{value}\n"),
            }
        }
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
