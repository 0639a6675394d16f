//! A guest in a QEMU that the test itself starts, as a foreign machine that
//! ukdbg attaches to.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::DEADLINE;
use crate::process::Running;
use crate::tool::Tool;

/// A running guest. It ends when this is dropped; its console is printed when
/// that happens in a panic.
#[derive(Debug)]
pub struct Qemu {
    running: Running,
    folder: TempDir,
}

impl Qemu {
    /// Boots `image`. A fault without a handler leaves the machine for
    /// inspection (`-no-reboot -no-shutdown`).
    ///
    /// # Panics
    /// When QEMU cannot be started.
    #[must_use]
    pub fn boot(image: &Path, arguments: &[&str]) -> Self {
        let folder = TempDir::with_prefix("ukdbg-test-").expect("a temporary directory");
        let socket = |name: &str| {
            let path = folder.path().join(name);
            format!("unix:{},server=on,wait=off", path.display())
        };
        let mut command = Self::command(image);
        command
            .args(["-serial", "stdio", "-serial", &socket("com2")])
            .args(["-gdb", &socket("gdb"), "-qmp", &socket("qmp")])
            .args(arguments);
        Self {
            running: Running::start(&mut command),
            folder,
        }
    }

    /// Boots `image` as [`Qemu::boot`] does, and holds it before its first
    /// instruction. QEMU's stub is there.
    ///
    /// # Panics
    /// When QEMU cannot be started.
    #[must_use]
    pub fn boot_held(image: &Path, arguments: &[&str]) -> Self {
        let held = Self::boot(image, &[&["-S"], arguments].concat());
        let until = Instant::now() + DEADLINE;
        // The monitor answers once all sockets are there.
        while UnixStream::connect(held.qmp_socket()).is_err() {
            assert!(Instant::now() < until, "QEMU opens no socket");
            std::thread::yield_now();
        }
        assert!(!held.is_running(), "it is held");
        held
    }

    fn command(image: &Path) -> Command {
        let mut command = Command::new(Tool::Qemu.command());
        command
            .args(["-accel", "tcg", "-cpu", "max", "-m", "64", "-nodefaults"])
            .args(["-display", "none", "-no-reboot", "-no-shutdown", "-kernel"])
            .arg(image);
        command
    }

    /// Boots `image` in a machine with a single serial port, which is a terminal
    /// of the host's: that is the second value.
    ///
    /// # Panics
    /// When QEMU cannot be started.
    #[must_use]
    pub fn boot_with_one_port(image: &Path, arguments: &[&str]) -> (Self, String) {
        let folder = TempDir::with_prefix("ukdbg-test-").expect("a temporary directory");
        let mut command = Self::command(image);
        command.args(["-serial", "pty"]).args(arguments);
        let running = Running::start(&mut command);
        running.wait_for_stdout("(label serial0)", DEADLINE);
        let said = running.said();
        let terminal = said
            .split_whitespace()
            .find(|word| word.starts_with("/dev/"));
        let terminal = terminal.expect("QEMU names the terminal").to_owned();
        (Self { running, folder }, terminal)
    }

    /// Waits for QEMU's end; its exit code.
    ///
    /// # Panics
    /// When it does not end in time.
    #[must_use]
    pub fn wait_for_end(&mut self) -> Option<i32> {
        self.running.wait_for_end(DEADLINE)
    }

    /// Waits until the guest's console holds `text`.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn wait_for_console(&self, text: &str) {
        self.running.wait_for_stdout(text, DEADLINE);
    }

    /// What the guest's console holds.
    #[must_use]
    pub fn console(&self) -> String {
        self.running.printed()
    }

    /// The socket of QEMU's GDB stub.
    #[must_use]
    pub fn gdb_socket(&self) -> PathBuf {
        self.folder.path().join("gdb")
    }

    /// The socket of the second serial port, where the sample kernel's own
    /// stub listens.
    #[must_use]
    pub fn second_serial_socket(&self) -> PathBuf {
        self.folder.path().join("com2")
    }

    /// The socket of QEMU's machine protocol.
    #[must_use]
    pub fn qmp_socket(&self) -> PathBuf {
        self.folder.path().join("qmp")
    }

    /// A path in the guest's own temporary directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// QEMU's process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.running.id()
    }

    /// Ends QEMU at once, as a crash of it would.
    pub fn kill(&self) {
        self.running.signal(rustix::process::Signal::KILL);
    }

    /// Whether the machine runs, asked over QMP.
    ///
    /// # Panics
    /// When QEMU does not answer.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let status = Monitor::connect(&self.qmp_socket()).ask(&json!({"execute": "query-status"}));
        status["running"].as_bool().expect("whether it runs")
    }

    /// Pauses the machine.
    ///
    /// # Panics
    /// When QEMU does not answer.
    pub fn pause(&self) {
        Monitor::connect(&self.qmp_socket()).ask(&json!({"execute": "stop"}));
    }

    /// What QEMU's own monitor answers to a line.
    ///
    /// # Panics
    /// When QEMU does not answer.
    #[must_use]
    pub fn monitor(&self, line: &str) -> String {
        let answer = Monitor::connect(&self.qmp_socket()).ask(&json!({
            "execute": "human-monitor-command",
            "arguments": {"command-line": line},
        }));
        answer.as_str().expect("text").to_owned()
    }

    /// Writes the machine's registers and memory to an ELF core file.
    ///
    /// # Panics
    /// When QEMU cannot.
    pub fn dump_memory(&self, to: &Path) {
        let protocol = format!("file:{}", to.display());
        Monitor::connect(&self.qmp_socket()).ask(&json!({
            "execute": "dump-guest-memory",
            "arguments": {"paging": false, "protocol": protocol},
        }));
    }

    /// Waits until nothing changes any more: the processor is halted, or the
    /// machine stands.
    ///
    /// # Panics
    /// When that does not come in time.
    pub fn wait_until_at_rest(&self) {
        let until = Instant::now() + DEADLINE;
        let mut monitor = Monitor::connect(&self.qmp_socket());
        while !monitor.is_at_rest() {
            assert!(Instant::now() < until, "the guest does not come to rest");
        }
    }
}

/// A connection to QEMU's machine protocol.
struct Monitor {
    stream: BufReader<UnixStream>,
}

impl Monitor {
    fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("QEMU's socket");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a timeout above zero");
        let mut monitor = Self {
            stream: BufReader::new(stream),
        };
        monitor.ask(&json!({"execute": "qmp_capabilities"}));
        monitor
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.stream.get_mut(), "{question}").expect("QEMU reads");
        loop {
            let mut line = String::new();
            let length = self
                .stream
                .read_line(&mut line)
                .expect("QEMU answers in time");
            assert_ne!(length, 0, "QEMU closed its socket");
            let mut reply: Value = serde_json::from_str(&line).expect("JSON");
            if let Some(value) = reply.get_mut("return") {
                return value.take();
            }
            assert!(reply.get("error").is_none(), "{question}: {reply}");
        }
    }

    fn is_at_rest(&mut self) -> bool {
        let status = self.ask(&json!({"execute": "query-status"}));
        let registers = self.ask(&json!({
            "execute": "human-monitor-command",
            "arguments": {"command-line": "info registers"},
        }));
        let halted = registers
            .as_str()
            .is_some_and(|text| text.contains("HLT=1"));
        halted || status["running"] == false
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the guest said ---\n{}", self.running.said());
        }
    }
}
