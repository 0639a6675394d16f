//! Recording a guest, opening the recording where it ended, and going back in
//! it to what wrote a bad value.

use std::path::Path;

use serde_json::Value;
use ukdbg_tests::{Tool, Ukdbg, available, kernel_image, line_of, sample_kernel_sources};

/// Records a run of the sample kernel that faults; its report.
fn record(folder: &Path, append: &str) -> Value {
    Ukdbg::new(["run", "--timeout", "50s", "--append", append, "--record"])
        .and([folder, kernel_image()])
        .json(1)
}

#[test]
fn a_replay_says_what_the_run_did() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    for fault in ["null-field", "triple-fault"] {
        let folder = place.path().join(fault);
        let mut run = record(&folder, &format!("fault={fault}"));
        let mut replay = Ukdbg::new(["replay"]).and([&folder]).json(0);
        for report in [&mut run, &mut replay] {
            // How its image is called is no part of what happened.
            report["next"] = Value::Null;
        }
        assert_eq!(run, replay, "{fault}");
    }
    let again = Ukdbg::new(["run", "--batch", "--record"])
        .and([place.path(), kernel_image()])
        .run();
    assert_eq!(again.code, Some(2), "{again}");
    assert!(again.stderr.contains("is not empty"), "{again}");
    let unfinished = place.path().join("null-field");
    std::fs::remove_file(unfinished.join("recording.json")).expect("it is there");
    let refused = Ukdbg::new(["replay", "--batch"]).and([&unfinished]).run();
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("never finished"), "{refused}");
}

#[test]
fn what_wrote_a_bad_pointer_is_found() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let source = sample_kernel_sources().join("faults/heap_corruption.rs");
    let line = line_of(&source, "fill.write(notional)");
    let place = tempfile::tempdir().expect("a folder");
    for (seed, after) in [(1, 400), (7, 1500)] {
        let folder = place.path().join(seed.to_string());
        let report = record(
            &folder,
            &format!("fault=heap-corruption seed={seed} after={after}"),
        );
        let function = &report["verdict"]["place"]["function"]["demangled"];
        let function = function.as_str().unwrap_or_default();
        assert!(function.ends_with("::margin_left"), "{report:#}");
        let why = Ukdbg::new(["why", "--json"])
            .and([folder.as_os_str(), "account.owner".as_ref()])
            .json_as_given(0);
        let origin = &why["origin"];
        assert_eq!(origin["kind"], "written", "{why:#}");
        assert_eq!(origin["new"], why["value"], "{why:#}");
        assert_ne!(origin["old"], origin["new"], "{why:#}");
        let frame = origin["frame"].as_u64().unwrap_or(u64::MAX);
        let frame = usize::try_from(frame).unwrap_or(usize::MAX);
        let wrote = &origin["backtrace"]["frames"][frame];
        let function = wrote["function"]["demangled"].as_str().unwrap_or_default();
        assert!(function.ends_with("::note_fill"), "{why:#}");
        assert_eq!(wrote["location"]["line"], line, "{why:#}");
    }
}

#[test]
fn the_prompt_goes_back() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("recording");
    record(&folder, "fault=heap-corruption");
    let done = Ukdbg::new(["replay", "--batch"])
        .and([&folder])
        .and([
            "-e",
            "break sample_kernel::faults::heap_corruption::note_fill",
        ])
        .and(["-e", "reverse-continue", "-e", "reverse-finish"])
        .and(["-e", "delete", "-e", "reverse-continue", "-e", "continue"])
        .run();
    assert_eq!(done.code, Some(0), "{done}");
    let mut rest = done.stdout.as_str();
    for expected in [
        "breakpoint 1",
        "note_fill(&raw mut accounts[account]",
        "at the recording's beginning",
        "at the recording's end",
        "ukdbg_rendezvous",
    ] {
        let found = rest.find(expected);
        let found = found.unwrap_or_else(|| panic!("no `{expected}` in its place: {done}"));
        rest = &rest[found..];
    }
}
