//! The thirteen faults of the sample kernel: what `ukdbg run` must find out
//! about each.

use std::path::Path;

use serde_json::Value;
use ukdbg_tests::{
    SeenFrame, Tool, Ukdbg, available, hosted_kernel_image, kernel_image, line_of,
    sample_kernel_sources,
};

/// What a report on a fault must say.
struct Expected {
    /// The fault's name on the kernel's command line.
    fault: &'static str,
    /// The kind of the verdict.
    kind: &'static str,
    /// The function that the verdict names, without its module.
    function: &'static str,
    /// What the source line says that the verdict names. Several where the
    /// compiler decides which instruction of the function comes first.
    operation: &'static [&'static str],
}

#[track_caller]
fn check(expected: &Expected) {
    check_image(kernel_image, expected);
}

#[track_caller]
fn check_image(image: impl Fn() -> &'static Path, expected: &Expected) {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let fault = format!("fault={}", expected.fault);
    let report = Ukdbg::new(["run", "--batch", "--timeout", "50s", "--append", &fault])
        .and([image()])
        .json(1);
    let verdict = &report["verdict"];
    assert_eq!(verdict["kind"], expected.kind, "{verdict:#}");
    check_place(&verdict["place"], expected);
    check_backtrace(&report["backtrace"], expected);
    let events = report["events"]["events"].as_array();
    assert!(
        events.is_some_and(|events| !events.is_empty()),
        "{report:#}"
    );
    assert!(
        !report["next"].as_array().expect("a list").is_empty(),
        "{report:#}"
    );
}

#[track_caller]
fn check_place(place: &Value, expected: &Expected) {
    let file = format!("faults/{}.rs", expected.fault.replace('-', "_"));
    let path = place["location"]["file"]["path"]
        .as_str()
        .unwrap_or_default();
    assert!(path.ends_with(&file), "{place:#}");
    let source = sample_kernel_sources().join(&file);
    let lines: Vec<_> = expected
        .operation
        .iter()
        .map(|operation| line_of(&source, operation))
        .collect();
    let line = place["location"]["line"].as_u64().unwrap_or_default();
    assert!(
        lines.contains(&line),
        "expected a line of {lines:?}: {place:#}"
    );
    let function = place["function"]["demangled"].as_str().unwrap_or_default();
    assert_eq!(
        function.rsplit("::").next(),
        Some(expected.function),
        "{place:#}"
    );
}

/// The faulting function is called by the fault's `commit`, that by the
/// engine, and so on to the start of the task.
#[track_caller]
fn check_backtrace(backtrace: &Value, expected: &Expected) {
    let frames = SeenFrame::from_json(backtrace);
    let position = |name: &str| {
        let found = frames
            .iter()
            .position(|frame| frame.function.ends_with(name));
        found.unwrap_or_else(|| panic!("no frame of {name}: {backtrace:#}"))
    };
    let faulting = position(&format!("::{}", expected.function));
    let commit = position("::commit");
    let engine = frames
        .iter()
        .position(|frame| frame.function.contains("::engine::"));
    assert!(faulting < commit, "{backtrace:#}");
    assert!(
        engine.is_some_and(|engine| commit < engine),
        "{backtrace:#}"
    );
    assert_eq!(backtrace["end"]["kind"], "root", "{backtrace:#}");
}

const NULL_FIELD: Expected = Expected {
    fault: "null-field",
    kind: "null_reference",
    function: "remaining_after",
    operation: &["order.remaining - quantity"],
};

#[test]
fn null_field() {
    check(&NULL_FIELD);
}

#[test]
fn heap_overflow() {
    check(&Expected {
        fault: "heap-overflow",
        kind: "heap_overflow",
        function: "set_level",
        operation: &["*slot = price"],
    });
}

#[test]
fn heap_corruption() {
    check(&Expected {
        fault: "heap-corruption",
        kind: "unmapped_address",
        function: "margin_left",
        operation: &["(*account.owner).margin", "account.fills.iter().sum()"],
    });
}

#[test]
fn use_after_free() {
    check(&Expected {
        fault: "use-after-free",
        kind: "use_after_free",
        function: "unfilled",
        operation: &["(*order).remaining"],
    });
}

#[test]
fn stack_overflow() {
    check(&Expected {
        fault: "stack-overflow",
        kind: "stack_overflow",
        function: "linked_quantity",
        operation: &[
            "fn linked_quantity(",
            "let mut path =",
            "black_box(&mut path)",
            "order.remaining + linked_quantity(",
        ],
    });
}

#[test]
fn write_rodata() {
    check(&Expected {
        fault: "write-rodata",
        kind: "write_to_read_only",
        function: "raise_fee",
        operation: &["*fee += by"],
    });
}

#[test]
fn bad_fn_pointer() {
    check(&Expected {
        fault: "bad-fn-pointer",
        kind: "jump_to_data",
        function: "notify",
        operation: &["listener(quantity)"],
    });
}

#[test]
fn non_canonical() {
    check(&Expected {
        fault: "non-canonical",
        kind: "non_canonical_address",
        function: "limit_of",
        operation: &["(*order).price"],
    });
}

#[test]
fn divide() {
    check(&Expected {
        fault: "divide",
        kind: "divide_error",
        function: "average_price",
        operation: &["notional / quantity"],
    });
}

#[test]
fn panic() {
    check(&Expected {
        fault: "panic",
        kind: "panic",
        function: "check_parties",
        operation: &["panic!("],
    });
}

#[test]
fn bounds() {
    check(&Expected {
        fault: "bounds",
        kind: "index_out_of_bounds",
        function: "rebate",
        operation: &["table[tier]"],
    });
}

#[test]
fn double_fault() {
    check(&Expected {
        fault: "double-fault",
        kind: "double_fault",
        function: "post",
        operation: &["*mailbox = quantity"],
    });
}

#[test]
fn triple_fault() {
    check(&Expected {
        fault: "triple-fault",
        kind: "triple_fault",
        function: "post",
        operation: &["*mailbox = quantity"],
    });
}

/// Built for the host's triple: with SSE and a red zone.
#[test]
fn null_field_in_a_kernel_for_the_hosts_triple() {
    check_image(hosted_kernel_image, &NULL_FIELD);
}

/// Without a fault the kernel ends by itself, with a status of its own.
#[test]
fn a_run_without_a_fault() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let run = Ukdbg::new([
        "run",
        "--batch",
        "--timeout",
        "50s",
        "--append",
        "count=1000",
    ])
    .and([kernel_image()])
    .run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("orders"), "{run}");
}
