//! What there is, and how to leave.

use std::fmt::Write;

use serde::Serialize;
use ukdbg_gdb_bridge::Leave;

use super::{Command, Does, GROUPS, Takes, all, find, settings};
use crate::failure::Failure;
use crate::render::Style;
use crate::repl::prompt::{Farewell, Leaving, Prompt};
use crate::repl::words::Words;

pub(super) static COMMANDS: [Command; 5] = [
    Command::new(
        "help",
        &["h", "?"],
        "[COMMAND]",
        "List the commands, or tell about one.",
        "help break",
        Does::This(help),
    )
    .takes(Takes::Command),
    Command::new(
        "apropos",
        &[],
        "WORD",
        "List the commands whose help holds a word.",
        "apropos memory",
        Does::This(apropos),
    ),
    Command::new(
        "set",
        &[],
        "[var] PLACE = VALUE | SETTING VALUE",
        "Change a variable, memory or a register; or a setting of the prompt.",
        "set listsize 20",
        Does::OneOf(&settings::SET),
    )
    .takes(Takes::Value),
    Command::new(
        "show",
        &[],
        "[SETTING]",
        "Tell the prompt's settings.",
        "show listsize",
        Does::This(settings::show),
    ),
    Command::new(
        "quit",
        &["q", "exit"],
        "",
        "Leave; the machine is left as it was found.",
        "quit",
        Does::This(quit),
    ),
];

fn quit(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    prompt.leaving = Some(Farewell::Quit(Leaving::Machine(Leave::AsFound)));
    prompt.say_done()
}

fn help(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    match words.some_rest() {
        None => {
            let all = all().map(CommandHelp::of);
            let help = Help {
                commands: all.collect(),
            };
            prompt.say_document(Help::SCHEMA, &help, overview)
        }
        Some(line) => {
            let (command, _) = find(line)?;
            let help = Help {
                commands: vec![CommandHelp::of(command)],
            };
            prompt.say_document(Help::SCHEMA, &help, |_| about(command))
        }
    }
}

/// Commands as a document.
#[derive(Serialize)]
struct Help {
    commands: Vec<CommandHelp>,
}

impl Help {
    const SCHEMA: &'static str = "ukdbg.help/1";
}

/// One command.
#[derive(Serialize)]
struct CommandHelp {
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: &'static str,
    help: &'static str,
    example: &'static str,
    parts: Vec<CommandHelp>,
}

impl CommandHelp {
    fn of(command: &Command) -> Self {
        Self {
            name: command.name,
            aliases: command.aliases,
            arguments: command.arguments,
            help: command.help,
            example: command.example,
            parts: command.parts().iter().map(Self::of).collect(),
        }
    }
}

fn overview(prompt: &Prompt<'_>) -> String {
    let styles = prompt.output.styles();
    let mut out = String::new();
    for group in &GROUPS {
        let _ = writeln!(out, "{}", styles.paint(Style::Heading, group.title));
        for command in group.commands {
            out.push_str(&row(command));
        }
    }
    out.push_str("\nhelp COMMAND tells more, apropos WORD searches. Names may be shortened.\n");
    out
}

fn row(command: &Command) -> String {
    let names = match command.aliases.first() {
        Some(alias) if alias.len() < command.name.len() => format!("{} ({alias})", command.name),
        _ => command.name.to_owned(),
    };
    let help = command.help.lines().next().unwrap_or_default();
    format!("  {names:<20} {help}\n")
}

fn about(command: &Command) -> String {
    let mut out = format!("{} {}", command.name, command.arguments);
    out.truncate(out.trim_end().len());
    if !command.aliases.is_empty() {
        let _ = write!(out, "   (also: {})", command.aliases.join(", "));
    }
    let _ = writeln!(out, "\n\n{}", command.help);
    for part in command.parts() {
        let name = match part.name {
            "" => part.arguments,
            name => name,
        };
        let help = part.help.lines().next().unwrap_or_default();
        let _ = writeln!(out, "  {name:<22} {help}");
    }
    let _ = writeln!(out, "\nExample: {}", command.example);
    out
}

fn apropos(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let word = words.needed("which word")?.to_lowercase();
    let holds = |command: &Command| {
        let texts = [command.name, command.help, command.arguments];
        texts.iter().any(|text| text.to_lowercase().contains(&word))
    };
    let mut out = String::new();
    for command in all() {
        if holds(command) {
            out.push_str(&row(command));
        }
        let parts = command.parts().iter();
        for part in parts.filter(|part| !part.name.is_empty() && holds(part)) {
            let help = part.help.lines().next().unwrap_or_default();
            let name = format!("{} {}", command.name, part.name);
            let _ = writeln!(out, "  {name:<20} {help}");
        }
    }
    if out.is_empty() {
        return Err(words
            .wrong("no command's help holds that word")
            .hint("help"));
    }
    prompt.say_text(&out)
}
