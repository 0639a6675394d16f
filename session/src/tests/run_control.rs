//! What a session asks of a machine to stop it where its user wants, and which
//! stops it keeps to itself: a machine that follows a script.

use std::time::Instant;

use ukdbg_inspect::{BreakpointKind, StopReason};

use super::guest;
use super::machine::Machine;
use crate::view::{Armed, BreakpointView, Cause, Event};
use crate::{Motion, NewBreakpoint, Reply, Request, Session};

fn add(session: &mut Session<'_, Machine>, breakpoint: NewBreakpoint) -> BreakpointView {
    match session.answer(Request::Break(breakpoint)).unwrap() {
        Reply::Breakpoint(view) => *view,
        reply => panic!("{reply:?}"),
    }
}

fn go_on(session: &mut Session<'_, Machine>) {
    let motion = Motion::Continue { ignore: 0 };
    session.answer(Request::Go(motion)).unwrap();
}

/// The causes of the stop that comes.
fn stop(session: &mut Session<'_, Machine>) -> Vec<Cause> {
    session.poll(Instant::now()).unwrap();
    let last = session.last_stop().expect("it stopped");
    last.causes.clone()
}

/// A session with a breakpoint at `idle`, its address, and a script of traps.
fn with_breakpoint(
    condition: Option<&str>,
    script: impl FnOnce(u64) -> Vec<(u64, StopReason)>,
) -> Option<(Session<'static, Machine>, u64)> {
    let guest = guest()?;
    let mut session = guest.session(guest.recursing(3));
    let view = add(
        &mut session,
        NewBreakpoint {
            condition: condition.map(str::to_owned),
            ..NewBreakpoint::at("idle")
        },
    );
    let at = view.locations[0].address.0;
    session.target().script = script(at).into();
    session.target().asked.clear();
    Some((session, at))
}

#[test]
fn a_condition_that_does_not_hold_is_passed_by_a_step() {
    let script = |at| {
        vec![
            (at, StopReason::Trap),
            (at + 1, StopReason::Trap),
            (at, StopReason::Interrupted),
        ]
    };
    let Some((mut session, _)) = with_breakpoint(Some("1 == 2"), script) else {
        return;
    };
    go_on(&mut session);
    // The stop at the breakpoint and the step over it are not the user's.
    let until = Instant::now() + std::time::Duration::from_secs(60);
    session.poll(until).unwrap();
    assert_eq!(session.target().asked, ["continue", "step", "continue"]);
    let last = session.last_stop().expect("it stopped");
    assert!(matches!(last.causes[..], [Cause::Interrupted]));
    assert_eq!(session.breakpoints().breakpoints[0].hits, 0);
}

#[test]
fn a_hit_is_stepped_over_before_the_machine_runs_again() {
    let script = |at| {
        vec![
            (at, StopReason::Trap),
            (at + 1, StopReason::Trap),
            (at, StopReason::Trap),
        ]
    };
    let Some((mut session, _)) = with_breakpoint(None, script) else {
        return;
    };
    let until = Instant::now() + std::time::Duration::from_secs(60);
    for hits in [1, 2] {
        go_on(&mut session);
        session.poll(until).unwrap();
        let last = session.last_stop().expect("it stopped");
        assert!(matches!(
            last.causes[..],
            [Cause::Breakpoint {
                number: 1,
                location: 1,
                ..
            }]
        ));
        assert_eq!(session.breakpoints().breakpoints[0].hits, hits);
    }
    assert_eq!(session.target().asked, ["continue", "step", "continue"]);
}

/// The stub heard the interrupt when the guest stood already, and forgot it.
#[test]
fn an_interrupt_that_came_too_late_is_not_lost() {
    let script = |at| vec![(at, StopReason::Trap)];
    let Some((mut session, _)) = with_breakpoint(Some("false"), script) else {
        return;
    };
    go_on(&mut session);
    session.interrupt().unwrap();
    assert!(matches!(stop(&mut session)[..], [Cause::Interrupted]));
}

#[test]
fn a_trap_of_the_guests_own_is_the_users() {
    let script = |at| vec![(at + 2, StopReason::Trap)];
    let Some((mut session, _)) = with_breakpoint(None, script) else {
        return;
    };
    go_on(&mut session);
    assert!(matches!(stop(&mut session)[..], [Cause::OtherTrap]));
    let events = session.take_events();
    assert!(matches!(events[..], [Event::Stopped(_)]), "{events:?}");
}

#[test]
fn what_is_refused_is_armed_otherwise_or_says_why() {
    let Some(guest) = guest() else { return };
    let check = |refuses: &[BreakpointKind], expected: &Armed| {
        let mut machine = guest.recursing(3);
        machine.refuses = refuses.to_vec();
        let view = add(&mut guest.session(machine), NewBreakpoint::at("idle"));
        assert_eq!(&view.locations[0].armed, expected);
    };
    check(&[], &Armed::Software);
    check(&[BreakpointKind::Software], &Armed::Hardware);
    let why = "it has none".to_owned();
    let both = [BreakpointKind::Software, BreakpointKind::Hardware];
    check(&both, &Armed::Refused { why });
    // Nothing is in memory: the code is not loaded yet.
    let mut machine = guest.recursing(3);
    machine.ranges.clear();
    let view = add(&mut guest.session(machine), NewBreakpoint::at("idle"));
    assert_eq!(view.locations[0].armed, Armed::HardwareUntilInPlace);
}

#[test]
fn a_deleted_breakpoint_leaves_the_machine_unless_another_is_there() {
    let Some((mut session, at)) = with_breakpoint(None, |_| Vec::new()) else {
        return;
    };
    add(&mut session, NewBreakpoint::at("idle"));
    let delete = |number| Request::DeleteBreakpoint { number };
    session.answer(delete(Some(1))).unwrap();
    assert!(session.target().asked.is_empty());
    session.answer(delete(None)).unwrap();
    assert_eq!(session.target().asked, [format!("remove Software {at:#x}")]);
    assert!(session.answer(delete(Some(1))).is_err());
}
