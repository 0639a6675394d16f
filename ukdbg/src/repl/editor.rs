//! The line editor on a terminal: history, completion, hints. What can be
//! completed where is decided in `complete`.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter, HistoryHinter};
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Helper};

use super::complete::{self, Symbols, Wanted as Completed};
use super::input::{Line, Told, Wanted};
use super::prompt::Prompt;
use crate::failure::Failure;

/// Lines that are remembered from one time to the next.
const MOST_HISTORY: usize = 10_000;
/// How long the variables of a frame are waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// A terminal that marks pasted text no more (xterm's mode 2004).
const PASTE_UNMARKED: &[u8] = b"\x1b[?2004l\r\n";

/// A terminal and how it was found.
pub(super) struct Terminal {
    before: Termios,
}

impl Terminal {
    /// Standard input and output, if both are one.
    pub(super) fn open() -> io::Result<Option<Self>> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(io::stdin())?;
        Ok(Some(Self { before }))
    }

    /// Gives it back in the middle of a line.
    pub(super) fn restore(&self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        let _ = io::stdout().write_all(PASTE_UNMARKED);
        let _ = io::stdout().flush();
    }
}

/// A line editor.
pub(super) struct Editor {
    editor: rustyline::Editor<Helpers, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    /// One that knows the images, and asks for variables where they matter.
    pub(super) fn new(prompt: &Prompt<'_>, ask: SyncSender<Told>) -> Result<Self, Failure> {
        let colours = prompt.output.styles().enabled();
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            .max_history_size(MOST_HISTORY)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(unusable)?
            .build();
        let mut editor = rustyline::Editor::with_config(config).map_err(unusable)?;
        editor.set_helper(Some(Helpers {
            symbols: Symbols::new(prompt.guest.modules().clone()),
            files: FilenameCompleter::new(),
            history: HistoryHinter::new(),
            ask,
            colours,
        }));
        let history = history_file();
        if let Some(history) = &history {
            // The first time there is none.
            let _ = editor.load_history(history);
        }
        Ok(Self { editor, history })
    }

    /// The next line.
    pub(super) fn line(&mut self, wanted: Wanted) -> io::Result<Line> {
        let prompt = match wanted {
            Wanted::Command => "(ukdbg) ",
            Wanted::More => "> ",
        };
        match self.editor.readline(prompt) {
            Ok(text) => {
                if !text.trim().is_empty() {
                    let _ = self.editor.add_history_entry(&text);
                }
                if let Some(history) = &self.history {
                    // A history that cannot be kept keeps nobody from working.
                    let _ = self.editor.append_history(history);
                }
                Ok(Line::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Line::Cancelled),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

fn unusable(error: ReadlineError) -> Failure {
    Failure::from(io::Error::other(error))
}

/// `ukdbg/history` where a user's state is kept (XDG base directories).
fn history_file() -> Option<PathBuf> {
    let given = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = given.filter(|path| path.is_absolute()).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(PathBuf::from(home).join(".local/state"))
    })?;
    let folder = state.join("ukdbg");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// What the editor asks while a line is typed.
struct Helpers {
    symbols: Symbols,
    files: FilenameCompleter,
    history: HistoryHinter,
    ask: SyncSender<Told>,
    colours: bool,
}

impl Helpers {
    fn variables(&self) -> Vec<String> {
        let (answer, answered) = sync_channel(1);
        match self.ask.send(Told::Variables(answer)) {
            Ok(()) => answered.recv_timeout(PATIENCE).unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }
}

impl Completer for Helpers {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..at];
        let (start, wanted) = complete::wanted(typed);
        let word = &typed[start..];
        let found = match wanted {
            Completed::Nothing => Vec::new(),
            Completed::File => return self.files.complete(line, at, context),
            Completed::Command(names) => complete::beginning(names.into_iter(), word),
            Completed::Place => self.symbols.beginning(word),
            Completed::Value => {
                let variables = self.variables();
                let mut found = complete::beginning(variables.iter().map(String::as_str), word);
                found.extend(complete::registers(word));
                found.extend(self.symbols.beginning(word));
                found
            }
        };
        let pairs = found.into_iter().map(|text| Pair {
            display: crate::escape::escape_str(&text),
            replacement: text,
        });
        Ok((start, pairs.collect()))
    }
}

/// What may follow.
enum Following {
    /// A line that was typed before.
    Before(String),
    /// Arguments, which nobody can take over.
    Arguments(&'static str),
}

impl Hint for Following {
    fn display(&self) -> &str {
        match self {
            Self::Before(text) => text,
            Self::Arguments(text) => text,
        }
    }

    fn completion(&self) -> Option<&str> {
        match self {
            Self::Before(text) => Some(text),
            Self::Arguments(_) => None,
        }
    }
}

impl Hinter for Helpers {
    type Hint = Following;

    fn hint(&self, line: &str, at: usize, context: &Context<'_>) -> Option<Following> {
        // Without colours a hint looks typed.
        if !self.colours || at < line.len() {
            return None;
        }
        if let Some(before) = self.history.hint(line, at, context) {
            return Some(Following::Before(before));
        }
        complete::arguments(line).map(Following::Arguments)
    }
}

impl Highlighter for Helpers {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }
}

impl Validator for Helpers {}
impl Helper for Helpers {}
