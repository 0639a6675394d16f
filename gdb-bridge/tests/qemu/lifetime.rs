//! No QEMU of ours and no directory of ours outlives its user.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ukdbg_gdb_bridge::{Launch, start};

use crate::guest::Guest;

/// The first argument of the debugger that is to be killed.
pub(crate) const HANG: &str = "__start-and-hang";

/// Starts the guest, says where, and waits to be killed.
pub(crate) fn start_and_hang(arguments: &[OsString]) -> ExitCode {
    let launch = Launch::new(PathBuf::from(&arguments[0]));
    let executable = std::env::current_exe().unwrap();
    let started = start(&launch, &executable).unwrap();
    println!("{}", started.qemu.directory().display());
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

struct Debugger {
    child: Child,
    directory: PathBuf,
    _guest: Guest,
}

impl Debugger {
    fn new() -> Self {
        let guest = Guest::new("SPIN");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(HANG)
            .arg(guest.image())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let directory = PathBuf::from(line.trim_end());
        // Made before anything can fail, so that its end is its guest's.
        let debugger = Self {
            child,
            directory,
            _guest: guest,
        };
        let mode = std::fs::metadata(&debugger.directory).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700, "it is private");
        let count = processes(&debugger.directory).len();
        assert_eq!(count, 2, "a supervisor and a QEMU");
        debugger
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes that have the directory in their arguments, and the name of
/// what each executes.
fn processes(directory: &Path) -> Vec<(u32, String)> {
    let directory = directory.to_str().unwrap();
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        String::from_utf8_lossy(&line)
            .contains(directory)
            .then_some((pid, name))
    });
    all.collect()
}

fn within_seconds(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < until, "not in time: {what}");
        std::thread::yield_now();
    }
}

pub(crate) fn of_a_killed_debugger() {
    let mut debugger = Debugger::new();
    debugger.kill();
    within_seconds("the processes end", || {
        processes(&debugger.directory).is_empty()
    });
    within_seconds("the directory is removed", || !debugger.directory.exists());
}

pub(crate) fn of_a_killed_supervisor() {
    let mut debugger = Debugger::new();
    let all = processes(&debugger.directory);
    let (supervisor, _) = all
        .iter()
        .find(|(_, name)| !name.starts_with("qemu-system"))
        .unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(*supervisor).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let qemu = |(_, name): &(u32, String)| name.starts_with("qemu-system");
    within_seconds("QEMU ends", || {
        !processes(&debugger.directory).iter().any(qemu)
    });
    debugger.kill();
    let _ = std::fs::remove_dir_all(&debugger.directory);
}
