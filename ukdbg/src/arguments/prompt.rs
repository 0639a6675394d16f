//! Arguments of the commands that can open a prompt. Those that are commands
//! for it keep the order in which they were typed, whichever option they came
//! by.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::repl::Step;

/// Whether a prompt is asked for, and what is to be done there first.
#[derive(Debug, Clone, Default)]
pub(crate) struct PromptArguments {
    opened: bool,
    /// Commands, in order.
    pub(crate) steps: Vec<Step>,
}

impl PromptArguments {
    /// The names of its options, for those that exclude them.
    pub(crate) const OPTIONS: [&str; 3] = ["repl", "commands-file", "command"];

    /// Whether there is to be one, if only for the commands that are given.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.opened || !self.steps.is_empty()
    }
}

impl Args for PromptArguments {
    fn augment_args(command: Command) -> Command {
        let [opened, file, single] = Self::OPTIONS;
        command
            .arg(
                Arg::new(opened)
                    .long("repl")
                    .action(ArgAction::SetTrue)
                    .help("Open the command prompt; `help` there lists its commands"),
            )
            .arg(
                Arg::new(file)
                    .short('x')
                    .value_name("FILE")
                    .action(ArgAction::Append)
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("Carry out the prompt's commands in FILE (may be repeated)"),
            )
            .arg(
                Arg::new(single)
                    .short('e')
                    .value_name("COMMAND")
                    .action(ArgAction::Append)
                    .allow_hyphen_values(true)
                    .help("Carry out a command of the prompt (may be repeated); the prompt follows, but for --batch, which leaves at the first that fails"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PromptArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut new = Self::default();
        new.update_from_arg_matches(matches)?;
        Ok(new)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let [opened, file, single] = Self::OPTIONS;
        let mut steps: Vec<(usize, Step)> = Vec::new();
        let files = matches.get_many::<PathBuf>(file).into_iter().flatten();
        let places = matches.indices_of(file).into_iter().flatten();
        steps.extend(places.zip(files.cloned().map(Step::File)));
        let commands = matches.get_many::<String>(single).into_iter().flatten();
        let places = matches.indices_of(single).into_iter().flatten();
        steps.extend(places.zip(commands.cloned().map(Step::Command)));
        steps.sort_by_key(|(place, _)| *place);
        self.opened = matches.get_flag(opened);
        self.steps = steps.into_iter().map(|(_, step)| step).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Step;
    use crate::arguments::{Arguments, Command};

    #[test]
    fn commands_keep_their_order() {
        let typed = [
            "ukdbg", "attach", "-e", "b main", "-x", "f", "tcp:h:1", "-e", "-c",
        ];
        let Command::Attach(options) = Arguments::parse_from(typed).command else {
            panic!("{typed:?} attaches to nothing");
        };
        assert!(options.prompt.is_asked_for());
        assert_eq!(
            options.prompt.steps,
            [
                Step::Command("b main".to_owned()),
                Step::File("f".into()),
                Step::Command("-c".to_owned()),
            ]
        );
        assert_eq!(options.endpoint.endpoint.as_deref(), Some("tcp:h:1"));
    }
}
