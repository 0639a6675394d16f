//! `ukdbg x/16gx [ENDPOINT] EXPR`: memory, unit by unit.

use ukdbg_session::{Format, Reply, Request};

use super::look;
use crate::arguments::{ExamineArguments, Global};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render;

/// Prints it.
pub(crate) fn run(global: &Global, options: &ExamineArguments, output: &mut Output) -> Outcome {
    let words = look::words(&options.what.words);
    let format = words.format(options.format.as_deref())?;
    let (endpoint, expression) = words.needed("the memory at what address")?;
    let format = format.unwrap_or(Format {
        count: None,
        size: None,
        letter: None,
    });
    let request = Request::Examine {
        expression,
        frame: options.what.frame(),
        format: Format {
            count: options.count.or(format.count),
            ..format
        },
    };
    let reply = look::ask(global, &endpoint, request, output)?;
    output.reply(&reply, |styles| match &reply {
        Reply::Memory(memory) => render::memory(memory, styles),
        _ => String::new(),
    })?;
    let nothing = matches!(&reply, Reply::Memory(memory) if memory.rows.is_empty() && memory.unreadable.is_some());
    Ok(if nothing {
        Exit::Unreachable
    } else {
        Exit::Fine
    })
}
