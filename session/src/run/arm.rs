//! Breakpoints into the machine and out of it: what is to be there is compared
//! with what is, and only the difference is sent.

use std::collections::{BTreeSet, HashMap};

use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, Module, Target, TargetError, VirtAddr, read_available, root_note,
};

use super::table::{Location, What};
use super::{Means, Run};
use crate::SessionError;
use crate::session::Session;
use crate::view::{Armed, Event};

/// Bytes that are compared to tell whether code is in place.
const COMPARED: usize = 16;

/// What is in the machine.
#[derive(Default)]
pub(super) struct Armory {
    /// Each with what came of it: in place, or refused, and why.
    placed: HashMap<BreakpointAt, Result<(), String>>,
    /// Something changed that the machine does not know of.
    pub(super) stale: bool,
}

impl Armory {
    /// Whether a breakpoint in the code stands at an address.
    pub(super) fn has_code_at(&self, address: VirtAddr) -> bool {
        [BreakpointKind::Software, BreakpointKind::Hardware]
            .into_iter()
            .any(|kind| self.is_placed(code_at(kind, address)))
    }

    fn is_placed(&self, breakpoint: BreakpointAt) -> bool {
        matches!(self.placed.get(&breakpoint), Some(Ok(())))
    }

    /// The first watched range that holds an address, if any was refused why.
    pub(super) fn refusal(&self, breakpoint: BreakpointAt) -> Option<&str> {
        self.placed
            .get(&breakpoint)?
            .as_ref()
            .err()
            .map(String::as_str)
    }

    /// How a location is armed.
    pub(super) fn state(&self, location: &Location, means: Means) -> Armed {
        let software = code_at(BreakpointKind::Software, location.address);
        let hardware = code_at(BreakpointKind::Hardware, location.address);
        if self.is_placed(hardware) {
            return match (location.in_place, means) {
                (false, Means::Fitting) => Armed::HardwareUntilInPlace,
                _ => Armed::Hardware,
            };
        }
        if self.is_placed(software) {
            return Armed::Software;
        }
        let why = self.refusal(hardware).or_else(|| self.refusal(software));
        why.map_or(Armed::AtResume, |why| Armed::Refused {
            why: why.to_owned(),
        })
    }
}

fn code_at(kind: BreakpointKind, address: VirtAddr) -> BreakpointAt {
    BreakpointAt {
        kind,
        address,
        length: 1,
    }
}

/// Brings the machine in line with the table. The machine stands still.
pub(super) fn sync<T: Target>(session: &mut Session<'_, T>) -> Result<(), SessionError> {
    if !std::mem::take(&mut session.run.armory.stale) {
        return Ok(());
    }
    let before = session.run.armed_otherwise();
    follow_images(session);
    let wanted = wanted(session);
    let placed: Vec<BreakpointAt> = session.run.armory.placed.keys().copied().collect();
    for breakpoint in placed {
        if !wanted.contains(&breakpoint)
            && session.run.armory.placed.remove(&breakpoint) == Some(Ok(()))
        {
            session.control("remove a breakpoint")?.remove(breakpoint)?;
        }
    }
    for breakpoint in wanted {
        if session.run.armory.is_placed(breakpoint) {
            continue;
        }
        place(session, breakpoint)?;
    }
    session.run.tell_rearmed(&before);
    Ok(())
}

/// Puts one in. A software breakpoint that is refused becomes one of the
/// processor's.
fn place<T: Target>(
    session: &mut Session<'_, T>,
    breakpoint: BreakpointAt,
) -> Result<(), SessionError> {
    let outcome = match session.control("set a breakpoint")?.insert(breakpoint) {
        Ok(()) => Ok(()),
        Err(TargetError::Refused { answer, .. }) => Err(answer),
        Err(error) => return Err(error.into()),
    };
    let refused = outcome.is_err();
    session.run.armory.placed.insert(breakpoint, outcome);
    let hardware = code_at(BreakpointKind::Hardware, breakpoint.address);
    if refused
        && breakpoint.kind == BreakpointKind::Software
        && !session.run.armory.is_placed(hardware)
    {
        place(session, hardware)?;
    }
    Ok(())
}

/// Locations go where their images are, and are looked at until their code is
/// in place.
fn follow_images<T: Target>(session: &mut Session<'_, T>) {
    let modules: Vec<Module<'_>> = session.modules.iter().cloned().collect();
    let (run, memory) = (&mut session.run, &mut session.target);
    for breakpoint in run.table.iter_mut() {
        for location in &mut breakpoint.locations {
            let module = location.origin.and_then(|(index, _)| modules.get(index));
            if let (Some(module), Some((_, link))) = (module, location.origin)
                && let Some(address) = module.run_address(link)
                && address != location.address
            {
                location.address = address;
                location.in_place = false;
            }
            if !location.in_place {
                location.in_place = is_in_place(memory, module, location);
            }
        }
    }
}

/// Whether the image's code can be read where it belongs; without an image,
/// whether anything can.
fn is_in_place<T: Target>(memory: &mut T, module: Option<&Module<'_>>, at: &Location) -> bool {
    let code = module.zip(at.origin).and_then(|(module, (_, link))| {
        let bytes = module.image.bytes_at(link)?;
        Some(&bytes[..bytes.len().min(COMPARED)])
    });
    let mut found = [0; COMPARED];
    let length = code.map_or(1, <[u8]>::len);
    let readable = read_available(memory, at.address, &mut found[..length]);
    readable == length && code.is_none_or(|code| code == &found[..length])
}

/// Whether code that the machine is to come by is in place.
pub(super) fn kind_at<T: Target>(session: &mut Session<'_, T>, at: VirtAddr) -> BreakpointKind {
    let location = super::place::of_address(session, at);
    let index = location.origin.map(|(index, _)| index);
    let module = index.and_then(|index| session.modules.iter().nth(index).cloned());
    match is_in_place(&mut session.target, module.as_ref(), &location) {
        true => BreakpointKind::Software,
        false => BreakpointKind::Hardware,
    }
}

/// All that is to be in the machine.
fn wanted<T: Target>(session: &mut Session<'_, T>) -> BTreeSet<BreakpointAt> {
    let mut wanted = BTreeSet::new();
    for breakpoint in session.run.table.iter().filter(|it| it.enabled) {
        match &breakpoint.what {
            What::Code { means, .. } => {
                for location in breakpoint.locations.iter().filter(|it| it.enabled) {
                    let kind = match (means, location.in_place) {
                        (Means::Fitting, true) => BreakpointKind::Software,
                        _ => BreakpointKind::Hardware,
                    };
                    wanted.insert(code_at(kind, location.address));
                }
            }
            What::Watch(watched) => wanted.extend(watched.pieces.iter().copied()),
        }
    }
    let mut gates: Vec<VirtAddr> = Vec::new();
    if let Some(motion) = &session.run.motion {
        gates.extend(motion.gates.iter().map(|gate| gate.at));
    }
    gates.extend(session.run.frame_ends());
    if session.run.rendezvous {
        gates.extend(session.rendezvous());
    }
    for at in gates {
        let hardware = code_at(BreakpointKind::Hardware, at);
        if !wanted.contains(&hardware) {
            let kind = kind_at(session, at);
            wanted.insert(code_at(kind, at));
        }
    }
    let refused = session.run.armory.placed.iter();
    let instead = refused.filter_map(|(breakpoint, outcome)| {
        let software = breakpoint.kind == BreakpointKind::Software && outcome.is_err();
        (software && wanted.contains(breakpoint))
            .then(|| code_at(BreakpointKind::Hardware, breakpoint.address))
    });
    let instead: Vec<BreakpointAt> = instead.collect();
    wanted.extend(instead);
    wanted
}

impl<T: Target> Session<'_, T> {
    /// The rendezvous functions that images name.
    pub(crate) fn rendezvous(&self) -> Vec<VirtAddr> {
        let modules = self.modules.iter();
        let places = modules.filter_map(|module| {
            let note = root_note(&module.image)?;
            module.run_address(note.rendezvous)
        });
        places.collect()
    }

    /// Makes them stop the machine.
    pub(crate) fn arm_rendezvous(&mut self) -> Result<(), SessionError> {
        self.run.rendezvous = true;
        self.run.armory.stale = true;
        sync(self)
    }
}

impl Run {
    /// Where watched frames end.
    fn frame_ends(&self) -> Vec<VirtAddr> {
        let watched = self
            .table
            .iter()
            .filter_map(|breakpoint| match &breakpoint.what {
                What::Watch(watched) => Some(watched.scope.as_ref()?.back_to),
                What::Code { .. } => None,
            });
        watched.collect()
    }

    /// Breakpoints with a location that waits for its code.
    fn armed_otherwise(&self) -> Vec<u32> {
        let waiting = self.table.iter().filter(|breakpoint| {
            let What::Code { means, .. } = breakpoint.what else {
                return false;
            };
            breakpoint
                .locations
                .iter()
                .any(|location| self.armory.state(location, means) == Armed::HardwareUntilInPlace)
        });
        waiting.map(|breakpoint| breakpoint.number).collect()
    }

    /// Tells of those that wait no more.
    fn tell_rearmed(&mut self, before: &[u32]) {
        let after = self.armed_otherwise();
        for &number in before.iter().filter(|number| !after.contains(number)) {
            self.tell(Event::BreakpointArmed { number });
        }
    }
}
