//! The prompt itself: takes commands one after another, carries each out by
//! the table, and says what came of it. What a command does is in `commands`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;
use ukdbg_gdb_bridge::Leave;
use ukdbg_session::{Extent, Reply, Request};

use super::commands::{self, Command, Does, Repeats};
use super::display::Displays;
use super::guest::Guest;
use super::input::{Line, Lines, Script, Wanted};
use super::list::Listed;
use super::settings::Settings;
use super::words::{UsageError, Words};
use crate::commands::connect;
use crate::escape::escape_lines;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::Commands;
use crate::signals::Signals;

/// Files and breakpoints whose commands run commands of others, at most.
const DEEPEST: usize = 16;

/// What the prompt is told at the start.
pub(crate) struct Setup {
    /// The machine, as its user named it.
    pub(crate) endpoint: String,
    /// How a user would come back, for reports.
    pub(crate) commands: Commands,
    /// How long a command waits for the machine.
    pub(crate) timeout: Option<Duration>,
    /// Signals, which a prompt looks at between any two things it does.
    pub(crate) signals: Signals,
}

/// How the user leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The machine as it was found, or as `detach` and `kill` ask.
    Quit(Leaving),
    /// A signal asked for it.
    Signal(u8),
}

/// What becomes of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// It is left.
    Machine(Leave),
    /// It has been ended.
    Ended,
}

/// What becomes of the commands behind one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterFailure {
    /// They are carried out.
    GoOn,
    /// They are not.
    Stop,
}

/// One machine, its user, and what the user looked at last.
pub(crate) struct Prompt<'a> {
    pub(super) guest: &'a mut dyn Guest,
    pub(super) output: &'a mut Output,
    pub(super) setup: Setup,
    pub(super) settings: Settings,
    /// The selected frame, as shown.
    pub(super) frame: usize,
    pub(super) listed: Option<Listed>,
    /// Where `x` goes on, and how.
    pub(super) examined: Option<super::commands::Examined>,
    pub(super) displays: Displays,
    /// Commands of breakpoints.
    pub(super) scripts: BTreeMap<u32, Vec<String>>,
    /// Commands of the breakpoint that was reached, still to be carried out.
    pub(super) pending: VecDeque<String>,
    /// The machine is there no more.
    pub(super) gone: bool,
    pub(super) leaving: Option<Farewell>,
    /// The command being carried out, as typed.
    command: String,
    /// What an empty line repeats.
    last: Option<String>,
    depth: usize,
    failed: Option<Exit>,
}

impl<'a> Prompt<'a> {
    /// A prompt on a machine.
    pub(crate) fn new(guest: &'a mut dyn Guest, output: &'a mut Output, setup: Setup) -> Self {
        Self {
            guest,
            output,
            setup,
            settings: Settings::default(),
            frame: 0,
            listed: None,
            examined: None,
            displays: Displays::default(),
            scripts: BTreeMap::new(),
            pending: VecDeque::new(),
            gone: false,
            leaving: None,
            command: String::new(),
            last: None,
            depth: 0,
            failed: None,
        }
    }

    /// How the user left; as it was found when the input simply ended.
    pub(crate) fn farewell(&self) -> Farewell {
        let as_found = Farewell::Quit(Leaving::Machine(Leave::AsFound));
        self.leaving.unwrap_or(as_found)
    }

    /// The exit code of the first command that failed.
    pub(crate) fn failed(&self) -> Option<Exit> {
        self.failed
    }

    /// Carries out commands until there are no more or the user leaves.
    pub(crate) fn carry_out(
        &mut self,
        lines: &mut dyn Lines,
        after_failure: AfterFailure,
    ) -> Result<(), Failure> {
        while self.leaving.is_none() && !self.signalled() {
            let text = match lines.next(self, Wanted::Command)? {
                Line::Text(text) => text,
                Line::Cancelled => continue,
                Line::End => break,
            };
            let Some(text) = self.meant(&text, lines.is_interactive()) else {
                continue;
            };
            let mut done = self.obey(&text, lines);
            while done && self.leaving.is_none() && !self.signalled() {
                let Some(next) = self.pending.pop_front() else {
                    break;
                };
                done = self.obey(&next, &mut Script::new([]));
            }
            // A reader that closed our output is nobody's to go on for.
            if self.failed == Some(Exit::BROKEN_PIPE) {
                return Err(Failure::from(std::io::Error::from(
                    std::io::ErrorKind::BrokenPipe,
                )));
            }
            if !done {
                self.pending.clear();
                if after_failure == AfterFailure::Stop {
                    break;
                }
            }
        }
        Ok(())
    }

    /// As [`Prompt::carry_out`], for a command that carries out others: its
    /// failure is theirs.
    pub(super) fn carry_out_script(&mut self, lines: Vec<String>) -> Result<(), Failure> {
        if self.depth >= DEEPEST {
            return Err(Failure::text(
                Exit::Usage,
                format_args!("scripts run scripts {DEEPEST} deep at most"),
            ));
        }
        self.depth += 1;
        let (failed, command) = (self.failed.take(), self.command.clone());
        let carried = self.carry_out(&mut Script::new(lines), AfterFailure::Stop);
        self.depth -= 1;
        self.command = command;
        let inner = std::mem::replace(&mut self.failed, failed);
        carried?;
        match inner {
            Some(exit) => Err(Failure::text(exit, "a command of the script failed")),
            None => Ok(()),
        }
    }

    /// The command that a line is; an empty one is the last again, where that
    /// may be repeated.
    fn meant(&mut self, text: &str, interactive: bool) -> Option<String> {
        let text = text.trim();
        match text {
            "" if interactive => self.last.clone(),
            "" => None,
            text if text.starts_with('#') => None,
            text => {
                let repeated = match commands::find(text).map(|(command, _)| command.repeats) {
                    Ok(Repeats::AsTyped) => Some(text.to_owned()),
                    Ok(Repeats::Bare) => text.split_whitespace().next().map(ToOwned::to_owned),
                    Ok(Repeats::Not) | Err(_) => None,
                };
                if interactive {
                    self.last = repeated;
                }
                Some(text.to_owned())
            }
        }
    }

    /// Carries out one command and tells why it failed, if it did.
    fn obey(&mut self, text: &str, lines: &mut dyn Lines) -> bool {
        self.command = text.to_owned();
        let done = commands::find(text)
            .and_then(|(command, mut words)| self.carry_out_one(command, &mut words, lines));
        let console = self.pour_console();
        match done.and(console) {
            Ok(()) => true,
            Err(failure) => {
                let exit = match self.tell_failure(&failure) {
                    Ok(()) => failure.exit,
                    Err(error) => Failure::from(error).exit,
                };
                self.failed.get_or_insert(exit);
                if exit == Exit::BROKEN_PIPE {
                    self.failed = Some(exit);
                }
                false
            }
        }
    }

    fn carry_out_one(
        &mut self,
        command: &'static Command,
        words: &mut Words<'_>,
        lines: &mut dyn Lines,
    ) -> Result<(), Failure> {
        match command.does {
            Does::This(run) => run(self, words),
            Does::ThisWithLines(run) => run(self, words, lines),
            Does::OneOf(_) => Err(commands::incomplete(command)),
        }
    }

    /// Whether a signal asks to leave.
    pub(super) fn signalled(&mut self) -> bool {
        if let Some(number) = self.setup.signals.arrived() {
            self.leaving = Some(Farewell::Signal(number));
        }
        matches!(self.leaving, Some(Farewell::Signal(_)))
    }

    /// An answer of the session.
    pub(super) fn ask(&mut self, request: Request) -> Result<Reply, Failure> {
        self.guest.answer(request).map_err(connect::unanswered)
    }

    /// The selected frame as requests name it: none for the innermost, which
    /// a machine without registers does not have.
    pub(super) fn selected(&self) -> Option<usize> {
        (self.frame > 0).then_some(self.frame)
    }

    /// Says a reply: as a document, or as the text that is made of it.
    pub(super) fn say(
        &mut self,
        reply: &Reply,
        text: impl FnOnce(&Self) -> String,
    ) -> Result<(), Failure> {
        self.say_document(reply.schema(), reply, text)
    }

    /// The same for what is no reply.
    pub(super) fn say_document<T: Serialize>(
        &mut self,
        schema: &'static str,
        content: &T,
        text: impl FnOnce(&Self) -> String,
    ) -> Result<(), Failure> {
        if self.output.is_json() {
            self.output.line(schema, &self.command, content)?;
        } else {
            let text = text(self);
            self.output.text(&text)?;
        }
        Ok(())
    }

    /// Says something of the prompt's own.
    pub(super) fn say_text(&mut self, text: &str) -> Result<(), Failure> {
        let told = Text { text };
        self.say_document(Text::SCHEMA, &told, |_| text.to_owned())
    }

    /// Says that it is done, to those who wait for an answer; people see it.
    pub(super) fn say_done(&mut self) -> Result<(), Failure> {
        if self.output.is_json() {
            self.say_text("")?;
        }
        Ok(())
    }

    /// Shows what the guest printed.
    pub(super) fn pour_console(&mut self) -> Result<(), Failure> {
        let printed = self.guest.console();
        if !printed.is_empty() {
            self.output.console(&printed)?;
        }
        Ok(())
    }

    /// A place as a breakpoint takes it. A line alone is one of the file that
    /// was listed last.
    pub(super) fn place(&self, text: &str) -> String {
        match &self.listed {
            Some(listed) if text.parse::<u32>().is_ok() => format!("{}:{text}", listed.file),
            _ => text.to_owned(),
        }
    }

    /// Names of the variables of the selected frame.
    pub(super) fn variables(&mut self) -> Vec<String> {
        let request = Request::Locals {
            frame: Some(self.frame),
            extent: Extent::default(),
        };
        let Ok(Reply::Locals(locals)) = self.guest.answer(request) else {
            return Vec::new();
        };
        let variables = locals.frames.into_iter().flat_map(|frame| frame.variables);
        variables
            .map(|variable| variable.name.raw().to_owned())
            .collect()
    }

    fn tell_failure(&mut self, failure: &Failure) -> std::io::Result<()> {
        if self.output.is_json() {
            let told = Told::of(failure);
            return self.output.line(Told::SCHEMA, &self.command, &told);
        }
        self.output.note(&failure.told_once());
        if let Some(hint) = &failure.hint {
            eprintln!("  try: {}", escape_lines(hint));
        }
        Ok(())
    }
}

/// Words of the prompt's own, as a document.
#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

impl Text<'_> {
    const SCHEMA: &'static str = "ukdbg.text/1";
}

/// A command that failed, as a document.
#[derive(Serialize)]
struct Told<'a> {
    error: String,
    hint: Option<&'a str>,
    /// Where the line is wrong, from 0, when that is why.
    column: Option<usize>,
}

impl<'a> Told<'a> {
    const SCHEMA: &'static str = "ukdbg.error/1";

    fn of(failure: &'a Failure) -> Self {
        let usage = failure.error.downcast_ref::<UsageError>();
        Self {
            error: usage.map_or_else(|| failure.told_once(), |usage| usage.message.clone()),
            hint: failure.hint.as_deref(),
            column: usage.map(|usage| usage.column),
        }
    }
}
