//! Watchpoints: what an expression denotes, for as long as it exists.

use ukdbg_image::Untrusted;
use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, Frame, Place, Registers, Target, VirtAddr, read_available,
};

use super::evaluation;
use super::message::Message;
use super::position::frames;
use super::table::{Breakpoint, What};
use super::{Life, NewWatchpoint, Run, WatchAccess};
use crate::SessionError;
use crate::print;
use crate::session::Session;
use crate::view::{Cause, Event};

/// Bytes that are watched at most: more can be done by none but an emulator.
const MOST_BYTES: u64 = 4096;
/// What the processor's debug registers can do (SDM 3B 18.2.4).
const WIDEST_PIECE: u64 = 8;

/// What is watched.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) expression: String,
    pub(super) access: WatchAccess,
    pub(super) address: VirtAddr,
    pub(super) length: u64,
    pub(super) type_name: Untrusted,
    /// The ranges that the machine watches.
    pub(super) pieces: Vec<BreakpointAt>,
    /// The frame that it is a local of.
    pub(super) scope: Option<Scope>,
    /// The frame it was evaluated in, to be read again.
    frame: Option<(Frame, usize)>,
    /// The bytes and the value when it was last looked at.
    pub(super) bytes: Vec<u8>,
    pub(super) value: Untrusted,
}

/// The life of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// Where its caller goes on.
    pub(super) back_to: VirtAddr,
    /// The stack pointer there, at least.
    pub(super) stack: VirtAddr,
}

/// Makes a watchpoint of an expression. The machine has to take it yet.
pub(super) fn new<T: Target>(
    session: &mut Session<'_, T>,
    asked: NewWatchpoint,
) -> Result<Breakpoint, SessionError> {
    let log = asked.log.as_deref().map(Message::parse).transpose()?;
    let frame = session.frame_of(asked.frame)?;
    let within = frame.as_ref().map(|(frame, level)| (frame, *level));
    let place = evaluation::place(session, within, &asked.expression)?;
    let cannot = |why: &str| SessionError::CannotWatch {
        expression: asked.expression.clone(),
        why: why.to_owned(),
    };
    let address = place.address();
    let address = address.ok_or_else(|| cannot("the value is not in memory"))?;
    let length = place.size().filter(|&length| length > 0);
    let length = length.ok_or_else(|| cannot("how large it is is not known"))?;
    if length > MOST_BYTES {
        return Err(cannot("it is larger than 4096 bytes"));
    }
    // What is the same without a frame does not end with one.
    let fixed = evaluation::place(session, None, &asked.expression);
    let local = !fixed.is_ok_and(|fixed| fixed.address() == Some(address));
    let scope = match (&frame, local) {
        (Some((frame, _)), true) => scope_of(session, frame),
        _ => None,
    };
    let mut watched = Watched {
        pieces: vec![whole(asked.access, address, length)],
        expression: asked.expression,
        access: asked.access,
        address,
        length,
        type_name: place.type_name().into(),
        scope,
        frame,
        bytes: Vec::new(),
        value: Untrusted::from(""),
    };
    (watched.bytes, watched.value) = look(session, &watched, Some(&place));
    Ok(Breakpoint {
        number: 0,
        what: What::Watch(Box::new(watched)),
        enabled: true,
        life: Life::Lasting,
        condition: asked.condition,
        log,
        hits: 0,
        ignore: 0,
        locations: Vec::new(),
    })
}

fn scope_of<T: Target>(session: &mut Session<'_, T>, frame: &Frame) -> Option<Scope> {
    let found = frames(&session.modules, &frame.registers, &mut session.target, 2);
    let caller = found.get(1)?;
    Some(Scope {
        back_to: caller.pc.address(),
        stack: caller.registers.sp()?,
    })
}

fn kind(access: WatchAccess) -> BreakpointKind {
    match access {
        WatchAccess::Change => BreakpointKind::Write,
        WatchAccess::Read => BreakpointKind::Read,
        WatchAccess::Access => BreakpointKind::Access,
    }
}

fn whole(access: WatchAccess, address: VirtAddr, length: u64) -> BreakpointAt {
    BreakpointAt {
        kind: kind(access),
        address,
        length,
    }
}

/// The range in pieces that debug registers can watch: 1, 2, 4 or 8 bytes,
/// each at a multiple of its size.
pub(super) fn pieces(whole: BreakpointAt) -> Vec<BreakpointAt> {
    let mut pieces = Vec::new();
    let (mut at, mut left) = (whole.address.0, whole.length.min(MOST_BYTES));
    while left > 0 {
        let mut length = WIDEST_PIECE;
        while at % length != 0 || length > left {
            length /= 2;
        }
        pieces.push(BreakpointAt {
            address: VirtAddr(at),
            length,
            ..whole
        });
        at = at.wrapping_add(length);
        left -= length;
    }
    pieces
}

/// The bytes and the value now.
pub(super) fn look<'data, T: Target>(
    session: &mut Session<'data, T>,
    watched: &Watched,
    place: Option<&Place<'data>>,
) -> (Vec<u8>, Untrusted) {
    let mut bytes = vec![0; usize::try_from(watched.length).unwrap_or(0)];
    let readable = read_available(&mut session.target, watched.address, &mut bytes);
    bytes.truncate(readable);
    let value = match place {
        Some(place) => print::in_line(session, place, None),
        None => {
            let frame = watched.frame.as_ref().map(|(frame, level)| (frame, *level));
            match evaluation::place(session, frame, &watched.expression) {
                // The place stays, wherever a pointer on the way leads now.
                Ok(place) => {
                    let (module, ty) = (place.module().cloned(), place.ty().clone());
                    let place = Place::in_memory(module, ty, watched.address);
                    print::in_line(session, &place, None)
                }
                Err(error) => format!("<{error}>").into(),
            }
        }
    };
    (bytes, value)
}

impl Watched {
    /// Whether an access that the machine tells of is to what is watched.
    pub(super) fn holds(&self, access: BreakpointKind, at: VirtAddr) -> bool {
        kind(self.access) == access
            && self.pieces.iter().any(|piece| {
                at.offset_from(piece.address)
                    .is_some_and(|o| o < piece.length)
            })
    }
}

impl Run {
    /// Watchpoints whose frame has ended where a CPU stands; they are deleted.
    pub(super) fn ended_scopes(&mut self, pc: VirtAddr, registers: &Registers) -> Vec<Cause> {
        let ended = self.table.iter().filter_map(|breakpoint| {
            let What::Watch(watched) = &breakpoint.what else {
                return None;
            };
            let scope = watched.scope?;
            let has_ended = scope.back_to == pc && registers.sp()? >= scope.stack;
            has_ended.then(|| (breakpoint.number, watched.expression.clone()))
        });
        let ended: Vec<(u32, String)> = ended.collect();
        let mut causes = Vec::new();
        for (number, expression) in ended {
            if self.table.delete(Some(number)).is_ok() {
                self.armory.stale = true;
                self.tell(Event::BreakpointDeleted { number });
                causes.push(Cause::WatchpointEnded { number, expression });
            }
        }
        causes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: u64, length: u64, expected: &[(u64, u64)]) {
        let got = pieces(whole(WatchAccess::Change, VirtAddr(address), length));
        let got: Vec<_> = got.iter().map(|p| (p.address.0, p.length)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn pieces_are_what_debug_registers_can_watch() {
        check(0x1000, 8, &[(0x1000, 8)]);
        check(0x1000, 16, &[(0x1000, 8), (0x1008, 8)]);
        check(0x1001, 4, &[(0x1001, 1), (0x1002, 2), (0x1004, 1)]);
        check(0x1004, 12, &[(0x1004, 4), (0x1008, 8)]);
        check(0x1003, 1, &[(0x1003, 1)]);
    }
}
