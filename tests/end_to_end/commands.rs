//! The other commands, and the ways to reach a machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use ukdbg_tests::{
    BuiltGuest, DEADLINE, GuestShape, Qemu, Running, SeenFrame, Tool, Ukdbg, available,
    compare_frames, kernel_image, line_of, sample_kernel_sources,
};

use crate::chain::chain;

fn spinning() -> Option<(BuiltGuest, Qemu)> {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return None;
    }
    let built = GuestShape::default().build();
    let guest = Qemu::boot(&built.image, &[]);
    guest.wait_for_console("!");
    Some((built, guest))
}

fn faulted(fault: &str) -> Option<Qemu> {
    if !available(&[Tool::Qemu]) {
        return None;
    }
    let guest = Qemu::boot(kernel_image(), &["-append", &format!("fault={fault}")]);
    guest.wait_for_console("fault: ");
    guest.wait_until_at_rest();
    Some(guest)
}

fn unix(socket: &Path) -> String {
    format!("unix:{}", socket.display())
}

#[track_caller]
fn expect_chain(document: &Value) {
    let seen = SeenFrame::from_json(&document["backtraces"][0]);
    let compared = compare_frames(&seen, &chain(GuestShape::default()));
    compared.unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn a_graph_that_dot_accepts() {
    if !available(&[Tool::Dot]) {
        return;
    }
    let run = Ukdbg::new(["cfg"])
        .and([kernel_image()])
        .and(["Book::cross", "--format", "dot"])
        .run();
    assert_eq!(run.code, Some(0), "{run}");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let graph = folder.path().join("graph.dot");
    fs::write(&graph, &run.stdout).expect("a file");
    let mut dot = Command::new(Tool::Dot.command());
    let dot = Running::start(dot.arg("-Tsvg").arg(&graph)).finish(Instant::now(), DEADLINE);
    assert_eq!(dot.code, Some(0), "{dot}");
    assert!(dot.stderr.is_empty(), "{dot}");
    assert!(dot.stdout.contains("<svg"), "{dot}");
}

#[test]
fn events_of_a_faulted_kernel() {
    let Some(guest) = faulted("null-field") else {
        return;
    };
    let trace = Ukdbg::new(["trace", "list", &unix(&guest.gdb_socket()), "--image"])
        .and([kernel_image()])
        .json(0);
    let events = trace["events"].as_array().expect("a list");
    let names: Vec<_> = events
        .iter()
        .filter_map(|event| event["name"].as_str())
        .collect();
    for name in [
        "task.switch",
        "order.accepted",
        "order.matched",
        "heap.allocate",
        "heap.free",
    ] {
        assert!(names.contains(&name), "no {name} among {names:?}");
    }
    assert_eq!(names.last(), Some(&"fault"));
}

#[test]
fn a_report_on_a_machine_that_already_faulted() {
    let Some(guest) = faulted("use-after-free") else {
        return;
    };
    let report = Ukdbg::new(["report", &unix(&guest.gdb_socket()), "--image"])
        .and([kernel_image()])
        .json(0);
    assert_eq!(report["verdict"]["kind"], "use_after_free", "{report:#}");
}

#[test]
fn a_paused_machine_stays_paused() {
    let Some((built, guest)) = spinning() else {
        return;
    };
    guest.pause();
    let endpoint = unix(&guest.gdb_socket());
    expect_chain(
        &Ukdbg::new(["bt", &endpoint, "--image"])
            .and([&built.image])
            .json(0),
    );
    assert!(
        !guest.is_running(),
        "the guest was not left as it was found"
    );
}

#[test]
fn a_core_dump() {
    let Some((built, guest)) = spinning() else {
        return;
    };
    let dump = guest.path("core");
    guest.dump_memory(&dump);
    let endpoint = format!("core:{}", dump.display());
    expect_chain(
        &Ukdbg::new(["bt", &endpoint, "--image"])
            .and([&built.image])
            .json(0),
    );
}

#[test]
fn the_stub_and_the_monitor_together() {
    let Some((built, guest)) = spinning() else {
        return;
    };
    let gdb = unix(&guest.gdb_socket());
    let endpoint = format!("{gdb}+qmp:{}", guest.qmp_socket().display());
    expect_chain(
        &Ukdbg::new(["bt", &endpoint, "--image"])
            .and([&built.image])
            .json(0),
    );
    assert!(guest.is_running(), "the guest was not left as it was found");
}

/// What a user reads: verdict, source and backtrace, with relative paths, and
/// no escape sequences where no terminal is.
#[test]
fn the_report_as_text() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let run = Ukdbg::new(["run", "--batch", "--append", "fault=null-field"])
        .and([kernel_image()])
        .run();
    assert_eq!(run.code, Some(1), "{run}");
    let source = sample_kernel_sources().join("faults/null_field.rs");
    let line = line_of(&source, "order.remaining - quantity");
    let place = format!("sample-kernel/src/faults/null_field.rs:{line}");
    let absolute = source.display().to_string();
    for text in [
        &*place,
        "order.remaining - quantity",
        "remaining_after",
        "#PF",
    ] {
        assert!(run.stdout.contains(text), "no {text:?}: {run}");
    }
    assert!(!run.stdout.contains(&absolute), "{run}");
    assert!(!run.stdout.contains('\x1b'), "{run}");
}
