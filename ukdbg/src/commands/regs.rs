//! `ukdbg regs [ENDPOINT]`: the registers of a frame.

use ukdbg_session::{RegisterSet, Reply, Request};

use super::look;
use crate::arguments::{Global, RegistersArguments};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render;

/// Prints them.
pub(crate) fn run(global: &Global, options: &RegistersArguments, output: &mut Output) -> Outcome {
    let set = if options.all {
        RegisterSet::All
    } else {
        RegisterSet::Frame
    };
    let request = Request::FrameRegisters {
        frame: options.of.frame().unwrap_or(0),
        set,
    };
    let reply = look::ask(global, &options.of.endpoint, request, output)?;
    output.reply(&reply, |styles| match &reply {
        Reply::Registers(view) => render::registers(view, set, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
