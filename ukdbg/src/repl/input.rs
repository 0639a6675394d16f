//! Where commands come from: the words of a script, or whoever sits at
//! standard input, who is waited for on a thread of his own, so that signals
//! are noticed meanwhile.

use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::editor::{Editor, Terminal};
use super::prompt::Prompt;
use crate::failure::Failure;

/// How long nobody looks for signals.
const SLICE: Duration = Duration::from_millis(50);

/// Which line is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A command.
    Command,
    /// One more line of a command that takes several.
    More,
}

/// A line, or why there is none.
#[derive(Debug)]
pub(crate) enum Line {
    /// As typed.
    Text(String),
    /// What was typed so far is dropped.
    Cancelled,
    /// There are no more.
    End,
}

/// A source of commands.
pub(crate) trait Lines {
    /// The next line.
    fn next(&mut self, prompt: &mut Prompt<'_>, wanted: Wanted) -> Result<Line, Failure>;

    /// Whether a person types them, who sees what a command says and may say
    /// nothing to have it again.
    fn is_interactive(&self) -> bool;
}

/// Commands that are there already.
pub(crate) struct Script(VecDeque<String>);

impl Script {
    /// In this order.
    pub(crate) fn new(lines: impl IntoIterator<Item = String>) -> Self {
        Self(lines.into_iter().collect())
    }
}

impl Lines for Script {
    fn next(&mut self, _: &mut Prompt<'_>, _: Wanted) -> Result<Line, Failure> {
        Ok(self.0.pop_front().map_or(Line::End, Line::Text))
    }

    fn is_interactive(&self) -> bool {
        false
    }
}

/// Standard input.
pub(crate) struct Console {
    wanted: SyncSender<Wanted>,
    lines: Receiver<Told>,
    terminal: Option<Terminal>,
    /// Somebody is in the middle of a line.
    waiting: bool,
}

/// What the thread that waits says.
pub(super) enum Told {
    /// A line.
    Line(std::io::Result<Line>),
    /// A question: the variables of the selected frame, to complete one.
    Variables(SyncSender<Vec<String>>),
}

impl Console {
    /// With line editing on a terminal, line by line otherwise.
    pub(crate) fn open(prompt: &Prompt<'_>) -> Result<Self, Failure> {
        let terminal = Terminal::open()?;
        let (wanted, asked) = sync_channel::<Wanted>(1);
        let (tell, lines) = sync_channel(1);
        match &terminal {
            Some(_) => {
                let editor = Editor::new(prompt, tell.clone())?;
                thread::spawn(move || edit(editor, &asked, &tell));
            }
            None => {
                thread::spawn(move || read(&asked, &tell));
            }
        }
        Ok(Self {
            wanted,
            lines,
            terminal,
            waiting: false,
        })
    }
}

fn edit(mut editor: Editor, asked: &Receiver<Wanted>, tell: &SyncSender<Told>) {
    while let Ok(wanted) = asked.recv() {
        if tell.send(Told::Line(editor.line(wanted))).is_err() {
            return;
        }
    }
}

fn read(asked: &Receiver<Wanted>, tell: &SyncSender<Told>) {
    let mut input = std::io::stdin().lock();
    while asked.recv().is_ok() {
        let mut bytes = Vec::new();
        let line = input
            .read_until(b'\n', &mut bytes)
            .map(|count| match count {
                0 => Line::End,
                _ => Line::Text(String::from_utf8_lossy(&bytes).trim_end().to_owned()),
            });
        if tell.send(Told::Line(line)).is_err() {
            return;
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let (true, Some(terminal)) = (self.waiting, &self.terminal) {
            terminal.restore();
        }
    }
}

impl Lines for Console {
    fn next(&mut self, prompt: &mut Prompt<'_>, wanted: Wanted) -> Result<Line, Failure> {
        if self.wanted.send(wanted).is_err() {
            return Ok(Line::End);
        }
        self.waiting = true;
        loop {
            match self.lines.recv_timeout(SLICE) {
                Ok(Told::Line(line)) => {
                    self.waiting = false;
                    return Ok(line?);
                }
                Ok(Told::Variables(answer)) => {
                    // Whoever asked may have gone on.
                    let _ = answer.try_send(prompt.variables());
                }
                Err(RecvTimeoutError::Timeout) => {
                    if prompt.signalled() {
                        return Ok(Line::End);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(Line::End),
            }
        }
    }

    fn is_interactive(&self) -> bool {
        self.terminal.is_some()
    }
}
