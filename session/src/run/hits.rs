//! Whether the breakpoints at a place, or on an address, stop the machine: by
//! their conditions and counts. Log points speak here.

use ukdbg_image::Untrusted;
use ukdbg_inspect::{BreakpointKind, Frame, Registers, Target, VcpuId, VirtAddr};

use super::evaluation;
use super::message::Message;
use super::position::{Position, innermost};
use super::table::What;
use super::watchpoint::{self, Watched};
use super::{Life, WatchAccess};
use crate::session::Session;
use crate::view::{Cause, Event, LogView};
use crate::{ExpressionError, SessionError};

/// A CPU at a stop, with its innermost frame once that is needed.
pub(super) struct Place<'a> {
    pub(super) vcpu: VcpuId,
    pub(super) pc: VirtAddr,
    pub(super) registers: &'a Registers,
    frame: Option<Option<Frame>>,
}

impl<'a> Place<'a> {
    pub(super) fn new(vcpu: VcpuId, pc: VirtAddr, registers: &'a Registers) -> Self {
        Self {
            vcpu,
            pc,
            registers,
            frame: None,
        }
    }

    fn frame<T: Target>(&mut self, session: &mut Session<'_, T>) -> Option<Frame> {
        self.frame
            .get_or_insert_with(|| innermost(&session.modules, self.registers, &mut session.target))
            .clone()
    }
}

/// The breakpoints at a place that stop the machine there.
pub(super) fn in_code<T: Target>(
    session: &mut Session<'_, T>,
    place: &mut Place<'_>,
) -> Result<Vec<Cause>, SessionError> {
    let reached: Vec<(u32, usize)> = session
        .run
        .table
        .iter()
        .filter(|breakpoint| matches!(breakpoint.what, What::Code { .. }))
        .filter_map(|breakpoint| Some((breakpoint.number, breakpoint.location_at(place.pc)?)))
        .collect();
    let mut causes = Vec::new();
    for (number, location) in reached {
        let within = within(session, number, location);
        session.run.hidden = within;
        if let Some(error) = passes(session, place, number, &[])? {
            session.run.meant.get_or_insert(within);
            causes.push(Cause::Breakpoint {
                number,
                location,
                condition_error: error.map(|error| error.to_string()),
            });
        }
    }
    Ok(causes)
}

/// The watchpoints that an access stops at.
pub(super) fn on_access<T: Target>(
    session: &mut Session<'_, T>,
    place: &mut Place<'_>,
    access: BreakpointKind,
    at: VirtAddr,
) -> Result<Vec<Cause>, SessionError> {
    let watched = session.run.table.iter().filter_map(|it| match &it.what {
        What::Watch(watched) if it.enabled && watched.holds(access, at) => {
            Some((it.number, watched.clone()))
        }
        _ => None,
    });
    let watched: Vec<(u32, Box<Watched>)> = watched.collect();
    let mut causes = Vec::new();
    for (number, mut watched) in watched {
        let (bytes, value) = watchpoint::look(session, &watched, None);
        let changed = bytes != watched.bytes;
        watched.bytes = bytes;
        let old = std::mem::replace(&mut watched.value, value.clone());
        let (expression, access) = (watched.expression.clone(), watched.access);
        session.run.table.get_mut(number)?.what = What::Watch(watched);
        // A write of what was there already is no change.
        if access == WatchAccess::Change && !changed {
            continue;
        }
        let known = [("old", &old), ("new", &value)];
        if let Some(error) = passes(session, place, number, &known)? {
            causes.push(Cause::Watchpoint {
                number,
                expression,
                access,
                old: (access != WatchAccess::Read && changed).then_some(old),
                new: value,
                condition_error: error.map(|error| error.to_string()),
            });
        }
    }
    Ok(causes)
}

/// Counts one that was reached. Some if it stops the machine: with the error,
/// when its condition has no value.
fn passes<T: Target>(
    session: &mut Session<'_, T>,
    place: &mut Place<'_>,
    number: u32,
    known: &[(&str, &Untrusted)],
) -> Result<Option<Option<Box<ExpressionError>>>, SessionError> {
    let breakpoint = session.run.table.get(number)?;
    let (condition, log) = (breakpoint.condition.clone(), breakpoint.log.clone());
    let mut error = None;
    if let Some(condition) = condition {
        let frame = place.frame(session);
        match evaluation::holds(session, frame.as_ref(), &condition) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(why) => error = Some(why),
        }
    }
    let breakpoint = session.run.table.get_mut(number)?;
    breakpoint.hits = breakpoint.hits.saturating_add(1);
    // One whose condition is wrong is not passed for its count.
    if error.is_none() && breakpoint.ignore > 0 {
        breakpoint.ignore -= 1;
        return Ok(None);
    }
    if let (Some(log), None) = (log, &error) {
        speak(session, place, number, &log, known);
        return Ok(None);
    }
    if session.run.table.get(number)?.life == Life::Once {
        session.run.table.delete(Some(number))?;
        session.run.armory.stale = true;
        session.run.tell(Event::BreakpointDeleted { number });
    }
    Ok(Some(error))
}

fn speak<T: Target>(
    session: &mut Session<'_, T>,
    place: &mut Place<'_>,
    number: u32,
    log: &Message,
    known: &[(&str, &Untrusted)],
) {
    let frame = place.frame(session);
    let text = evaluation::message(session, frame.as_ref(), log, known);
    session.run.tell(Event::Logged(LogView {
        number,
        cpu: Some(place.vcpu),
        pc: Some(place.pc),
        text,
    }));
}

/// Inlined calls that begin where the machine stands are not shown until
/// somebody steps into them; but a breakpoint in one was meant for it.
pub(super) fn hidden_at<T>(session: &Session<'_, T>, pc: VirtAddr) -> usize {
    let entered = || Position::of(&session.modules, pc).map_or(0, |it| it.entered);
    session.run.meant.unwrap_or_else(entered)
}

fn within<T>(session: &Session<'_, T>, number: u32, location: usize) -> usize {
    let breakpoint = session.run.table.get(number).ok();
    let location = breakpoint.and_then(|it| it.locations.get(location.checked_sub(1)?));
    location.map_or(0, |location| location.within)
}
