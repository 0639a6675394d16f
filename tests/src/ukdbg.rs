//! Running the built `ukdbg` as its user does.

use std::ffi::OsStr;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::DEADLINE;
use crate::built::ukdbg_program;
use crate::leftovers::expect_nothing_left;
use crate::process::{Finished, Running};
use crate::terminal::Terminal;

/// One invocation, in a temporary directory of its own that must be empty
/// afterwards.
#[derive(Debug)]
pub struct Ukdbg {
    command: Command,
    folder: TempDir,
    input: Stdio,
}

impl Ukdbg {
    /// `ukdbg ARGUMENTS`.
    ///
    /// # Panics
    /// When there is no room for temporary files.
    #[must_use]
    pub fn new<Argument: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Self {
        let folder = TempDir::with_prefix("ukdbg-run-").expect("a temporary directory");
        let mut command = Command::new(ukdbg_program());
        command
            .args(arguments)
            .env("TMPDIR", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("RUST_BACKTRACE");
        let input = Stdio::null();
        Self {
            command,
            folder,
            input,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn and<Argument: AsRef<OsStr>>(
        mut self,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Self {
        self.command.args(arguments);
        self
    }

    /// Gives it something to read.
    ///
    /// # Panics
    /// When there is no room for that.
    #[must_use]
    pub fn reading(mut self, text: &str) -> Self {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("it can be written");
        file.rewind().expect("it can be read again");
        self.input = file.into();
        self
    }

    /// Lets it work in a folder.
    #[must_use]
    pub fn working_in(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Lets it find the session of an invocation that runs in `folder`.
    #[must_use]
    pub fn beside(self, folder: &TempDir) -> Self {
        self.environment("TMPDIR", folder.path())
            .environment("XDG_RUNTIME_DIR", folder.path())
    }

    /// Runs it to its end, and checks that nothing is left behind.
    ///
    /// # Panics
    /// When it does not end in time, or leaves something.
    #[must_use]
    pub fn run(self) -> Finished {
        let started = Instant::now();
        let (running, folder) = self.start();
        let finished = running.finish(started, DEADLINE);
        expect_nothing_left(folder.path(), Duration::from_secs(10));
        finished
    }

    /// Runs it, expects it to end with `code`, and parses the one document
    /// that `--json` prints.
    ///
    /// # Panics
    /// When it ends otherwise, or prints something else.
    #[must_use]
    pub fn json(self, code: i32) -> serde_json::Value {
        self.and(["--json"]).json_as_given(code)
    }

    /// The same for a command line that holds `--json` already.
    ///
    /// # Panics
    /// When it ends otherwise, or prints something else.
    #[must_use]
    pub fn json_as_given(self, code: i32) -> serde_json::Value {
        let command = format!("{:?}", self.command);
        let finished = self.run();
        assert_eq!(finished.code, Some(code), "{command}\n{finished}");
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| {
            panic!("{command} printed no single document: {error}\n{finished}")
        })
    }

    /// Starts it and leaves it running. The folder holds its temporary files.
    #[must_use]
    pub fn start(mut self) -> (Running, TempDir) {
        let running = Running::start_reading(&mut self.command, self.input);
        (running, self.folder)
    }

    /// The same on a terminal.
    #[must_use]
    pub fn start_on(mut self, terminal: &Terminal) -> (Running, TempDir) {
        (terminal.start(&mut self.command), self.folder)
    }

    /// Where its temporary files go.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            code,
            stdout,
            stderr,
            ..
        } = self;
        write!(
            f,
            "exit code {code:?}\n--- standard output ---\n{stdout}\n--- standard error ---\n{stderr}"
        )
    }
}
