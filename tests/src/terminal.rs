//! A terminal that is not there: a pseudo-terminal, and the screen that what
//! is written to it would make.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::DEADLINE;
use crate::process::Running;

/// A terminal of a size, and its screen.
#[derive(Debug)]
pub struct Terminal {
    /// The side that a user sits at.
    outer: File,
    /// The side that programs write to; held open, so that its modes outlive
    /// them.
    inner: File,
    before: Termios,
    screen: Arc<Screen>,
}

#[derive(Default)]
struct Screen {
    parser: Mutex<vt100::Parser>,
    changed: Condvar,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen")
    }
}

impl Terminal {
    /// A terminal of so many columns and rows.
    ///
    /// # Panics
    /// When the system has none to give.
    #[must_use]
    pub fn new(columns: u16, rows: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let outer = openpt(flags).expect("a pseudo-terminal");
        grantpt(&outer).expect("it is ours");
        unlockpt(&outer).expect("it is ours");
        let name = ptsname(&outer, Vec::new()).expect("it has a name");
        let name = name.to_str().expect("the name is a path in /dev");
        let inner = OpenOptions::new().read(true).write(true).open(name);
        let inner = inner.expect("the terminal opens");
        let terminal = Self {
            before: tcgetattr(&inner).expect("it has modes"),
            outer: File::from(outer),
            inner,
            screen: Arc::default(),
        };
        terminal.resize(columns, rows);
        terminal.follow();
        terminal
    }

    /// Starts a program on it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(&self, command: &mut Command) -> Running {
        let side = || self.inner.try_clone().expect("a file can be shared");
        command.env("TERM", "xterm").env_remove("NO_COLOR");
        command.stdin(side()).stdout(side()).stderr(side());
        Running::on_terminal(command)
    }

    /// Types.
    ///
    /// # Panics
    /// When the terminal takes no more.
    pub fn type_keys(&self, keys: &str) {
        let written = (&self.outer).write_all(keys.as_bytes());
        written.expect("the terminal takes keys");
    }

    /// Gives it another size.
    ///
    /// # Panics
    /// When it takes none, or a side of it is zero.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let sides = (NonZeroU16::new(rows), NonZeroU16::new(columns));
        let (Some(rows), Some(columns)) = sides else {
            panic!("a terminal of {columns} columns and {rows} rows");
        };
        let mut parser = self.screen.parser.lock().expect("no holder panics");
        parser.screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.inner, size).expect("a terminal has a size");
    }

    /// Resizes it and tells the program, as a terminal's driver does for those
    /// that it controls.
    pub fn resize_under(&self, running: &Running, columns: u16, rows: u16) {
        self.resize(columns, rows);
        running.signal(Signal::WINCH);
    }

    /// Waits until the screen shows `text`.
    ///
    /// # Panics
    /// When it does not in time.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let parser = self.screen.parser.lock().expect("no holder panics");
        let (parser, _) = self
            .screen
            .changed
            .wait_timeout_while(parser, DEADLINE, |parser| {
                !parser.screen().contents().contains(text)
            })
            .expect("no holder panics");
        let shown = parser.screen().contents();
        assert!(shown.contains(text), "never showed {text:?}:\n{shown}");
    }

    /// What it shows.
    ///
    /// # Panics
    /// Never, unless a thread of ours did.
    #[must_use]
    pub fn contents(&self) -> String {
        let parser = self.screen.parser.lock().expect("no holder panics");
        parser.screen().contents()
    }

    /// Checks that it is as a shell expects it: its modes as they were, the
    /// main screen, a cursor, and pasted text unmarked.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn expect_sane(&self) {
        let after = tcgetattr(&self.inner).expect("it has modes");
        assert_eq!(after.input_modes, self.before.input_modes);
        assert_eq!(after.output_modes, self.before.output_modes);
        assert_eq!(after.control_modes, self.before.control_modes);
        assert_eq!(after.local_modes, self.before.local_modes);
        let is_sane = |parser: &vt100::Parser| {
            let screen = parser.screen();
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        };
        // What was written last may not have been read yet.
        let parser = self.screen.parser.lock().expect("no holder panics");
        let (parser, _) = self
            .screen
            .changed
            .wait_timeout_while(parser, DEADLINE, |parser| !is_sane(parser))
            .expect("no holder panics");
        assert!(
            is_sane(&parser),
            "not sane:\n{}",
            parser.screen().contents()
        );
    }

    fn follow(&self) {
        let mut outer = self.outer.try_clone().expect("a file can be shared");
        let screen = Arc::clone(&self.screen);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = outer.read(&mut buffer) {
                let mut parser = screen.parser.lock().expect("no holder panics");
                parser.process(&buffer[..count]);
                screen.changed.notify_all();
            }
        });
    }
}
