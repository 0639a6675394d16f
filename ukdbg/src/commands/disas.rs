//! `ukdbg disas [ENDPOINT] [FUNCTION]`: the instructions of a function.

use ukdbg_session::{Reply, Request, Syntax};

use super::look;
use crate::arguments::{DisassembleArguments, Global};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render::{self, CodeStyle};

/// Prints them.
pub(crate) fn run(global: &Global, options: &DisassembleArguments, output: &mut Output) -> Outcome {
    let words = look::words(&options.what.words);
    let letters = words.letters("smr")?;
    let syntax = if options.att {
        Syntax::Att
    } else {
        Syntax::Intel
    };
    let request = Request::Code {
        expression: words.rest,
        frame: options.what.frame(),
        syntax,
    };
    let reply = look::ask(global, &words.endpoint, request, output)?;
    let shown = CodeStyle {
        source: options.source || letters.contains(['s', 'm']),
        bytes: options.bytes || letters.contains('r'),
    };
    output.reply(&reply, |styles| match &reply {
        Reply::Code(code) => render::code(code, shown, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
