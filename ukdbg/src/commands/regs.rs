//! `ukdbg regs [ENDPOINT]`: the registers of a frame.

use ukdbg_session::{Reply, Request};

use super::look;
use crate::arguments::{Global, RegistersArguments};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render::{self, RegisterSet};

/// Prints them.
pub(crate) fn run(global: &Global, options: &RegistersArguments, output: &mut Output) -> Outcome {
    let request = Request::FrameRegisters {
        frame: options.frame.frame.unwrap_or(0),
    };
    let reply = look::ask(global, &options.endpoint, request, output)?;
    let set = if options.all {
        RegisterSet::All
    } else {
        RegisterSet::General
    };
    output.reply(&reply, |styles| match &reply {
        Reply::Registers(view) => render::registers(view, set, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
