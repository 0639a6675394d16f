//! Values in SSE registers, and lines that repeat.

use std::time::{Duration, Instant};

use ukdbg_session::view::{Cause, Returned};
use ukdbg_session::{Calls, Extent, Motion, NewBreakpoint, RegisterSet, Reply, Request};
use ukdbg_tests::{Qemu, Tool, available, compile};

use super::debugger::{Debugger, place};

/// Far less than a million steps take.
const SOON: Duration = Duration::from_secs(20);

pub(super) fn held(optimization: &str) -> Option<(Qemu, Debugger)> {
    if !available(&[Tool::Qemu, Tool::Gcc]) {
        return None;
    }
    let flags = [optimization, "-ffreestanding", "-fno-pic", "-mno-red-zone"];
    let guest = compile(&["boot.S", "numbers.c"], &flags);
    let machine = Qemu::boot_held(&guest.image, &[]);
    let debugger = Debugger::attach(&machine.gdb_socket(), guest.symbol_file());
    Some((machine, debugger))
}

pub(super) fn printed(debugger: &mut Debugger, expression: &str) -> String {
    let Reply::Print(shown) = debugger.ask(Request::Print {
        expression: expression.to_owned(),
        frame: None,
        format: None,
        extent: Extent::default(),
    }) else {
        panic!("no value");
    };
    shown.text.raw().to_owned()
}

/// Runs into a function and out of it; what it returned.
fn returned(debugger: &mut Debugger, function: &str) -> String {
    debugger.add(NewBreakpoint::at(function));
    assert_eq!(place(&debugger.run()).function, function);
    let stop = debugger.go(Motion::Out { frame: 0 });
    match &stop.causes[..] {
        [
            Cause::Returned {
                value: Returned::Value { text, .. },
            },
        ] => text.raw().to_owned(),
        causes => panic!("{causes:?}"),
    }
}

#[test]
fn numbers_are_read_from_sse_registers() {
    let Some((_machine, mut debugger)) = held("-O2") else {
        return;
    };
    // At the first instruction: behind it only the caller would know.
    debugger.add(NewBreakpoint::at("*halved"));
    debugger.run();
    assert_eq!(printed(&mut debugger, "value"), "3.0");
    assert_eq!(printed(&mut debugger, "$xmm0.v2_double[0]"), "3.0");
    assert_eq!(printed(&mut debugger, "$mxcsr"), 0x1f80.to_string());
    let Reply::Registers(view) = debugger.ask(Request::FrameRegisters {
        frame: 0,
        set: RegisterSet::All,
    }) else {
        panic!("no registers");
    };
    let known = |name: &str| {
        let mut vectors = view.vectors.iter();
        let found = vectors.find(|vector| vector.register == name);
        found.and_then(|vector| vector.value).map(|value| value.0)
    };
    assert_eq!(known("mxcsr"), Some(0x1f80));
    assert_eq!(known("fctrl"), Some(0x37f));
    let low = known("xmm0").map(|value| value as u64);
    assert_eq!(low, Some(3.0_f64.to_bits()));
}

#[test]
fn numbers_are_returned_in_sse_registers() {
    for optimization in ["-O0", "-O2"] {
        let Some((_machine, mut debugger)) = held(optimization) else {
            return;
        };
        assert_eq!(returned(&mut debugger, "halved"), "1.5");
        assert_eq!(returned(&mut debugger, "doubled"), "4.5");
        let pair = returned(&mut debugger, "paired");
        assert!(pair.contains("4.75") && pair.contains("42"), "{pair}");
    }
}

#[test]
fn a_line_that_repeats_is_left_at_once() {
    for optimization in ["-O0", "-O2"] {
        let Some((_machine, mut debugger)) = held(optimization) else {
            return;
        };
        debugger.add(NewBreakpoint::at("spin"));
        debugger.run();
        let started = Instant::now();
        let mut lines = Vec::new();
        for _ in 0..8 {
            let stop = debugger.go(Motion::Lines {
                calls: Calls::Over,
                count: 1,
            });
            let here = place(&stop);
            lines.push((here.function.clone(), here.line));
            if printed(&mut debugger, "spun") == "1000000" {
                break;
            }
        }
        let took = started.elapsed();
        println!("{optimization}: {took:?}, {lines:?}");
        assert!(took < SOON, "{took:?}: {lines:?}");
        assert_eq!(printed(&mut debugger, "spun"), "1000000", "{lines:?}");
        assert!(
            lines.iter().all(|(function, _)| function == "spin"),
            "{lines:?}"
        );
    }
}
