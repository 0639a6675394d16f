//! A guest in a QEMU that the test itself starts, as a foreign machine that
//! ukdbg attaches to.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

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
        let mut command = Command::new(Tool::Qemu.command());
        command
            .args(["-accel", "tcg", "-cpu", "max", "-m", "64", "-nodefaults"])
            .args(["-display", "none", "-no-reboot", "-no-shutdown"])
            .args(["-serial", "stdio", "-kernel"])
            .arg(image)
            .args(["-gdb", &socket("gdb"), "-qmp", &socket("qmp")])
            .args(arguments);
        Self {
            running: Running::start(&mut command),
            folder,
        }
    }

    /// Waits until the guest's console holds `text`.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn wait_for_console(&self, text: &str) {
        self.running.wait_for_stdout(text, DEADLINE);
    }

    /// The socket of QEMU's GDB stub.
    #[must_use]
    pub fn gdb_socket(&self) -> PathBuf {
        self.folder.path().join("gdb")
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
        self.query("query-status")["running"]
            .as_bool()
            .expect("query-status says whether the machine runs")
    }

    fn query(&self, command: &str) -> serde_json::Value {
        use std::io::{BufRead, BufReader, Write};
        let stream = UnixStream::connect(self.qmp_socket()).expect("QEMU's socket");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a timeout above zero");
        let mut lines = BufReader::new(&stream).lines();
        let mut ask = |text: &str| -> serde_json::Value {
            writeln!(&stream, "{{\"execute\":\"{text}\"}}").expect("QEMU reads");
            loop {
                let line = lines
                    .next()
                    .expect("QEMU answers")
                    .expect("QEMU answers in time");
                let reply: serde_json::Value = serde_json::from_str(&line).expect("JSON");
                if let Some(value) = reply.get("return") {
                    return value.clone();
                }
            }
        };
        ask("qmp_capabilities");
        ask(command)
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the guest said ---\n{}", self.running.said());
        }
    }
}
