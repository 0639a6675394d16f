//! The process between us and QEMU, which outlives neither of them.
//!
//! QEMU survives the death of its parent, so it is the child of this small
//! process instead. It waits for the end of its standard input, which the
//! kernel closes however the debugger ends, then ends QEMU and removes the
//! private directory. It has a session of its own: an interrupt typed at the
//! terminal does not reach it.
//!
//! The debugger's own executable plays this part: when its first argument is
//! [`WORD`] it calls [`main`] and nothing else.
#![expect(
    unsafe_code,
    reason = "a child's death signal is set between fork and exec"
)]

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::transport::wait;

/// The hidden first argument.
pub const WORD: &str = "__supervise-qemu";

/// How long QEMU may take to end itself.
const GRACE: Duration = Duration::from_millis(800);

/// Plays the supervisor. The arguments are those after [`WORD`]: the private
/// directory, the emulator, its arguments.
pub fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(directory), Some(program)) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(2);
    };
    let directory = PathBuf::from(directory);
    // Fails if we lead a session already, which is as good.
    let _ = rustix::process::setsid();
    let code = match supervise(Command::new(program).args(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be left to read it.
            let _ = writeln!(io::stderr(), "cannot start the emulator: {error}");
            ExitCode::from(127)
        }
    };
    remove(&directory);
    code
}

fn supervise(command: &mut Command) -> io::Result<()> {
    let parent = rustix::process::getpid();
    let child_setup = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // If we died before that took effect, nobody will end the child.
        if rustix::process::getppid() != Some(parent) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    };
    // SAFETY: the closure runs between fork and exec. It makes two system
    // calls and neither allocates nor takes a lock.
    let command = unsafe { command.pre_exec(child_setup) };
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let pid = Pid::from_child(&child);
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    wait_for_either(&process)?;
    if child.try_wait()?.is_none() {
        kill_process(pid, Signal::TERM)?;
        if !wait(&process, PollFlags::IN, Instant::now() + GRACE)? {
            kill_process(pid, Signal::KILL)?;
        }
    }
    report(&mut child)
}

/// Returns when our input ended or the emulator did.
fn wait_for_either(process: &rustix::fd::OwnedFd) -> io::Result<()> {
    let input = io::stdin();
    loop {
        let mut waiting = [
            PollFd::new(&input, PollFlags::IN),
            PollFd::new(process, PollFlags::IN),
        ];
        match poll(&mut waiting, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        if !waiting[1].revents().is_empty() {
            return Ok(());
        }
        // Nothing is ever said to us: anything readable is the end.
        if !waiting[0].revents().is_empty() {
            return Ok(());
        }
    }
}

/// Tells how the emulator ended, over the socket that is our input.
fn report(child: &mut Child) -> io::Result<()> {
    let status: ExitStatus = child.wait()?;
    let line = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}\n"),
        (None, Some(signal)) => format!("signal {signal}\n"),
        (None, None) => "exit -1\n".to_owned(),
    };
    // The debugger may be gone, and then nobody wants to know.
    let _ = rustix::net::send(
        io::stdin(),
        line.as_bytes(),
        rustix::net::SendFlags::NOSIGNAL,
    );
    Ok(())
}

fn remove(directory: &Path) {
    // Whoever started us removes it as well; who comes second finds nothing.
    let _ = std::fs::remove_dir_all(directory);
}
