//! Starting QEMU under its supervisor, and the handle that ends it.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use tempfile::TempDir;
use ukdbg_inspect::TargetError;

use super::arguments::{Device, Launch, VISITORS};
use super::log::EmulatorLog;
use super::supervisor;
use super::tail::Tail;
use crate::endpoint::{Endpoint, Link};
use crate::machine::{ConnectError, Machine};
use crate::qmp::Qmp;
use crate::transport::{Nature, Transport, wait, wait_two};

/// How long QEMU may take until it talks to us; half a second is usual.
const START: Duration = Duration::from_secs(20);
/// How long the supervisor may take to end QEMU and itself.
const END: Duration = Duration::from_secs(3);
/// What QEMU calls the memory that it makes of `memory-backend-memfd`
/// (`backends/hostmem-memfd.c`).
const MEMORY_FILE: &str = "memory-backend-memfd";
/// A unix socket's path must be shorter than this, name included.
const LONGEST_DIRECTORY: usize = 90;

/// A guest that could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The emulator is not installed.
    #[error("{} is not installed, or not in PATH", program.display())]
    Missing {
        /// What was looked for.
        program: PathBuf,
    },
    /// No private directory.
    #[error("cannot make a private directory in {}: {source}", place.display())]
    Directory {
        /// Where it was to be.
        place: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A recording's snapshots cannot be copied.
    #[error("cannot copy {}: {source}", path.display())]
    Tape {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A process or a socket of ours could not be made.
    #[error("cannot start {}: {source}", program.display())]
    Spawn {
        /// The emulator.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended before the guest could begin.
    #[error("{} ended at once ({end}){}", program.display(), said(messages))]
    Died {
        /// The emulator.
        program: PathBuf,
        /// How it ended.
        end: QemuEnd,
        /// What it wrote to its standard error.
        messages: String,
    },
    /// It runs but says nothing.
    #[error("{} did not answer within {seconds} s{}", program.display(), said(messages))]
    Late {
        /// The emulator.
        program: PathBuf,
        /// How long was waited.
        seconds: u64,
        /// What it wrote to its standard error.
        messages: String,
    },
    /// Its monitor cannot be used.
    #[error("the emulator's monitor cannot be used: {0}")]
    Monitor(#[source] TargetError),
    /// Its stub or its memory cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

fn said(messages: &str) -> String {
    match messages.trim() {
        "" => String::new(),
        text => format!(": {text}"),
    }
}

/// How QEMU ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QemuEnd {
    /// With this status. `isa-debug-exit` makes it twice the written value
    /// plus one.
    Exit(i32),
    /// By a signal.
    Signal(i32),
    /// Its supervisor was killed, and QEMU with it.
    Unknown,
}

impl std::fmt::Display for QemuEnd {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(status) => write!(out, "status {status}"),
            Self::Signal(signal) => write!(out, "signal {signal}"),
            Self::Unknown => out.write_str("in an unknown way"),
        }
    }
}

/// A QEMU of ours. It ends when this is dropped, or the process ends in any
/// way.
#[derive(Debug)]
pub struct Qemu {
    supervisor: Child,
    /// Its end on our side closes when we die; theirs tells how QEMU ended.
    lifeline: Option<UnixStream>,
    heard: Vec<u8>,
    directory: TempDir,
    log: Tail,
    messages: Tail,
    devices: Vec<Device>,
    /// Where other processes find the guest's memory.
    memory: Option<PathBuf>,
}

/// A guest that stands still before its first instruction.
#[derive(Debug)]
pub struct Started {
    /// The guest.
    pub machine: Machine,
    /// Its first serial port; a replay has none.
    pub console: Option<UnixStream>,
    /// What it runs in. To be dropped last.
    pub qemu: Qemu,
}

/// Starts a guest. `executable` is the program that plays the supervisor when
/// its first argument is [`SUPERVISOR_WORD`](crate::SUPERVISOR_WORD): the running one, as a rule.
pub fn start(launch: &Launch, executable: &Path) -> Result<Started, LaunchError> {
    let program = find(&launch.program)?;
    let spawn = |source| LaunchError::Spawn {
        program: program.clone(),
        source,
    };
    let directory = private_directory()?;
    let console = match launch.is_replay() {
        true => None,
        false => Some(listen(&directory, "console").map_err(spawn)?),
    };
    let monitor = listen(&directory, "qmp").map_err(spawn)?;
    if let Some(tape) = launch.tape.as_ref().filter(|_| launch.is_replay()) {
        let copy = std::fs::copy(&tape.snapshots, tape.disk(directory.path()));
        copy.map_err(|source| LaunchError::Tape {
            path: tape.snapshots.clone(),
            source,
        })?;
    }
    let mut qemu = Qemu::spawn(launch, &program, executable, directory).map_err(spawn)?;
    let until = Instant::now() + START;
    let console = console
        .map(|console| qemu.accept(&program, &console, until))
        .transpose()?;
    let monitor = qemu.accept(&program, &monitor, until)?;
    let pid = rustix::net::sockopt::socket_peercred(&monitor).map(|peer| peer.pid);
    let monitor = Transport::new(OwnedFd::from(monitor), Nature::Reliable).map_err(spawn)?;
    let peer = "the emulator's monitor".to_owned();
    let monitor = Qmp::open(monitor, peer, until).map_err(|error| match error {
        TargetError::Disconnected { .. } => qemu.died(&program),
        error => LaunchError::Monitor(error),
    })?;
    // A monitor that answers has the rest of QEMU behind it: the stub's
    // socket is there, and the guest's memory.
    if let (Ok(pid), true) = (pid, launch.shares_memory()) {
        qemu.memory = memory_of(pid);
    }
    let machine = Machine::join(&qemu.own_endpoint(), Some(monitor), None)?;
    Ok(Started {
        machine,
        console,
        qemu,
    })
}

impl Qemu {
    fn spawn(
        launch: &Launch,
        program: &Path,
        executable: &Path,
        directory: TempDir,
    ) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut supervisor = Command::new(executable)
            .arg(supervisor::WORD)
            .arg(directory.path())
            .arg(program)
            .args(launch.arguments(directory.path()))
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = supervisor.stdout.take().expect("it was asked for").into();
        let messages = supervisor.stderr.take().expect("it was asked for").into();
        Ok(Self {
            supervisor,
            lifeline: Some(ours),
            heard: Vec::new(),
            directory,
            log: Tail::of(log)?,
            messages: Tail::of(messages)?,
            devices: launch.devices.clone(),
            memory: None,
        })
    }

    /// The links for other processes: a monitor of their own, and the guest's
    /// memory where it is shared. The stub is taken.
    pub fn endpoint(&self) -> Endpoint {
        self.beside_memory(Link::Qmp(self.directory.path().join(VISITORS)))
    }

    fn own_endpoint(&self) -> Endpoint {
        self.beside_memory(Link::Unix(self.directory.path().join("gdb")))
    }

    fn beside_memory(&self, link: Link) -> Endpoint {
        let links = [Some(link), self.memory.clone().map(Link::Ram)];
        Endpoint::new(links.into_iter().flatten().collect())
            .expect("a machine's memory belongs to its other links")
    }

    /// The private directory, which only this user can read or write, and
    /// which is removed when QEMU ends.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The link to a stub in the guest, where the guest has a line for it.
    pub fn stub_line(&self) -> Option<Link> {
        self.devices
            .contains(&Device::StubLine)
            .then(|| Link::Serial {
                path: self.directory.path().join("stub"),
                baud: None,
            })
    }

    /// What it logged up to now.
    pub fn log(&self) -> EmulatorLog {
        EmulatorLog::parse(&self.log.snapshot())
    }

    /// What it wrote to its standard error, as far as it is kept.
    pub fn messages(&self) -> String {
        String::from_utf8_lossy(&self.messages.snapshot()).into_owned()
    }

    /// How it ended, if it has by `until`.
    pub fn end_by(&mut self, until: Instant) -> Option<QemuEnd> {
        loop {
            if let Some(line) = self.heard.strip_suffix(b"\n") {
                return Some(end(line));
            }
            let lifeline = self.lifeline.as_mut()?;
            let mut buffer = [0; 64];
            match lifeline.read(&mut buffer) {
                Ok(0) => return Some(QemuEnd::Unknown),
                Ok(count) => self.heard.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match wait(lifeline.as_fd(), PollFlags::IN, until) {
                        Ok(true) => {}
                        Ok(false) | Err(_) => return None,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Some(QemuEnd::Unknown),
            }
        }
    }

    /// Takes QEMU's connection to a socket of ours.
    fn accept(
        &mut self,
        program: &Path,
        listener: &UnixListener,
        until: Instant,
    ) -> Result<UnixStream, LaunchError> {
        let spawn = |source| LaunchError::Spawn {
            program: program.to_owned(),
            source,
        };
        loop {
            match listener.accept() {
                Ok((stream, _)) => return Ok(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(spawn(error)),
            }
            let lifeline = self.lifeline.as_ref().expect("it is open until the end");
            let ready = wait_two(listener.as_fd(), lifeline.as_fd(), until).map_err(spawn)?;
            match ready {
                None => {
                    return Err(LaunchError::Late {
                        program: program.to_owned(),
                        seconds: START.as_secs(),
                        messages: self.messages(),
                    });
                }
                Some(1) => return Err(self.died(program)),
                Some(_) => {}
            }
        }
    }

    fn died(&mut self, program: &Path) -> LaunchError {
        let end = self
            .end_by(Instant::now() + END)
            .unwrap_or(QemuEnd::Unknown);
        LaunchError::Died {
            program: program.to_owned(),
            end,
            messages: self.messages(),
        }
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // Closing it is the order to end.
        self.lifeline = None;
        let pid = rustix::process::Pid::from_child(&self.supervisor);
        let ended = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
            .map_err(io::Error::from)
            .and_then(|process| wait(&process, PollFlags::IN, Instant::now() + END));
        if !matches!(ended, Ok(true)) {
            // Its death takes QEMU with it.
            let _ = self.supervisor.kill();
        }
        let _ = self.supervisor.wait();
    }
}

/// How QEMU ended, in the supervisor's words.
fn end(line: &[u8]) -> QemuEnd {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
    let exit = line
        .strip_prefix(b"exit ")
        .and_then(number)
        .map(QemuEnd::Exit);
    let signal = line
        .strip_prefix(b"signal ")
        .and_then(number)
        .map(QemuEnd::Signal);
    exit.or(signal).unwrap_or(QemuEnd::Unknown)
}

/// The shared memory of a QEMU, which is a file without a name: another process
/// reaches it through the descriptor.
fn memory_of(pid: rustix::process::Pid) -> Option<PathBuf> {
    let descriptors = format!("/proc/{}/fd", pid.as_raw_nonzero());
    let shared = format!("/memfd:{MEMORY_FILE}");
    std::fs::read_dir(descriptors)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| {
            std::fs::read_link(path).is_ok_and(|file| file.to_string_lossy().starts_with(&shared))
        })
}

/// Where the private directories of this user's guests are: the usual place
/// for temporary files, or `/tmp` where that has too long a name for a socket.
/// The name of each begins with `ukdbg-`.
pub fn private_directories() -> PathBuf {
    let place = std::env::temp_dir();
    match place.as_os_str().len() <= LONGEST_DIRECTORY - 16 {
        true => place,
        false => PathBuf::from("/tmp"),
    }
}

fn private_directory() -> Result<TempDir, LaunchError> {
    let place = private_directories();
    tempfile::Builder::new()
        .prefix("ukdbg-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(&place)
        .map_err(|source| LaunchError::Directory { place, source })
}

fn listen(directory: &TempDir, name: &str) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(directory.path().join(name))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The emulator's path. It is looked for here so that its absence is told
/// from all other failures.
fn find(program: &Path) -> Result<PathBuf, LaunchError> {
    let missing = || LaunchError::Missing {
        program: program.to_owned(),
    };
    if program.components().count() > 1 {
        return program
            .is_file()
            .then(|| program.to_owned())
            .ok_or_else(missing);
    }
    let path: OsString = std::env::var_os("PATH").ok_or_else(missing)?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(missing)
}
