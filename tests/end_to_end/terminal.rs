//! The terminal interface on a real machine: it shows what is there, and gives
//! the terminal back on every way out.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use ukdbg_tests::{
    BuiltGuest, GuestShape, Qemu, Running, Terminal, Tool, Ukdbg, available, expect_nothing_left,
    kernel_image, processes_under,
};

/// A terminal on which `ukdbg attach` looks at a spinning guest.
struct Attached {
    terminal: Terminal,
    running: Running,
    qemu: Qemu,
    _guest: BuiltGuest,
    _folder: tempfile::TempDir,
}

impl Attached {
    fn start() -> Self {
        let guest = GuestShape::default().build();
        let qemu = Qemu::boot(&guest.image, &[]);
        qemu.wait_for_console("!");
        let endpoint = format!(
            "unix:{}+qmp:{}",
            qemu.gdb_socket().display(),
            qemu.qmp_socket().display()
        );
        let terminal = Terminal::new(120, 40);
        let (running, folder) = Ukdbg::new(["attach", &endpoint, "--image"])
            .and([&guest.image])
            .start_on(&terminal);
        terminal.wait_for("STOPPED");
        Self {
            terminal,
            running,
            qemu,
            _guest: guest,
            _folder: folder,
        }
    }
}

/// `end` ends it; then the exit code is this one and the terminal is sane.
#[track_caller]
fn check(code: i32, end: impl FnOnce(&Attached)) {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let attached = Attached::start();
    end(&attached);
    let Attached {
        terminal, running, ..
    } = attached;
    let finished = running.finish(Instant::now(), Duration::from_secs(20));
    assert_eq!(finished.code, Some(code), "{}", terminal.contents());
    terminal.expect_sane();
}

#[test]
fn left_by_its_user() {
    check(0, |attached| {
        attached.terminal.type_keys("q");
    });
}

#[test]
fn terminated() {
    check(143, |attached| attached.running.signal(Signal::TERM));
}

#[test]
fn interrupted_by_a_signal() {
    check(130, |attached| attached.running.signal(Signal::INT));
}

#[test]
fn qemu_dies() {
    check(0, |attached| {
        attached.qemu.kill();
        attached.terminal.wait_for("GONE");
        attached.terminal.type_keys("q");
    });
}

/// The report is the first page after a fault, and the guest ends with its
/// user's leave.
#[test]
fn a_guest_of_its_own_faults() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let terminal = Terminal::new(100, 30);
    let (running, folder) = Ukdbg::new(["run", "--tui", "--append", "fault=null-field"])
        .and([kernel_image()])
        .start_on(&terminal);
    terminal.wait_for("FAULTED");
    terminal.wait_for("null reference");
    terminal.type_keys("2");
    terminal.wait_for("null_field.rs:");
    terminal.type_keys("q");
    let finished = running.finish(Instant::now(), Duration::from_secs(20));
    assert_eq!(finished.code, Some(1), "{}", terminal.contents());
    terminal.expect_sane();
    expect_nothing_left(folder.path(), Duration::from_secs(20));
}

/// A guest of its own that spins, once it does.
fn spinning(terminal: &Terminal) -> (Running, tempfile::TempDir, BuiltGuest) {
    let guest = GuestShape::default().build();
    let (running, folder) = Ukdbg::new(["run", "--tui"])
        .and([&guest.image])
        .start_on(terminal);
    terminal.wait_for("!");
    (running, folder, guest)
}

#[test]
fn the_qemu_of_its_own_guest_dies() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let terminal = Terminal::new(100, 30);
    let (running, folder, _guest) = spinning(&terminal);
    let processes = processes_under(folder.path());
    let qemu = processes
        .iter()
        .find(|(_, command)| {
            let program = command.split(' ').next();
            program.is_some_and(|program| program.ends_with(Tool::Qemu.command()))
        })
        .and_then(|(pid, _)| Pid::from_raw(*pid));
    kill_process(qemu.expect("it runs"), Signal::KILL).expect("it is ours");
    terminal.wait_for("GONE");
    terminal.type_keys("q");
    let finished = running.finish(Instant::now(), Duration::from_secs(20));
    assert_eq!(finished.code, Some(3), "{}", terminal.contents());
    terminal.expect_sane();
    expect_nothing_left(folder.path(), Duration::from_secs(20));
}

#[test]
fn keys_move_panes_and_the_guest() {
    check(0, |attached| {
        let terminal = &attached.terminal;
        terminal.type_keys("c");
        terminal.wait_for("RUNNING");
        terminal.type_keys("s");
        terminal.wait_for("STOPPED");
        terminal.type_keys("?");
        terminal.wait_for("ask everything again");
        terminal.type_keys("q6");
        terminal.wait_for("stopped here");
        terminal.resize_under(&attached.running, 40, 10);
        terminal.wait_for("6 Graph");
        terminal.type_keys("q");
    });
}
