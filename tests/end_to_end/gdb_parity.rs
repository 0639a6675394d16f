//! The sample kernel's faults seen by stock GDB and by us: through QEMU's stub
//! after the guest has come to rest, and through the stub in the guest when
//! the fault is reported. The rows name the cases in which GDB is wrong.

use std::path::Path;

use ukdbg_tests::{
    Qemu, SeenFrame, Tool, Ukdbg, available, gdb, gdb_backtrace, gdb_frames, kernel_image,
};

/// What GDB makes of a fault.
#[derive(Clone, Copy)]
enum Gdb {
    /// The same frames as we.
    Right,
    /// The same frames up to this function's, and then no more or others.
    RightUpTo(&'static str, &'static str),
}

/// A frame as far as debuggers agree on how to write one.
type Written = (String, String, Option<u64>);

fn written(frames: &[SeenFrame]) -> Vec<Written> {
    let frames = frames.iter();
    frames
        .map(|frame| (frame.short_name(), frame.file.clone(), frame.line))
        .collect()
}

/// Our frames without those that stand for a trap's entry, which GDB calls
/// `<signal handler called>`.
fn ours(socket: &Path) -> Vec<Written> {
    let endpoint = format!("unix:{}", socket.display());
    let document = Ukdbg::new(["bt", &endpoint, "--image"])
        .and([kernel_image()])
        .json(0);
    let mut frames = SeenFrame::from_json(&document["backtraces"][0]);
    frames.retain(|frame| !is_trap_entry(frame));
    written(&frames)
}

fn is_trap_entry(frame: &SeenFrame) -> bool {
    frame.function.starts_with("ukdbg_trap") || frame.function.starts_with("ukdbg_vector")
}

#[track_caller]
fn compare(ours: &[Written], gdb: &[Written], expected: Gdb, printed: &str) {
    match expected {
        Gdb::Right => assert_eq!(ours, gdb, "{printed}"),
        Gdb::RightUpTo(function, why) => {
            let position = |frames: &[Written]| frames.iter().position(|frame| frame.0 == function);
            let (our_end, gdb_end) = (position(ours), position(gdb));
            let (Some(our_end), Some(gdb_end)) = (our_end, gdb_end) else {
                panic!("{function} is missing in {ours:#?} or {printed}");
            };
            assert_eq!(ours[..=our_end], gdb[..=gdb_end], "{printed}");
            assert!(
                ours.len() > our_end + 1,
                "we end there too, though only GDB should: {why}"
            );
        }
    }
}

#[track_caller]
fn check(fault: &str, expected: Gdb) {
    if !available(&[Tool::Qemu, Tool::Gdb]) {
        return;
    }
    let append = format!("fault={fault}");
    let guest = Qemu::boot(kernel_image(), &["-append", &append]);
    guest.wait_for_console("fault");
    guest.wait_until_at_rest();
    let socket = guest.gdb_socket();
    let (frames, printed) = gdb_backtrace(&socket.display().to_string(), kernel_image());
    guest.wait_until_at_rest();
    compare(&ours(&socket), &written(&frames), expected, &printed);
}

#[track_caller]
fn check_in_guest(fault: &str, expected: Gdb) {
    if !available(&[Tool::Qemu, Tool::Gdb]) {
        return;
    }
    let append = format!("wait-gdb fault={fault}");
    let guest = Qemu::boot(kernel_image(), &["-append", &append]);
    let socket = guest.second_serial_socket();
    // `disconnect` leaves the guest stopped, for us to see the same.
    let commands = ["continue", "backtrace", "disconnect"];
    let printed = gdb(&socket.display().to_string(), kernel_image(), &commands);
    compare(
        &ours(&socket),
        &written(&gdb_frames(&printed)),
        expected,
        &printed,
    );
}

/// A test through each stub for each fault.
macro_rules! parity {
    ($($name:ident: $fault:literal, $gdb:expr;)*) => {
        mod through_qemu {
            $(#[test]
            fn $name() {
                super::check($fault, $gdb);
            })*
        }
        mod through_the_guest {
            $(#[test]
            fn $name() {
                super::check_in_guest($fault, $gdb);
            })*
        }
    };
}

parity! {
    null_field: "null-field", super::Gdb::Right;
    heap_overflow: "heap-overflow", super::Gdb::Right;
    use_after_free: "use-after-free", super::Gdb::Right;
    stack_overflow: "stack-overflow", super::Gdb::Right;
    write_rodata: "write-rodata", super::Gdb::Right;
    bad_fn_pointer: "bad-fn-pointer", super::Gdb::Right;
    non_canonical: "non-canonical", super::Gdb::Right;
    divide: "divide", super::Gdb::Right;
    panic: "panic", super::Gdb::Right;
    bounds: "bounds", super::Gdb::Right;
    double_fault: "double-fault", super::Gdb::Right;
}

/// Nothing in the guest runs any more: only QEMU's stub answers.
#[test]
fn triple_fault() {
    check("triple-fault", Gdb::Right);
}
