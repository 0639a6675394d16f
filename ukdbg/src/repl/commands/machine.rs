//! The machine as a whole: its report, its trace, its emulator, its end.

use std::path::Path;

use ukdbg_gdb_bridge::Leave;
use ukdbg_session::{Reply, Request};

use super::{Command, Does, Takes};
use crate::commands::{connect, dump};
use crate::escape::escape_lines;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use crate::repl::prompt::{Farewell, Leaving, Prompt};
use crate::repl::words::Words;

pub(super) static COMMANDS: [Command; 4] = [
    Command::new(
        "report",
        &[],
        "",
        "Explain what happened: the verdict, what it rests on, how it got there.",
        "report",
        Does::This(report),
    ),
    Command::new(
        "trace",
        &[],
        "list [N]",
        "Look at the guest's trace rings.",
        "trace list 5",
        Does::OneOf(&TRACE),
    ),
    Command::new(
        "dump",
        &["generate-core-file", "gcore"],
        "[FILE]",
        "Write the machine down as an ELF core.",
        "dump core",
        Does::This(write_down),
    )
    .takes(Takes::File),
    Command::new(
        "monitor",
        &["mon"],
        "COMMAND",
        "A command for the emulator's own monitor, or for the stub in the guest.",
        "monitor info status",
        Does::This(monitor),
    ),
];

static TRACE: [Command; 1] = [Command::new(
    "list",
    &["l"],
    "[N]",
    "The events in the trace rings, or the N newest.",
    "trace list 5",
    Does::This(trace_list),
)];

fn report(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let evidence = prompt.guest.evidence();
    let reply = prompt.ask(Request::Report(evidence))?;
    prompt.say(&reply, |prompt| match &reply {
        Reply::Report(report) => {
            render::report(report, &prompt.setup.commands, prompt.output.styles())
        }
        _ => String::new(),
    })
}

fn trace_list(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let newest = words.number("a count of events")?;
    words.end()?;
    let reply = prompt.ask(Request::Trace { newest })?;
    prompt.say(&reply, |prompt| match &reply {
        Reply::Trace(trace) => render::events(trace, prompt.output.styles()),
        _ => String::new(),
    })
}

fn write_down(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let path = Path::new(words.some_rest().unwrap_or("core"));
    let dumped = prompt.guest.dump(path)?;
    let view = dump::DumpView::of(&dumped, path);
    prompt.say_document(dump::DumpView::SCHEMA, &view, |_| view.text())?;
    dump::tell(&dumped, prompt.output);
    Ok(())
}

fn monitor(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let line = words.needed("which command of the monitor")?;
    let answer = prompt.guest.monitor(line).map_err(connect::unanswered)?;
    let Some(answer) = answer else {
        return Err(Failure::text(
            Exit::Usage,
            "no link leads to a monitor, or it does not know this command",
        ));
    };
    let lines = escape_lines(answer.trim_end());
    prompt.say_text(&format!("{lines}\n"))
}

pub(super) fn detach(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    prompt.leaving = Some(Farewell::Quit(Leaving::Machine(Leave::Running)));
    prompt.say_done()
}

pub(super) fn kill(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    prompt.leaving = Some(Farewell::Quit(Leaving::Ended));
    prompt.say_done()
}

/// What the links to the machine can do.
pub(super) fn abilities(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let reply = prompt.ask(Request::Abilities)?;
    prompt.say(&reply, |_| match &reply {
        Reply::Abilities(view) => render::abilities(view),
        _ => String::new(),
    })
}
