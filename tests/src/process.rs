//! Running a process with a deadline, its output collected while it runs.
//!
//! Not here: what is run, and looking for processes that outlive their test.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A process under way, in a process group of its own. Dropping it ends the
/// group.
#[derive(Debug)]
pub struct Running {
    what: String,
    group: Pid,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
    ended: mpsc::Receiver<ExitStatus>,
    status: Option<ExitStatus>,
}

/// What a process that ended left.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// From start to end.
    pub wall: Duration,
}

impl Running {
    /// Starts `command` with its output collected and no input.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        Self::start_reading(command, Stdio::null())
    }

    /// The same with something to read.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_reading(command: &mut Command, input: Stdio) -> Self {
        let what = format!("{command:?}");
        let mut child = command
            .process_group(0)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {what}: {error}"));
        let group = Pid::from_child(&child);
        let stdout = Output::follow(child.stdout.take().expect("stdout is piped"));
        let stderr = Output::follow(child.stderr.take().expect("stderr is piped"));
        Self {
            what,
            group,
            stdout,
            stderr,
            ended: announce_end(child),
            status: None,
        }
    }

    /// Starts `command` on the terminal that its standard streams are, which
    /// keeps its output.
    ///
    /// # Panics
    /// When it cannot be started.
    pub(crate) fn on_terminal(command: &mut Command) -> Self {
        let what = format!("{command:?}");
        let child = command
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {what}: {error}"));
        let nothing = Output::follow(std::io::empty());
        Self {
            what,
            group: Pid::from_child(&child),
            stdout: Arc::clone(&nothing),
            stderr: nothing,
            ended: announce_end(child),
            status: None,
        }
    }

    /// Waits until standard output holds `text`.
    ///
    /// # Panics
    /// When the output ends or the deadline passes without it.
    pub fn wait_for_stdout(&self, text: &str, deadline: Duration) {
        self.expect(&self.stdout, text, deadline);
    }

    /// Waits until standard error holds `text`.
    ///
    /// # Panics
    /// When the output ends or the deadline passes without it.
    pub fn wait_for_stderr(&self, text: &str, deadline: Duration) {
        self.expect(&self.stderr, text, deadline);
    }

    fn expect(&self, output: &Output, text: &str, deadline: Duration) {
        assert!(
            output.wait_for(text, deadline),
            "{} never printed {text:?}\n{}",
            self.what,
            self.said()
        );
    }

    /// What it printed on standard output so far.
    #[must_use]
    pub fn printed(&self) -> String {
        self.stdout.text()
    }

    /// What it printed so far, for messages about failures.
    #[must_use]
    pub fn said(&self) -> String {
        format!(
            "--- standard output ---\n{}\n--- standard error ---\n{}",
            self.stdout.text(),
            self.stderr.text()
        )
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) {
        // It may have ended meanwhile, which is no failure.
        let _ = kill_process(self.group, signal);
    }

    /// Sends a signal to its whole group, as a terminal does for Ctrl-C.
    pub fn signal_group(&self, signal: Signal) {
        let _ = kill_process_group(self.group, signal);
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    /// Waits for its end; its exit code, if no signal ended it.
    ///
    /// # Panics
    /// When the deadline passes first.
    #[must_use]
    pub fn wait_for_end(&mut self, deadline: Duration) -> Option<i32> {
        let Ok(status) = self.ended.recv_timeout(deadline) else {
            panic!("{} did not end in {deadline:?}\n{}", self.what, self.said());
        };
        self.status = Some(status);
        status.code()
    }

    /// Waits for its end, and for the end of its output.
    ///
    /// # Panics
    /// When the deadline passes first.
    #[must_use]
    pub fn finish(mut self, started: Instant, deadline: Duration) -> Finished {
        let Ok(status) = self.ended.recv_timeout(deadline) else {
            panic!("{} did not end in {deadline:?}\n{}", self.what, self.said());
        };
        let wall = started.elapsed();
        self.status = Some(status);
        // Someone who inherited the pipes may hold them open: that someone is
        // found by the search for leftovers, not waited for here.
        self.stdout.wait_for_end(Duration::from_secs(5));
        self.stderr.wait_for_end(Duration::from_secs(5));
        Finished {
            code: status.code(),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            wall,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.signal_group(Signal::KILL);
            let _ = self.ended.recv_timeout(Duration::from_secs(10));
        }
    }
}

/// Waits for the child on a thread of its own, since `wait` has no deadline.
fn announce_end(mut child: Child) -> mpsc::Receiver<ExitStatus> {
    let (tell, ended) = mpsc::channel();
    thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = tell.send(status);
        }
    });
    ended
}

/// One stream, collected by a thread.
#[derive(Debug, Default)]
struct Output {
    state: Mutex<Collected>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Collected {
    bytes: Vec<u8>,
    ended: bool,
}

impl Output {
    fn follow(mut stream: impl Read + Send + 'static) -> Arc<Self> {
        let output = Arc::new(Self::default());
        let followed = Arc::clone(&output);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                let mut state = followed.state.lock().expect("no holder panics");
                state.bytes.extend_from_slice(&buffer[..count]);
                followed.grown.notify_all();
            }
            followed.state.lock().expect("no holder panics").ended = true;
            followed.grown.notify_all();
        });
        output
    }

    fn text(&self) -> String {
        let state = self.state.lock().expect("no holder panics");
        String::from_utf8_lossy(&state.bytes).into_owned()
    }

    fn wait_for(&self, text: &str, deadline: Duration) -> bool {
        let holds = |state: &Collected| String::from_utf8_lossy(&state.bytes).contains(text);
        let state = self.state.lock().expect("no holder panics");
        let (state, _) = self
            .grown
            .wait_timeout_while(state, deadline, |state| !state.ended && !holds(state))
            .expect("no holder panics");
        holds(&state)
    }

    fn wait_for_end(&self, deadline: Duration) {
        let state = self.state.lock().expect("no holder panics");
        let _ = self
            .grown
            .wait_timeout_while(state, deadline, |state| !state.ended);
    }
}
