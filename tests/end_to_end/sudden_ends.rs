//! Signals to `ukdbg run`, and QEMU dying under it: the guest is ended, and
//! nothing is left.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use ukdbg_tests::{
    BuiltGuest, DEADLINE, GuestShape, Running, Tool, Ukdbg, available, expect_nothing_left,
    processes_under,
};

/// A spinning guest under `ukdbg run`, once it spins.
struct Spinning {
    running: Running,
    folder: tempfile::TempDir,
    _guest: BuiltGuest,
}

impl Spinning {
    fn start() -> Self {
        let guest = GuestShape::default().build();
        let (running, folder) = Ukdbg::new(["run", "--batch"]).and([&guest.image]).start();
        running.wait_for_stdout("!", DEADLINE);
        Self {
            running,
            folder,
            _guest: guest,
        }
    }

    /// QEMU's own process id.
    fn qemu(&self) -> Pid {
        let processes = processes_under(self.folder.path());
        let is_qemu = |command: &str| {
            let program = command.split(' ').next();
            program.is_some_and(|program| program.ends_with(Tool::Qemu.command()))
        };
        let qemu = processes.iter().find(|(_, command)| is_qemu(command));
        let (pid, _) = qemu.unwrap_or_else(|| panic!("no QEMU among {processes:?}"));
        Pid::from_raw(*pid).expect("a process id")
    }

    #[track_caller]
    fn expect_end(self, code: Option<i32>) -> String {
        let finished = self.running.finish(Instant::now(), Duration::from_secs(20));
        assert_eq!(finished.code, code, "{finished}");
        expect_nothing_left(self.folder.path(), Duration::from_secs(20));
        finished.stderr
    }
}

#[track_caller]
fn check(code: Option<i32>, end: impl FnOnce(&Spinning)) -> Option<String> {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return None;
    }
    let spinning = Spinning::start();
    end(&spinning);
    Some(spinning.expect_end(code))
}

#[test]
fn interrupted() {
    check(Some(130), |spinning| spinning.running.signal(Signal::INT));
}

/// A terminal sends it to QEMU and everybody else as well.
#[test]
fn interrupted_from_a_terminal() {
    check(Some(130), |spinning| {
        spinning.running.signal_group(Signal::INT)
    });
}

#[test]
fn terminated() {
    check(Some(143), |spinning| spinning.running.signal(Signal::TERM));
}

#[test]
fn hung_up() {
    check(Some(129), |spinning| spinning.running.signal(Signal::HUP));
}

#[test]
fn killed() {
    check(None, |spinning| spinning.running.signal(Signal::KILL));
}

#[test]
fn qemu_dies() {
    let message = check(Some(3), |spinning| {
        kill_process(spinning.qemu(), Signal::KILL).expect("QEMU is ours");
    });
    if let Some(message) = message {
        assert!(message.to_lowercase().contains("qemu"), "{message}");
    }
}
