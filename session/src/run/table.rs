//! Breakpoints and watchpoints by number: what was asked for, and where that
//! is. Not how they get into a machine.

use ukdbg_image::LinkAddr;
use ukdbg_inspect::VirtAddr;

use super::message::Message;
use super::watchpoint::Watched;
use super::{BreakAt, BreakpointChange, Life, Means};
use crate::SessionError;

/// Every breakpoint, in order of its number.
#[derive(Default)]
pub(super) struct Table {
    breakpoints: Vec<Breakpoint>,
    /// The number given last.
    last: u32,
}

/// A breakpoint or watchpoint.
#[derive(Clone)]
pub(super) struct Breakpoint {
    pub(super) number: u32,
    pub(super) what: What,
    pub(super) enabled: bool,
    pub(super) life: Life,
    pub(super) condition: Option<String>,
    pub(super) log: Option<Message>,
    pub(super) hits: u64,
    pub(super) ignore: u64,
    pub(super) locations: Vec<Location>,
}

/// What a breakpoint stops on.
#[derive(Clone)]
pub(super) enum What {
    Code { at: BreakAt, means: Means },
    Watch(Box<Watched>),
}

/// One place in the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// The image that it is a place of, with the address there: where it is in
    /// the machine follows the image.
    pub(super) origin: Option<(usize, LinkAddr)>,
    pub(super) address: VirtAddr,
    /// Inlined calls that begin there too, within the one that is meant: they
    /// are not shown.
    pub(super) within: usize,
    pub(super) enabled: bool,
    /// The code was seen there.
    pub(super) in_place: bool,
}

impl Table {
    /// Adds one, and gives its number.
    pub(super) fn add(&mut self, mut breakpoint: Breakpoint) -> u32 {
        self.last = self.last.saturating_add(1);
        breakpoint.number = self.last;
        self.breakpoints.push(breakpoint);
        self.last
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Breakpoint> {
        self.breakpoints.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Breakpoint> {
        self.breakpoints.iter_mut()
    }

    pub(super) fn get(&self, number: u32) -> Result<&Breakpoint, SessionError> {
        let mut all = self.breakpoints.iter();
        all.find(|breakpoint| breakpoint.number == number)
            .ok_or(SessionError::NoBreakpoint { number })
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Result<&mut Breakpoint, SessionError> {
        let mut all = self.breakpoints.iter_mut();
        all.find(|breakpoint| breakpoint.number == number)
            .ok_or(SessionError::NoBreakpoint { number })
    }

    /// Takes out one, or all.
    pub(super) fn delete(&mut self, number: Option<u32>) -> Result<(), SessionError> {
        match number {
            Some(number) => {
                self.get(number)?;
                self.breakpoints
                    .retain(|breakpoint| breakpoint.number != number);
            }
            None => self.breakpoints.clear(),
        }
        Ok(())
    }

    /// Changes one.
    pub(super) fn change(
        &mut self,
        number: u32,
        change: BreakpointChange,
    ) -> Result<(), SessionError> {
        let breakpoint = self.get_mut(number)?;
        match change {
            BreakpointChange::Enable { location } => breakpoint.switch(location, true)?,
            BreakpointChange::Disable { location } => breakpoint.switch(location, false)?,
            BreakpointChange::Condition(condition) => breakpoint.condition = condition,
            BreakpointChange::Ignore(count) => breakpoint.ignore = count,
            BreakpointChange::Log(text) => {
                breakpoint.log = text.map(|text| Message::parse(&text)).transpose()?;
            }
        }
        Ok(())
    }
}

impl Breakpoint {
    fn switch(&mut self, location: Option<usize>, enabled: bool) -> Result<(), SessionError> {
        let number = self.number;
        match location {
            None => self.enabled = enabled,
            Some(index) => {
                let locations = self.locations.len();
                let found = index
                    .checked_sub(1)
                    .and_then(|index| self.locations.get_mut(index));
                let found = found.ok_or(SessionError::NoBreakpointLocation {
                    number,
                    location: index,
                    locations,
                })?;
                found.enabled = enabled;
            }
        }
        Ok(())
    }

    /// Its enabled locations at an address, from 1.
    pub(super) fn location_at(&self, at: VirtAddr) -> Option<usize> {
        if !self.enabled {
            return None;
        }
        let mut locations = self.locations.iter();
        let index = locations.position(|location| location.enabled && location.address == at)?;
        Some(index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breakpoint(locations: usize) -> Breakpoint {
        let at = |index| Location {
            origin: None,
            address: VirtAddr(0x1000 + index as u64),
            within: 0,
            enabled: true,
            in_place: true,
        };
        Breakpoint {
            number: 0,
            what: What::Code {
                at: BreakAt::Panic,
                means: Means::Fitting,
            },
            enabled: true,
            life: Life::Lasting,
            condition: None,
            log: None,
            hits: 0,
            ignore: 0,
            locations: (0..locations).map(at).collect(),
        }
    }

    #[test]
    fn a_number_is_given_once() {
        let mut table = Table::default();
        assert_eq!(table.add(breakpoint(1)), 1);
        assert_eq!(table.add(breakpoint(1)), 2);
        table.delete(Some(2)).unwrap();
        assert_eq!(table.add(breakpoint(1)), 3);
        table.delete(None).unwrap();
        assert_eq!(table.add(breakpoint(1)), 4);
        assert!(matches!(
            table.delete(Some(2)),
            Err(SessionError::NoBreakpoint { number: 2 })
        ));
    }

    #[test]
    fn locations_are_switched_one_by_one() {
        let mut table = Table::default();
        let number = table.add(breakpoint(2));
        let off = BreakpointChange::Disable { location: Some(2) };
        table.change(number, off).unwrap();
        let at = |table: &Table, at| table.get(number).unwrap().location_at(VirtAddr(at));
        assert_eq!(at(&table, 0x1000), Some(1));
        assert_eq!(at(&table, 0x1001), None);
        let whole = BreakpointChange::Disable { location: None };
        table.change(number, whole).unwrap();
        assert_eq!(at(&table, 0x1000), None);
        for location in [0, 3] {
            let change = BreakpointChange::Enable {
                location: Some(location),
            };
            assert!(table.change(number, change).is_err());
        }
    }
}
