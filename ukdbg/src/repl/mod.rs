//! The command prompt, and scripts of its commands: GDB's familiar names over
//! the one interface of `session`. A line becomes a request, a reply becomes
//! text or a document; nothing here knows what is true about a machine.
//!
//! `commands` is the table of commands, a file for each group of them;
//! `prompt` carries them out, `go` waits for the machine, `input` and `editor`
//! are where lines come from.

mod commands;
mod complete;
mod display;
mod editor;
mod go;
mod guest;
mod input;
mod list;
mod prompt;
mod script;
mod settings;
mod words;

pub(crate) use guest::{Guest, Live, Still};
pub(crate) use prompt::{Farewell, Leaving, Setup};
pub(crate) use script::Step;

use std::io::IsTerminal;

use crate::arguments::PromptArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::Signals;
use input::{Console, Lines, Script};
use prompt::{AfterFailure, Prompt};

/// What is to be done at a prompt, with every file read.
pub(crate) struct Plan {
    script: Vec<String>,
    then: Then,
}

/// What comes after the commands that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Commands from standard input.
    Prompt,
    /// Nothing more.
    Leave,
}

/// How it went.
pub(crate) struct Visit {
    /// How the user left.
    pub(crate) farewell: Farewell,
    /// The exit code, as far as the commands have a say.
    pub(crate) exit: Exit,
}

impl Plan {
    /// From the command line; none when no prompt is asked for.
    pub(crate) fn of(options: &PromptArguments, batch: bool) -> Result<Option<Self>, Failure> {
        if !options.is_asked_for() {
            return Ok(None);
        }
        let script = script::lines(&options.steps)?;
        let then = match batch {
            true => Then::Leave,
            false => Then::Prompt,
        };
        Ok(Some(Self { script, then }))
    }

    /// The signals to look at. Where a person sits at the prompt Ctrl-C is for
    /// the guest.
    pub(crate) fn signals(&self) -> Result<Signals, Failure> {
        Ok(match self.is_interactive() {
            true => Signals::watch_for_prompt()?,
            false => Signals::watch()?,
        })
    }

    fn is_interactive(&self) -> bool {
        self.then == Then::Prompt && std::io::stdin().is_terminal()
    }

    /// Carries it out on a machine.
    pub(crate) fn carry_out(
        self,
        guest: &mut dyn Guest,
        output: &mut Output,
        setup: Setup,
    ) -> Result<Visit, Failure> {
        let mut prompt = Prompt::new(guest, output, setup);
        let after_failure = match self.then {
            Then::Leave => AfterFailure::Stop,
            Then::Prompt => AfterFailure::GoOn,
        };
        if self.is_interactive() {
            prompt.welcome()?;
        }
        prompt.carry_out(&mut Script::new(self.script), after_failure)?;
        let mut exit = prompt.failed();
        if self.then == Then::Prompt && prompt.leaving.is_none() {
            let mut console = Console::open(&prompt)?;
            prompt.carry_out(&mut console, AfterFailure::GoOn)?;
            exit = match console.is_interactive() {
                // Who typed it saw it fail.
                true => None,
                false => prompt.failed(),
            };
        }
        let farewell = prompt.farewell();
        Ok(Visit {
            exit: match farewell {
                Farewell::Signal(number) => Exit::Signal(number),
                Farewell::Quit(_) => exit.unwrap_or(Exit::Fine),
            },
            farewell,
        })
    }
}
