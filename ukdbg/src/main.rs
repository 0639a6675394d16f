//! `ukdbg`: the commands and the terminal interface. Front ends only: what is
//! true about a machine is `session`'s to say, how one is reached is
//! `gdb-bridge`'s.

mod arguments;
mod commands;
mod companion_files;
mod console;
mod debug_files;
mod endpoint;
mod escape;
mod evidence;
mod exit;
mod failure;
mod images;
mod index_cache;
mod new_file;
mod output;
mod recording;
mod render;
mod repl;
mod signals;
mod sources;
mod tui;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, TraceCommand};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

fn main() -> ExitCode {
    if let Some(code) = commands::hidden::entered() {
        return code;
    }
    let arguments = Arguments::parse_from(arguments::expanded(std::env::args_os()));
    let result = panic::catch_unwind(AssertUnwindSafe(|| dispatch(&arguments)));
    match result {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            report_failure(&failure);
            failure.exit.into()
        }
        Err(_) => {
            eprintln!(
                "ukdbg: this is a defect of ukdbg's own; please report it with the lines above"
            );
            Exit::Defect.into()
        }
    }
}

fn dispatch(arguments: &Arguments) -> Outcome {
    let mut output = Output::new(&arguments.global);
    let outcome = run_command(arguments, &mut output);
    output.name_missing_files();
    outcome
}

fn run_command(arguments: &Arguments, output: &mut Output) -> Outcome {
    match &arguments.command {
        Command::Run(options) => commands::run::run(&arguments.global, options, output),
        Command::Replay(options) => commands::replay::run(&arguments.global, options, output),
        Command::Why(options) => commands::why::run(&arguments.global, options, output),
        Command::Attach(options) => commands::attach::run(&arguments.global, options, output),
        Command::Bt(options) => commands::bt::run(&arguments.global, options, output),
        Command::Report(options) => commands::report::run(&arguments.global, options, output),
        Command::Dump(options) => commands::dump::run(&arguments.global, options, output),
        Command::Cfg(options) => commands::cfg::run(&arguments.global, options, output),
        Command::Symbols(options) => commands::symbols::run(&arguments.global, options, output),
        Command::Addr2line(options) => commands::addr2line::run(&arguments.global, options, output),
        Command::Whois(options) => commands::whois::run(&arguments.global, options, output),
        Command::Locals(options) => commands::locals::run(&arguments.global, options, output),
        Command::Print(options) => commands::print::run(&arguments.global, options, output),
        Command::X(options) => commands::x::run(&arguments.global, options, output),
        Command::Regs(options) => commands::regs::run(&arguments.global, options, output),
        Command::Tables(options) => commands::tables::run(&arguments.global, options, output),
        Command::Disas(options) => commands::disas::run(&arguments.global, options, output),
        Command::List(options) => commands::list::run(&arguments.global, options, output),
        Command::Trace {
            command: TraceCommand::List(options),
        } => commands::trace_list::run(&arguments.global, options, output),
        Command::Completions(options) => commands::completions::run(options, output),
    }
}

/// What was tried, why it failed, what to do next. A reader that closed our
/// standard output knows already.
fn report_failure(failure: &Failure) {
    if failure.exit == Exit::BROKEN_PIPE {
        return;
    }
    eprintln!("ukdbg: {}", escape::escape_lines(&failure.told_once()));
    if let Some(hint) = &failure.hint {
        eprintln!("  try: {}", escape::escape_lines(hint));
    }
}
