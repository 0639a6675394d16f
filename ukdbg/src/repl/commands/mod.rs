//! The table of commands: what each is called, what it does, and how its help
//! reads. A group of commands is a file; each file has its part of the table.

mod breakpoints;
mod catching;
mod data;
mod files;
mod help;
mod info;
mod machine;
mod memory;
mod running;
mod settings;
mod source;
mod stack;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use memory::Examined;

use super::input::Lines;
use super::prompt::Prompt;
use super::words::Words;
use crate::exit::Exit;
use crate::failure::Failure;

/// Names that are offered for one that is unknown.
const NEAR_NAMES: usize = 3;

/// A command.
pub(crate) struct Command {
    /// Its name. Every unambiguous beginning of it is one as well.
    pub(crate) name: &'static str,
    /// Other names, which win over beginnings of names.
    pub(crate) aliases: &'static [&'static str],
    /// What is typed behind it.
    pub(crate) arguments: &'static str,
    /// What it does, in a sentence or a few; the first line stands in lists.
    pub(crate) help: &'static str,
    /// One use of it.
    pub(crate) example: &'static str,
    /// What is completed behind it.
    pub(crate) takes: Takes,
    pub(crate) repeats: Repeats,
    pub(crate) does: Does,
}

/// What a command takes, for completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// A function, or a place by its name.
    Place,
    /// An expression.
    Value,
    File,
    /// A command.
    Command,
}

/// What an empty line does behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// Nothing.
    Not,
    /// The same again.
    AsTyped,
    /// The same without its arguments: it goes on.
    Bare,
}

/// What is carried out.
pub(crate) enum Does {
    This(fn(&mut Prompt<'_>, &mut Words<'_>) -> Result<(), Failure>),
    /// The same for one whose arguments are several lines.
    ThisWithLines(fn(&mut Prompt<'_>, &mut Words<'_>, &mut dyn Lines) -> Result<(), Failure>),
    /// One of several, by the next word.
    OneOf(&'static [Command]),
}

impl Command {
    const fn new(
        name: &'static str,
        aliases: &'static [&'static str],
        arguments: &'static str,
        help: &'static str,
        example: &'static str,
        does: Does,
    ) -> Self {
        Self {
            name,
            aliases,
            arguments,
            help,
            example,
            takes: Takes::Nothing,
            repeats: Repeats::Not,
            does,
        }
    }

    const fn takes(mut self, takes: Takes) -> Self {
        self.takes = takes;
        self
    }

    const fn repeats(mut self, repeats: Repeats) -> Self {
        self.repeats = repeats;
        self
    }

    fn is_called(&self, word: &str) -> bool {
        self.name == word || self.aliases.contains(&word)
    }

    /// Its subcommands.
    pub(crate) fn parts(&self) -> &'static [Self] {
        match self.does {
            Does::OneOf(parts) => parts,
            _ => &[],
        }
    }
}

/// Commands that belong together.
pub(crate) struct Group {
    /// Their heading in `help`.
    pub(crate) title: &'static str,
    pub(crate) commands: &'static [Command],
}

/// All commands.
pub(crate) static GROUPS: [Group; 10] = [
    Group {
        title: "Running",
        commands: &running::COMMANDS,
    },
    Group {
        title: "Breakpoints and watchpoints",
        commands: &breakpoints::COMMANDS,
    },
    Group {
        title: "Stacks, CPUs and tasks",
        commands: &stack::COMMANDS,
    },
    Group {
        title: "Values",
        commands: &data::COMMANDS,
    },
    Group {
        title: "Memory and addresses",
        commands: &memory::COMMANDS,
    },
    Group {
        title: "Source and code",
        commands: &source::COMMANDS,
    },
    Group {
        title: "Status",
        commands: &status::COMMANDS,
    },
    Group {
        title: "The machine",
        commands: &machine::COMMANDS,
    },
    Group {
        title: "Files and scripts",
        commands: &files::COMMANDS,
    },
    Group {
        title: "Help and settings",
        commands: &help::COMMANDS,
    },
];

/// Every command of the first level.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> + Clone {
    GROUPS.iter().flat_map(|group| group.commands)
}

/// The command that a line is, and the line behind its name.
pub(crate) fn find(line: &str) -> Result<(&'static Command, Words<'_>), Failure> {
    let mut words = Words::new(line);
    let name = words.name();
    let mut command = among(all(), name, &words)?;
    while let Does::OneOf(parts) = command.does {
        let mut further = words.clone();
        let name = further.name();
        if further.peek().is_none() && name.is_empty() {
            break;
        }
        match among(parts.iter(), name, &further) {
            Ok(found) => command = found,
            // `set x = 5` has no setting's name.
            Err(error) => match parts.iter().find(|part| part.name.is_empty()) {
                Some(other) => return Ok((other, words)),
                None => return Err(error),
            },
        }
        words = further;
    }
    Ok((command, words))
}

/// The one that a name means: exactly, or as the beginning of one alone.
fn among(
    commands: impl Iterator<Item = &'static Command> + Clone,
    name: &str,
    words: &Words<'_>,
) -> Result<&'static Command, Failure> {
    if let Some(exact) = commands.clone().find(|command| command.is_called(name)) {
        return Ok(exact);
    }
    let begins: Vec<&Command> = match name {
        "" => Vec::new(),
        name => commands
            .clone()
            .filter(|command| command.name.starts_with(name))
            .collect(),
    };
    match begins.as_slice() {
        [one] => Ok(one),
        [] => Err(unknown(commands, name, words)),
        several => {
            let names: Vec<&str> = several.iter().map(|command| command.name).collect();
            Err(words
                .wrong(format_args!("`{name}` begins several commands"))
                .hint(names.join(", ")))
        }
    }
}

fn unknown(
    commands: impl Iterator<Item = &'static Command>,
    name: &str,
    words: &Words<'_>,
) -> Failure {
    let failure = words.wrong(match name {
        "" => "no command begins like that".to_owned(),
        name => format!("there is no command `{name}`"),
    });
    if matches!(name, "run" | "start" | "starti" | "target" | "file") {
        return failure.hint("the machine is there already: `continue` lets it go on");
    }
    let mut near: Vec<(usize, &str)> = commands
        .filter(|command| !command.name.is_empty())
        .map(|command| (distance(name, command.name), command.name))
        .filter(|(distance, near)| *distance <= near.len().min(name.len()) / 2)
        .collect();
    near.sort_unstable();
    match near.is_empty() {
        true => failure.hint("help"),
        false => {
            let names = near.into_iter().take(NEAR_NAMES).map(|(_, name)| name);
            failure.hint(names.collect::<Vec<_>>().join(", "))
        }
    }
}

/// How many letters differ (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let change = before + usize::from(a != *b);
            before = row[j + 1];
            row[j + 1] = change.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// What is wrong with a command that needs another word.
pub(crate) fn incomplete(command: &Command) -> Failure {
    let parts = command.parts().iter().map(|part| part.name);
    let parts: Vec<&str> = parts.filter(|name| !name.is_empty()).collect();
    Failure::text(Exit::Usage, format_args!("{} what?", command.name)).hint(parts.join(", "))
}
