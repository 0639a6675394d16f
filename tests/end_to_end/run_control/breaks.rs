//! Breakpoints: where they are, how they are armed, when they stop.

use ukdbg_inspect::VirtAddr;
use ukdbg_session::view::{Armed, Cause, Event, Returned};
use ukdbg_session::{
    BreakAt, BreakpointChange, Life, Means, Motion, NewBreakpoint, NewWatchpoint, Reply, Request,
    WatchAccess,
};
use ukdbg_tests::{Ending, GuestShape, Layout, Qemu, Tool, Traps, available};

use super::debugger::{Debugger, place};

/// A guest that comes to its end, held before its first instruction.
fn held(shape: GuestShape) -> Option<(Qemu, Debugger)> {
    if !available(&[Tool::Qemu, Tool::Gcc]) {
        return None;
    }
    let guest = shape.build();
    let machine = Qemu::boot_held(&guest.image, &[]);
    let debugger = Debugger::attach(&machine.gdb_socket(), guest.symbol_file());
    Some((machine, debugger))
}

fn ending(optimization: &'static str) -> GuestShape {
    GuestShape {
        optimization,
        traps: Traps::Handlers,
        ending: Ending::Handled,
        ..GuestShape::default()
    }
}

/// How breakpoints are armed, and how often they were reached.
fn states(debugger: &mut Debugger) -> Vec<(u32, Vec<Armed>, u64)> {
    let Reply::Breakpoints(view) = debugger.ask(Request::Breakpoints) else {
        panic!("no breakpoints");
    };
    let breakpoints = view.breakpoints.into_iter();
    breakpoints
        .map(|it| {
            let armed = it.locations.into_iter().map(|it| it.armed).collect();
            (it.number, armed, it.hits)
        })
        .collect()
}

#[test]
fn what_is_not_mapped_yet_is_armed_in_hardware_until_it_is() {
    let shape = GuestShape {
        layout: Layout::HigherHalf,
        ..ending("-O0")
    };
    let Some((_machine, mut debugger)) = held(shape) else {
        return;
    };
    debugger.add(NewBreakpoint::at("replay"));
    debugger.add(NewBreakpoint::at("settle"));
    let early = [Armed::HardwareUntilInPlace];
    for (_, armed, hits) in states(&mut debugger) {
        assert_eq!((armed.as_slice(), hits), (&early[..], 0));
    }
    let stop = debugger.run();
    assert_eq!(place(&stop).function, "replay");
    for (_, armed, _) in states(&mut debugger) {
        assert_eq!(armed, [Armed::Software]);
    }
    let told = debugger.session.take_events();
    let all = debugger.events.iter().chain(&told);
    let armed = all.filter(|event| matches!(event, Event::BreakpointArmed { .. }));
    assert_eq!(armed.count(), 2);
    assert_eq!(place(&debugger.run()).function, "settle");
}

#[test]
fn every_inlined_copy_is_a_location() {
    let Some((_machine, mut debugger)) = held(ending("-O2")) else {
        return;
    };
    let route = debugger.add(NewBreakpoint::at("route"));
    assert!(!route.locations.is_empty());
    assert!(route.locations.iter().any(|it| it.inlined_into.is_some()));
    let stop = debugger.run();
    assert_eq!(place(&stop).function, "route");
    let matching = debugger.add(NewBreakpoint {
        at: BreakAt::Matching("^(settle|match)$".to_owned()),
        ..NewBreakpoint::at("")
    });
    assert_eq!(matching.locations.len(), 2);
}

#[test]
fn conditions_counts_and_messages() {
    let Some((_machine, mut debugger)) = held(ending("-O0")) else {
        return;
    };
    let number = debugger
        .add(NewBreakpoint {
            condition: Some("order->id == 41".to_owned()),
            ..NewBreakpoint::at("settle")
        })
        .number;
    let logged = debugger.add(NewBreakpoint {
        log: Some("id {order->id}, fee {fee:x}, {nothing}".to_owned()),
        ..NewBreakpoint::at("settle")
    });
    let stop = debugger.run();
    assert!(matches!(stop.causes[..], [Cause::Breakpoint { number: n, .. }] if n == number));
    let texts: Vec<String> = debugger
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Logged(log) if log.number == logged.number => Some(log.text.raw().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].starts_with("id 40, fee 0x1b, <no "), "{texts:?}");
    // A condition without a value stops, and says why.
    debugger.ask(Request::ChangeBreakpoint {
        number,
        change: BreakpointChange::Condition(Some("no_such_thing > 1".to_owned())),
    });
    let stop = debugger.run();
    let [
        Cause::Breakpoint {
            condition_error: Some(why),
            ..
        },
    ] = &stop.causes[..]
    else {
        panic!("{stop:?}");
    };
    assert!(why.contains("no_such_thing"), "{why}");
}

#[test]
fn a_breakpoint_for_once_and_one_that_is_passed() {
    let Some((_machine, mut debugger)) = held(ending("-O0")) else {
        return;
    };
    debugger.add(NewBreakpoint {
        life: Life::Once,
        means: Means::Hardware,
        ..NewBreakpoint::at("replay")
    });
    let settle = debugger.add(NewBreakpoint::at("settle")).number;
    debugger.ask(Request::ChangeBreakpoint {
        number: settle,
        change: BreakpointChange::Ignore(2),
    });
    assert_eq!(place(&debugger.run()).function, "replay");
    assert_eq!(place(&debugger.run()).function, "settle");
    assert_eq!(states(&mut debugger), [(settle, vec![Armed::Software], 3)]);
}

#[test]
fn a_watched_variable_and_the_end_of_its_frame() {
    let Some((_machine, mut debugger)) = held(ending("-O0")) else {
        return;
    };
    debugger.add(NewBreakpoint {
        life: Life::Once,
        ..NewBreakpoint::at("match")
    });
    debugger.run();
    let watch = |expression: &str| {
        Request::Watch(NewWatchpoint {
            expression: expression.to_owned(),
            frame: None,
            access: WatchAccess::Change,
            condition: None,
            log: None,
        })
    };
    debugger.ask(watch("order->id"));
    debugger.ask(watch("total"));
    let stop = debugger.run();
    let [
        Cause::Watchpoint {
            old: Some(old),
            new,
            ..
        },
    ] = &stop.causes[..]
    else {
        panic!("{stop:?}");
    };
    assert_eq!((old.raw(), new.raw()), ("40", "567"));
    assert_eq!(place(&stop).function, "settle");
    let stop = debugger.run();
    let [Cause::Watchpoint { expression, .. }] = &stop.causes[..] else {
        panic!("{stop:?}");
    };
    assert_eq!((&**expression, &*place(&stop).function), ("total", "match"));
    // Both are of the frame of `match`.
    let stop = debugger.run();
    let ended: Vec<&str> = stop
        .causes
        .iter()
        .filter_map(|cause| match cause {
            Cause::WatchpointEnded { expression, .. } => Some(&**expression),
            _ => None,
        })
        .collect();
    assert_eq!(ended, ["order->id", "total"], "{stop:?}");
    assert!(states(&mut debugger).is_empty());
}

#[test]
fn what_a_function_returned() {
    let Some((_machine, mut debugger)) = held(ending("-O0")) else {
        return;
    };
    debugger.add(NewBreakpoint::at("settle"));
    debugger.run();
    let stop = debugger.go(Motion::Out { frame: 0 });
    let [
        Cause::Returned {
            value: Returned::Value { type_name, text },
        },
    ] = &stop.causes[..]
    else {
        panic!("{stop:?}");
    };
    assert_eq!((type_name.raw(), text.raw()), ("u64", "527"));
    assert_eq!(place(&stop).function, "match");
}

#[test]
fn values_are_written_and_the_machine_goes_on_elsewhere() {
    let Some((_machine, mut debugger)) = held(ending("-O0")) else {
        return;
    };
    debugger.add(NewBreakpoint::at("settle"));
    debugger.run();
    let assign = |place: &str, value: &str| Request::Assign {
        place: place.to_owned(),
        value: value.to_owned(),
        frame: None,
    };
    debugger.ask(assign("order->price", "7"));
    debugger.ask(assign("$rbx", "0x1234"));
    let Reply::Print(shown) = debugger.ask(Request::Print {
        expression: "order->price * 2 + $rbx".to_owned(),
        frame: None,
        format: None,
        extent: ukdbg_session::Extent::default(),
    }) else {
        panic!("no value");
    };
    assert_eq!(shown.text.raw(), (14 + 0x1234).to_string());
    let Reply::Stop(stop) = debugger.ask(Request::Jump {
        place: "power_off".to_owned(),
    }) else {
        panic!("no stop");
    };
    assert_eq!(place(&stop).function, "power_off");
}

#[test]
fn the_next_trap_and_faults_of_a_guest_without_our_runtime() {
    let Some((_machine, mut debugger)) = held(ending("-O0")) else {
        return;
    };
    debugger.add(NewBreakpoint {
        life: Life::Once,
        ..NewBreakpoint::at("settle")
    });
    debugger.run();
    let stop = debugger.go(Motion::Trap);
    assert!(
        matches!(stop.causes[..], [Cause::Trap { vector: Some(6) }]),
        "{stop:?}"
    );
    debugger.add(NewBreakpoint {
        at: BreakAt::Fault,
        ..NewBreakpoint::at("")
    });
    let stop = debugger.run();
    assert!(
        matches!(stop.causes[..], [Cause::Breakpoint { .. }]),
        "{stop:?}"
    );
    assert_ne!(stop.frame.map(|frame| frame.pc), Some(VirtAddr(0)));
    debugger.leave();
}
