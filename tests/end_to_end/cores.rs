//! Machines written down by ukdbg: a core says what the machine said, to us
//! and to GDB.

use std::path::Path;

use ukdbg_tests::{
    Ending, GuestShape, Layout, Qemu, Tool, Traps, Ukdbg, available, gdb_frames, gdb_of_core,
    kernel_image,
};

/// A document of the core, and the same of the machine.
#[track_caller]
fn same_in_core(command: &str, endpoint: &str, core: &Path, image: &Path) {
    let ask = |endpoint: &str| {
        Ukdbg::new([command, endpoint, "--image"])
            .and([image])
            .json(0)
    };
    let of_core = ask(&format!("core:{}", core.display()));
    assert_eq!(ask(endpoint), of_core, "{command} of {endpoint}");
}

#[test]
fn a_run_keeps_what_it_reported() {
    if !available(&[Tool::Qemu, Tool::Gdb]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let core = folder.path().join("core");
    // What only the emulator's log tells of is in the core as well.
    let run = Ukdbg::new(["run"])
        .and([kernel_image()])
        .and([
            "--append",
            "fault=triple-fault",
            "--timeout",
            "60s",
            "--dump",
        ])
        .and([&core]);
    let reported = run.json(1);
    let again = Ukdbg::new(["report", &format!("core:{}", core.display()), "--image"])
        .and([kernel_image()])
        .json(0);
    assert_eq!(reported, again);
    let blocks = std::os::unix::fs::MetadataExt::blocks(&core.metadata().unwrap());
    assert!(
        blocks * 512 < core.metadata().unwrap().len() / 4,
        "{blocks} blocks"
    );
    let frames = gdb_frames(&gdb_of_core(&core, kernel_image(), &["backtrace"]));
    let functions: Vec<_> = frames.iter().map(|frame| frame.function.as_str()).collect();
    assert!(
        functions[0].ends_with("triple_fault::post"),
        "{functions:?}"
    );
    assert!(functions.len() > 8, "{functions:?}");
}

#[test]
fn a_foreign_guest_over_every_link() {
    if !available(&[Tool::Qemu, Tool::Gcc]) {
        return;
    }
    let shape = GuestShape {
        layout: Layout::HigherHalf,
        traps: Traps::Handlers,
        ending: Ending::Fault,
        ..GuestShape::default()
    };
    let guest = shape.build();
    // Little memory: a monitor alone reads a page at a time.
    let qemu = Qemu::boot(&guest.image, &["-smp", "2", "-m", "6"]);
    qemu.wait_for_console("!");
    qemu.wait_until_at_rest();
    let links = [
        format!("unix:{}", qemu.gdb_socket().display()),
        format!("qmp:{}", qemu.qmp_socket().display()),
    ];
    for endpoint in links {
        let core = qemu.path("core");
        let dumped = Ukdbg::new(["dump", &endpoint, "-o"])
            .and([&core])
            .and(["--image"])
            .and([&guest.image])
            .json(0);
        assert_eq!(dumped["complete"], true, "{dumped}");
        for command in ["bt", "report", "regs"] {
            same_in_core(command, &endpoint, &core, &guest.image);
        }
    }
}

#[test]
fn what_cannot_be_written_is_said_before_the_machine_is_touched() {
    let run = Ukdbg::new([
        "dump",
        "tcp:127.0.0.1:1",
        "-o",
        "/nonexistent/core",
        "--image",
    ])
    .and([kernel_image()])
    .run();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("/nonexistent/core"), "{run}");
}
