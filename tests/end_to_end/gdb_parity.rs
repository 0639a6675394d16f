//! The sample kernel's faults seen by stock GDB and by us: through QEMU's stub
//! after the guest has come to rest, and through the stub in the guest when
//! the fault is reported.
//!
//! GDB is right about who called whom in all of them, since every trap entry
//! has unwind information; `foreign_shapes` has the guests in which it is not.
//! Where it is wrong here, about a name, [`corrected`] says so.

use std::path::Path;

use ukdbg_tests::{
    Qemu, SeenFrame, Tool, Ukdbg, available, gdb, gdb_backtrace, gdb_frames, kernel_image,
};

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
    frames.retain(|frame| !frame.function.starts_with("ukdbg_trap"));
    written(&frames)
}

/// GDB's frames as we write them. It calls the data that `bad-fn-pointer` jumps
/// to a function, which it is not; and it goes by the source's name for the
/// panic handler, where we go by the symbol's.
fn corrected(mut frames: Vec<SeenFrame>) -> Vec<Written> {
    for frame in &mut frames {
        if frame.line.is_none() && frame.function.contains("bad_fn_pointer::TRADES") {
            frame.function.clear();
        } else if frame.function.ends_with("::on_panic") {
            "rust_begin_unwind".clone_into(&mut frame.function);
        }
    }
    written(&frames)
}

/// Fails with the first frame that differs and all that GDB printed.
#[track_caller]
fn expect_same(ours: &[Written], gdb: &[Written], printed: &str) {
    let longest = ours.len().max(gdb.len());
    let differs = (0..longest).find(|index| ours.get(*index) != gdb.get(*index));
    if let Some(index) = differs {
        let (ours, gdb) = (ours.get(index), gdb.get(index));
        panic!("frame {index}: we say {ours:?}, GDB says {gdb:?}\n{printed}");
    }
}

#[track_caller]
fn check(fault: &str) {
    if !available(&[Tool::Qemu, Tool::Gdb]) {
        return;
    }
    let append = format!("fault={fault}");
    let guest = Qemu::boot(kernel_image(), &["-append", &append]);
    guest.wait_for_console(&append.replace('=', " "));
    guest.wait_until_at_rest();
    let socket = guest.gdb_socket();
    let (frames, printed) = gdb_backtrace(&socket.display().to_string(), kernel_image());
    guest.wait_until_at_rest();
    expect_same(&ours(&socket), &corrected(frames), &printed);
}

#[track_caller]
fn check_in_guest(fault: &str) {
    if !available(&[Tool::Qemu, Tool::Gdb]) {
        return;
    }
    let append = format!("wait-gdb fault={fault}");
    let guest = Qemu::boot(kernel_image(), &["-append", &append]);
    guest.wait_for_console("waiting for a debugger");
    let socket = guest.second_serial_socket();
    // `disconnect` leaves the guest stopped, for us to see the same.
    let commands = ["continue", "backtrace", "disconnect"];
    let printed = gdb(&socket.display().to_string(), kernel_image(), &commands);
    expect_same(&ours(&socket), &corrected(gdb_frames(&printed)), &printed);
}

/// A test through each stub for each fault.
macro_rules! parity {
    ($($name:ident: $fault:literal;)*) => {
        mod through_qemu {
            $(#[test]
            fn $name() {
                super::check($fault);
            })*
        }
        mod through_the_guest {
            $(#[test]
            fn $name() {
                super::check_in_guest($fault);
            })*
        }
    };
}

parity! {
    null_field: "null-field";
    heap_overflow: "heap-overflow";
    use_after_free: "use-after-free";
    stack_overflow: "stack-overflow";
    write_rodata: "write-rodata";
    bad_fn_pointer: "bad-fn-pointer";
    non_canonical: "non-canonical";
    divide: "divide";
    panic: "panic";
    bounds: "bounds";
    double_fault: "double-fault";
}

/// Nothing in the guest runs any more: only QEMU's stub answers.
#[test]
fn triple_fault() {
    check("triple-fault");
}
