//! The prompt on a terminal: editing, completion, Ctrl-C, and the terminal and
//! the machine given back on every way out.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use ukdbg_tests::{Qemu, Running, Terminal, Tool, Ukdbg, available, kernel_image};

/// A prompt on the sample kernel, which has far to go.
struct Session {
    terminal: Terminal,
    running: Running,
    guest: Qemu,
    _folder: TempDir,
    state: TempDir,
}

impl Session {
    fn open() -> Option<Self> {
        if !available(&[Tool::Qemu]) {
            return None;
        }
        let guest = Qemu::boot(kernel_image(), &["-append", "count=1000000000"]);
        guest.wait_for_console("sample kernel:");
        let terminal = Terminal::new(100, 40);
        let endpoint = format!("unix:{}", guest.gdb_socket().display());
        let state = TempDir::with_prefix("ukdbg-state-").expect("a temporary directory");
        let (running, folder) = Ukdbg::new(["attach", &endpoint, "--repl", "--image"])
            .and([kernel_image()])
            .environment("XDG_STATE_HOME", state.path())
            .start_on(&terminal);
        terminal.wait_for("(ukdbg)");
        Some(Self {
            terminal,
            running,
            guest,
            _folder: folder,
            state,
        })
    }

    /// It ends with this code, and everything is as it was.
    #[track_caller]
    fn ends(self, code: i32) {
        let finished = self.running.finish(Instant::now(), Duration::from_secs(20));
        assert_eq!(finished.code, Some(code), "{}", self.terminal.contents());
        self.terminal.expect_sane();
        assert!(self.guest.is_running(), "it was running");
    }
}

#[test]
fn lines_are_edited_completed_and_remembered() {
    let Some(session) = Session::open() else {
        return;
    };
    let Session { terminal, .. } = &session;
    terminal.type_keys("p 6 * 8\x7f7\r");
    terminal.wait_for("$1 = 42");
    terminal.type_keys("\x1b[A\r");
    terminal.wait_for("$2 = 42");
    // The end of a path is enough for a name.
    terminal.type_keys("tb Book::cr\t\r");
    terminal.wait_for("temporary breakpoint at Book::cross");
    terminal.type_keys("i brea\t\r");
    terminal.wait_for("1   temporary breakpoint at Book::cross");
    terminal.type_keys("c\r");
    terminal.wait_for("breakpoint 1");
    terminal.type_keys("p obs\t\r");
    terminal.wait_for("(ukdbg) p observer");
    terminal.wait_for("$3 = ");
    // An empty line goes on stepping.
    terminal.type_keys("stepi\r");
    terminal.wait_for("(ukdbg) stepi");
    terminal.type_keys("\r\rinfo display\r");
    terminal.wait_for("nothing is shown at stops\n(ukdbg)");
    // Ctrl-C drops what was typed, Ctrl-D leaves.
    terminal.type_keys("nonsense\x03");
    terminal.wait_for("nonsense\n(ukdbg)");
    terminal.type_keys("echo still here\\n\r");
    terminal.wait_for("still here");
    assert!(
        !terminal.contents().contains("no command"),
        "{}",
        terminal.contents()
    );
    let history = session.state.path().join("ukdbg/history");
    let kept = std::fs::read_to_string(history).expect("the history");
    assert!(kept.contains("p 6 * 7"), "{kept}");
    terminal.type_keys("\x04");
    session.ends(0);
}

#[test]
fn ctrl_c_stops_a_guest_that_runs() {
    let Some(session) = Session::open() else {
        return;
    };
    session.terminal.type_keys("c\r");
    session.terminal.wait_for("(ukdbg) c");
    while !session.guest.is_running() {
        std::thread::yield_now();
    }
    session.running.signal(Signal::INT);
    session.terminal.wait_for("interrupted");
    session.terminal.type_keys("quit\r");
    session.ends(0);
}

#[test]
fn a_signal_in_the_middle_of_a_line() {
    let Some(session) = Session::open() else {
        return;
    };
    session.terminal.type_keys("half a li");
    session.terminal.wait_for("half a li");
    session.running.signal(Signal::TERM);
    session.ends(143);
}

#[test]
fn a_signal_while_the_guest_runs() {
    let Some(session) = Session::open() else {
        return;
    };
    session.terminal.type_keys("c\r");
    while !session.guest.is_running() {
        std::thread::yield_now();
    }
    session.running.signal(Signal::HUP);
    session.ends(129);
}
