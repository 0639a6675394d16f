//! `ukdbg tables [ENDPOINT]`: the processor's descriptor tables.

use ukdbg_session::inspect::VcpuId;
use ukdbg_session::{Reply, Request};

use super::look;
use crate::arguments::{Global, TablesArguments};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::render;

/// Prints them.
pub(crate) fn run(global: &Global, options: &TablesArguments, output: &mut Output) -> Outcome {
    let request = Request::Tables {
        vcpu: options.cpu.map(VcpuId),
    };
    let reply = look::ask(global, &options.endpoint, request, output)?;
    output.reply(&reply, |styles| match &reply {
        Reply::Tables(tables) => render::tables(tables, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}
