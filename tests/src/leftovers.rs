//! Whether a run left a process or a file behind.
//!
//! Processes are recognised by the temporary directory in their environment,
//! which a child inherits, or on their command line.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Fails unless every process of `folder` ends before the deadline and the
/// folder is then empty.
///
/// # Panics
/// When something is left.
pub fn expect_nothing_left(folder: &Path, deadline: Duration) {
    let until = Instant::now() + deadline;
    loop {
        let left = processes_under(folder);
        let Some((pid, command)) = left.first() else {
            break;
        };
        let patience = until.saturating_duration_since(Instant::now());
        assert!(
            wait_for_end_of(*pid, patience),
            "process {pid} outlived ukdbg: {command}"
        );
    }
    let files: Vec<_> = fs::read_dir(folder)
        .expect("the folder is ours")
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    assert!(files.is_empty(), "left behind: {files:?}");
}

/// Ids and command lines of processes that name `folder` in their environment
/// or arguments, this one not counted.
#[must_use]
pub fn processes_under(folder: &Path) -> Vec<(i32, String)> {
    let needle = folder.as_os_str().as_encoded_bytes();
    let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let own = i32::try_from(std::process::id()).expect("process ids fit");
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .filter(|(pid, _)| *pid != own)
        .filter_map(|(pid, path)| {
            let command = fs::read(path.join("cmdline")).ok()?;
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            (holds(&command) || holds(&environment))
                .then(|| (pid, String::from_utf8_lossy(&command).replace('\0', " ")))
        })
        .collect()
}

/// Waits for the end of a process that is no child. Whether it came in time.
fn wait_for_end_of(pid: i32, patience: Duration) -> bool {
    let Some(Ok(process)) = Pid::from_raw(pid).map(|pid| pidfd_open(pid, PidfdFlags::empty()))
    else {
        return true;
    };
    let patience = Timespec::try_from(patience).expect("a deadline of seconds");
    let mut ended = [PollFd::new(&process, PollFlags::IN)];
    matches!(poll(&mut ended, Some(&patience)), Ok(1..))
}
