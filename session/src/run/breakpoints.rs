//! The requests about breakpoints and watchpoints: making, changing, showing.

use ukdbg_image::CodeAddr;
use ukdbg_inspect::Target;

use super::message::Message;
use super::table::{Breakpoint, Location, What};
use super::{BreakpointChange, NewBreakpoint, NewWatchpoint, arm, catch, watchpoint};
use crate::SessionError;
use crate::expression;
use crate::session::Session;
use crate::view::{Armed, BreakpointKindView, BreakpointLocation, BreakpointView, BreakpointsView};

impl<T: Target> Session<'_, T> {
    /// A new breakpoint.
    pub(crate) fn add_breakpoint(
        &mut self,
        asked: NewBreakpoint,
    ) -> Result<BreakpointView, SessionError> {
        self.stands_still()?;
        check_condition(asked.condition.as_deref())?;
        let log = asked.log.as_deref().map(Message::parse).transpose()?;
        let locations = catch::locations(self, &asked.at, None)?;
        let number = self.run.table.add(Breakpoint {
            number: 0,
            what: What::Code {
                at: asked.at,
                means: asked.means,
            },
            enabled: true,
            life: asked.life,
            condition: asked.condition,
            log,
            hits: 0,
            ignore: 0,
            locations,
        });
        self.rearm()?;
        self.breakpoint(number)
    }

    /// A new watchpoint. One that the machine refuses is not kept.
    pub(crate) fn add_watchpoint(
        &mut self,
        asked: NewWatchpoint,
    ) -> Result<BreakpointView, SessionError> {
        self.stands_still()?;
        check_condition(asked.condition.as_deref())?;
        let expression = asked.expression.clone();
        let breakpoint = watchpoint::new(self, asked)?;
        let number = self.run.table.add(breakpoint);
        self.rearm()?;
        if self.refusal_of(number)?.is_some() {
            // What watches by debug registers wants small, aligned pieces.
            if let What::Watch(watched) = &mut self.run.table.get_mut(number)?.what
                && let [whole] = watched.pieces.as_slice()
            {
                watched.pieces = watchpoint::pieces(*whole);
            }
            self.rearm()?;
        }
        if let Some(why) = self.refusal_of(number)? {
            self.run.table.delete(Some(number))?;
            self.rearm()?;
            return Err(SessionError::CannotWatch { expression, why });
        }
        self.breakpoint(number)
    }

    fn refusal_of(&self, number: u32) -> Result<Option<String>, SessionError> {
        let What::Watch(watched) = &self.run.table.get(number)?.what else {
            return Ok(None);
        };
        let mut refusals = watched
            .pieces
            .iter()
            .filter_map(|piece| self.run.armory.refusal(*piece));
        Ok(refusals.next().map(str::to_owned))
    }

    /// Changes one.
    pub(crate) fn change_breakpoint(
        &mut self,
        number: u32,
        change: BreakpointChange,
    ) -> Result<BreakpointView, SessionError> {
        self.stands_still()?;
        if let BreakpointChange::Condition(condition) = &change {
            check_condition(condition.as_deref())?;
        }
        self.run.table.change(number, change)?;
        self.rearm()?;
        self.breakpoint(number)
    }

    /// Deletes one, or all.
    pub(crate) fn delete_breakpoint(
        &mut self,
        number: Option<u32>,
    ) -> Result<BreakpointsView, SessionError> {
        self.stands_still()?;
        self.run.table.delete(number)?;
        self.rearm()?;
        Ok(self.breakpoints())
    }

    fn stands_still(&mut self) -> Result<(), SessionError> {
        match self.control("set a breakpoint")?.is_running() {
            true => Err(SessionError::Running),
            false => Ok(()),
        }
    }

    fn rearm(&mut self) -> Result<(), SessionError> {
        self.run.armory.stale = true;
        arm::sync(self)
    }

    /// Every breakpoint.
    pub fn breakpoints(&self) -> BreakpointsView {
        let breakpoints = self.run.table.iter();
        BreakpointsView {
            breakpoints: breakpoints.map(|it| self.breakpoint_view(it)).collect(),
        }
    }

    fn breakpoint(&self, number: u32) -> Result<BreakpointView, SessionError> {
        Ok(self.breakpoint_view(self.run.table.get(number)?))
    }

    fn breakpoint_view(&self, breakpoint: &Breakpoint) -> BreakpointView {
        let what = match &breakpoint.what {
            What::Code { at, means } => BreakpointKindView::Breakpoint {
                at: at.clone(),
                means: *means,
            },
            What::Watch(watched) => BreakpointKindView::Watchpoint {
                expression: watched.expression.clone(),
                access: watched.access,
                address: watched.address,
                length: watched.length,
                type_name: watched.type_name.clone(),
                value: watched.value.clone(),
            },
        };
        let locations = (1..).zip(&breakpoint.locations);
        BreakpointView {
            number: breakpoint.number,
            what,
            enabled: breakpoint.enabled,
            life: breakpoint.life,
            condition: breakpoint.condition.clone(),
            log: breakpoint.log.as_ref().map(|log| log.text.clone()),
            hits: breakpoint.hits,
            ignore: breakpoint.ignore,
            locations: locations
                .map(|(number, location)| self.location_view(breakpoint, number, location))
                .collect(),
        }
    }

    fn location_view(
        &self,
        breakpoint: &Breakpoint,
        number: usize,
        location: &Location,
    ) -> BreakpointLocation {
        let chain = self.modules.symbolize(CodeAddr::Exact(location.address));
        let outermost = chain.last().filter(|_| chain.len() > 1);
        let armed = match &breakpoint.what {
            What::Code { means, .. } if breakpoint.enabled && location.enabled => {
                self.run.armory.state(location, *means)
            }
            _ => Armed::Off,
        };
        BreakpointLocation {
            number,
            address: location.address,
            function: chain.first().and_then(|frame| frame.function.clone()),
            inlined_into: outermost.and_then(|frame| frame.function.clone()),
            location: chain.first().and_then(|frame| frame.location.clone()),
            enabled: location.enabled,
            armed,
        }
    }
}

/// A condition is understood before anything is stopped for it.
fn check_condition(condition: Option<&str>) -> Result<(), SessionError> {
    condition.map_or(Ok(()), |condition| Ok(expression::check(condition)?))
}
