//! The less usual ways to stop: on a read, on any access, at a place that a
//! motion names, behind a loop.

use ukdbg_session::view::{Cause, StopView};
use ukdbg_session::{Arrival, Motion, NewBreakpoint, NewWatchpoint, Request, WatchAccess};

use super::debugger::{Debugger, place};
use super::numbers::{held, printed};

fn watch(debugger: &mut Debugger, expression: &str, access: WatchAccess) {
    debugger.ask(Request::Watch(NewWatchpoint {
        expression: expression.to_owned(),
        frame: None,
        access,
        condition: None,
        log: None,
    }));
}

/// The function of a stop at a watchpoint, with the value before and now.
#[track_caller]
fn watched(stop: &StopView) -> (String, Option<&str>, &str) {
    let [Cause::Watchpoint { old, new, .. }] = &stop.causes[..] else {
        panic!("{stop:?}");
    };
    let old = old.as_ref().map(|old| old.raw());
    (place(stop).function, old, new.raw())
}

#[test]
fn on_a_read_and_on_any_access() {
    let Some((_machine, mut debugger)) = held("-O0") else {
        return;
    };
    // Not at the instruction that reads: where that is stepped over, the stop
    // comes without the reason.
    debugger.add(NewBreakpoint::at("*guest_main"));
    debugger.run();
    watch(&mut debugger, "total", WatchAccess::Read);
    let stop = debugger.run();
    assert_eq!(watched(&stop), ("guest_main".to_owned(), None, "3.0"));
    debugger.ask(Request::DeleteBreakpoint { number: None });
    watch(&mut debugger, "total", WatchAccess::Access);
    let stop = debugger.run();
    assert_eq!(watched(&stop), ("halved".to_owned(), Some("3.0"), "1.5"));
    let stop = debugger.run();
    assert_eq!(
        watched(&stop),
        ("guest_main".to_owned(), Some("1.5"), "4.5")
    );
    let stop = debugger.run();
    assert_eq!(watched(&stop), ("guest_main".to_owned(), None, "4.5"));
}

#[test]
fn at_a_place_that_a_motion_names() {
    let Some((_machine, mut debugger)) = held("-O0") else {
        return;
    };
    debugger.add(NewBreakpoint::at("guest_main"));
    debugger.run();
    debugger.ask(Request::DeleteBreakpoint { number: None });
    let to = |place: &str, whose| Motion::To {
        place: place.to_owned(),
        whose,
    };
    let stop = debugger.go(to("doubled", Arrival::Any));
    assert!(matches!(stop.causes[..], [Cause::Arrived]), "{stop:?}");
    assert_eq!(place(&stop).function, "doubled");
    // It returns before anybody gets there.
    let stop = debugger.go(to("spin", Arrival::ThisFrame));
    assert!(matches!(stop.causes[..], [Cause::Arrived]), "{stop:?}");
    assert_eq!(place(&stop).function, "guest_main");
}

#[test]
fn behind_a_loop() {
    let Some((_machine, mut debugger)) = held("-O0") else {
        return;
    };
    debugger.add(NewBreakpoint::at("spin"));
    debugger.run();
    let mut stop = debugger.go(Motion::PastLoop);
    while place(&stop).function == "spin" && printed(&mut debugger, "spun") != "1000000" {
        stop = debugger.go(Motion::PastLoop);
    }
    assert_eq!(place(&stop).function, "spin");
    assert_eq!(printed(&mut debugger, "total"), "4.75");
}
