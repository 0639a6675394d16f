//! Other commands on a guest while `ukdbg run` runs it: they find it without
//! being told where, and the run goes on as if they had not been there.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use ukdbg_tests::{
    BuiltGuest, DEADLINE, GuestShape, Running, SeenFrame, Tool, Ukdbg, available, compare_frames,
    expect_nothing_left, kernel_image, processes_under,
};

use crate::chain::chain;

/// A guest that spins at the end of its calls.
struct Spinning {
    running: Running,
    folder: TempDir,
    guest: BuiltGuest,
}

impl Spinning {
    fn start(shape: impl FnOnce(Ukdbg) -> Ukdbg) -> Self {
        let guest = GuestShape::default().build();
        let run = shape(Ukdbg::new(["run", "--batch"])).and([&guest.image]);
        let (running, folder) = run.start();
        running.wait_for_stdout("!", DEADLINE);
        Self {
            running,
            folder,
            guest,
        }
    }

    fn interrupt(self) -> TempDir {
        self.running.signal(Signal::INT);
        let ended = self.running.finish(Instant::now(), DEADLINE);
        assert_eq!(ended.code, Some(130), "{ended}");
        self.folder
    }
}

#[track_caller]
fn expect_chain(document: &Value) {
    let seen = SeenFrame::from_json(&document["backtraces"][0]);
    let compared = compare_frames(&seen, &chain(GuestShape::default()));
    compared.unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn a_backtrace_of_the_only_session() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let spinning = Spinning::start(|run| run);
    for _ in 0..3 {
        expect_chain(&Ukdbg::new(["bt"]).beside(&spinning.folder).json(0));
    }
    let report = Ukdbg::new(["report"]).beside(&spinning.folder).json(0);
    assert_eq!(report["verdict"]["kind"], "no_fault", "{report:#}");
    let folder = spinning.interrupt();
    expect_nothing_left(folder.path(), Duration::from_secs(20));
}

/// A guest that was looked at still runs into its fault, and the run tells.
#[test]
fn a_fault_after_three_visits() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let append = "count=100000000 fault=null-field after=150000";
    let (run, folder) = Ukdbg::new(["run", "--batch", "--json", "--append", append])
        .and([kernel_image()])
        .start();
    run.wait_for_stderr("sample kernel", DEADLINE);
    for _ in 0..3 {
        let document = Ukdbg::new(["bt"]).beside(&folder).json(0);
        let frames = document["backtraces"][0]["frames"].as_array();
        assert!(
            frames.is_some_and(|frames| !frames.is_empty()),
            "{document:#}"
        );
    }
    let trace = Ukdbg::new(["trace", "list", "--last", "5"])
        .beside(&folder)
        .json(0);
    assert!(trace["events"].is_array(), "{trace:#}");
    let ended = run.finish(Instant::now(), DEADLINE);
    assert_eq!(ended.code, Some(1), "{ended}");
    let report: Value = serde_json::from_str(&ended.stdout).expect("one document");
    assert_eq!(report["verdict"]["kind"], "null_reference", "{report:#}");
    expect_nothing_left(folder.path(), Duration::from_secs(20));
}

/// Arguments for QEMU that boot something leave the image for its symbols.
#[test]
fn another_kernel_is_booted() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let guest = GuestShape::default().build();
    let bare = guest.path("bare.elf");
    let stripped = Command::new("strip")
        .arg("-o")
        .args([&bare, &guest.image])
        .status();
    assert!(stripped.is_ok_and(|status| status.success()));
    let (run, folder) = Ukdbg::new(["run", "--batch"])
        .and([&guest.image])
        .and(["--", "-kernel"])
        .and([&bare])
        .start();
    run.wait_for_stdout("!", DEADLINE);
    let processes = processes_under(folder.path());
    let image = guest.image.display().to_string();
    for (_, command) in processes
        .iter()
        .filter(|(_, command)| command.starts_with("qemu-system"))
    {
        assert!(!command.contains(&image), "{command}");
    }
    expect_chain(&Ukdbg::new(["bt"]).beside(&folder).json(0));
    run.signal(Signal::INT);
    let ended = run.finish(Instant::now(), DEADLINE);
    assert_eq!(ended.code, Some(130), "{ended}");
    expect_nothing_left(folder.path(), Duration::from_secs(20));
}

#[test]
fn two_sessions_are_one_too_many() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let first = Spinning::start(|run| run);
    let second = Spinning::start(|run| run.beside(&first.folder));
    let refused = Ukdbg::new(["bt"]).beside(&first.folder).run();
    assert_eq!(refused.code, Some(2), "{refused}");
    for spinning in [&first, &second] {
        let image = spinning.guest.image.display().to_string();
        assert!(refused.stderr.contains(&image), "{refused}");
    }
    let endpoint = refused
        .stderr
        .split_whitespace()
        .find(|word| word.starts_with("qmp:"))
        .unwrap_or_else(|| panic!("no endpoint: {refused}"));
    expect_chain(
        &Ukdbg::new(["bt", endpoint, "--image"])
            .and([&first.guest.image])
            .json(0),
    );
    second.interrupt();
    // Only one is left, and again it needs no name.
    expect_chain(&Ukdbg::new(["bt"]).beside(&first.folder).json(0));
    let folder = first.interrupt();
    expect_nothing_left(folder.path(), Duration::from_secs(20));
}

/// Visitors who are killed, some while the guest stands still for them.
#[test]
fn a_time_limit_holds_beside_visitors() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let spinning = Spinning::start(|run| run.and(["--timeout", "4s"]));
    for _ in 0..20 {
        let (visitor, _folder) = Ukdbg::new(["bt"]).beside(&spinning.folder).start();
        visitor.signal(Signal::KILL);
    }
    let Spinning {
        running, folder, ..
    } = spinning;
    let ended = running.finish(Instant::now(), DEADLINE);
    assert_eq!(ended.code, Some(5), "{ended}");
    expect_nothing_left(folder.path(), Duration::from_secs(20));
}
