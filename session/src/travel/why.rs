//! Where a value came from: back to the instruction that wrote it last.
//!
//! A watchpoint finds candidates, comparing the value before and after the
//! instruction decides: a store of the same value is passed, and what no
//! watchpoint saw (a device, another mapping) shows as a difference.

use std::time::Instant;

use ukdbg_diagnose::is_library;
use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, Moment, PagingState, Place, Stop, Target, VirtAddr,
    read_available,
};

use crate::addresses::{Known, Tables};
use crate::run::evaluation;
use crate::session::Session;
use crate::view::{BacktraceView, InstructionView, Origin, WhyView, WrittenView};
use crate::{Scope, SessionError, backtrace, instruction, print, report, source};

/// The most bytes that are followed.
const MOST_BYTES: u64 = 4096;
/// Bytes taken at an address that is typed as a number.
const WORD: u64 = 8;
/// Source lines before and after the one that wrote.
const SOURCE_CONTEXT: u32 = 4;
/// Functions that only carry out what their caller wants written.
const CARRIERS: [&str; 9] = [
    "memcpy",
    "memmove",
    "memset",
    "__memcpy",
    "__memmove",
    "__memset",
    "memcpy_chk",
    "copy_to",
    "bcopy",
];

/// What is followed back.
struct Followed<'data> {
    expression: String,
    address: VirtAddr,
    length: u64,
    /// Typed, where the expression has a type.
    place: Option<Place<'data>>,
}

impl<'data, T: Target> Session<'data, T> {
    /// Goes back to the instruction that last changed what an expression
    /// denotes, and stands there, before it. Gives up at `until`; the machine
    /// then stands somewhere on the way.
    pub fn why(
        &mut self,
        expression: &str,
        frame: Option<usize>,
        until: Instant,
    ) -> Result<WhyView, SessionError> {
        let from = self.needs_moment()?;
        let followed = followed(self, expression, frame)?;
        let type_name = followed
            .place
            .as_ref()
            .map(|place| place.type_name().into());
        let now = self.value_of(&followed);
        let watch = BreakpointAt {
            kind: BreakpointKind::Write,
            address: followed.address,
            length: followed.length,
        };
        self.control("watch a write")?.insert(watch)?;
        let origin = self.go_back(&followed, until);
        // A machine that is gone has no watchpoint either.
        let removed = match self.control("stop watching")?.is_running() {
            true => Ok(()),
            false => self.control("stop watching")?.remove(watch),
        };
        let origin = origin?;
        removed?;
        Ok(WhyView {
            expression: followed.expression,
            type_name,
            address: followed.address,
            length: followed.length,
            value: now,
            asked_at: from,
            origin,
        })
    }

    /// Goes to a moment of the recorded history, and waits for it.
    pub fn go_to_moment(&mut self, to: Moment, until: Instant) -> Result<(), SessionError> {
        self.needs_moment()?;
        let history = self.target.history().ok_or(SessionError::NoHistory)?;
        history.seek(to)?;
        self.wait_in_history(until).map(drop)
    }

    /// The moment at which the machine stands, in a history that it must have.
    pub(crate) fn needs_moment(&mut self) -> Result<Moment, SessionError> {
        let history = self.target.history().ok_or(SessionError::NoHistory)?;
        Ok(history.now()?)
    }

    fn go_back(
        &mut self,
        followed: &Followed<'data>,
        until: Instant,
    ) -> Result<Origin, SessionError> {
        let sought = self.bytes_of(followed);
        let mut same_stores = 0;
        loop {
            let history = self.target.history().ok_or(SessionError::NoHistory)?;
            history.run_back()?;
            self.wait_in_history(until)?;
            let hit = self.needs_moment()?;
            if hit == Moment(0) {
                return Ok(self.never_written(followed, &sought));
            }
            // The moment is that of the store, or the next.
            for before in [hit, hit.earlier(1)] {
                let old = self.at(before, followed, until)?;
                let new = self.at(before.later(1), followed, until)?;
                if old == new {
                    continue;
                }
                self.go_to_moment(before, until)?;
                let unseen = new != sought;
                return self.written(followed, before, same_stores, unseen, until);
            }
            same_stores += 1;
            self.go_to_moment(hit, until)?;
        }
    }

    fn at(
        &mut self,
        moment: Moment,
        followed: &Followed<'data>,
        until: Instant,
    ) -> Result<Vec<u8>, SessionError> {
        self.go_to_moment(moment, until)?;
        Ok(self.bytes_of(followed))
    }

    /// Describes the store that the machine stands before.
    fn written(
        &mut self,
        followed: &Followed<'data>,
        moment: Moment,
        same_stores: u64,
        unseen: bool,
        until: Instant,
    ) -> Result<Origin, SessionError> {
        self.go_to_moment(moment.later(1), until)?;
        let new = self.value_of(followed);
        self.go_to_moment(moment, until)?;
        let old = self.value_of(followed);
        let backtrace = backtrace::all(self, Scope::Selected)?.into_iter().next();
        let backtrace = backtrace.ok_or(SessionError::NoRegisters)?;
        let blamed = blamed(&backtrace);
        let location = backtrace
            .frames
            .get(blamed)
            .and_then(|frame| frame.location.clone());
        let source =
            location.map(|location| source::around(&mut *self.sources, &location, SOURCE_CONTEXT));
        Ok(Origin::Written(Box::new(WrittenView {
            moment,
            old,
            new,
            frame: blamed,
            instruction: self.instruction_here(),
            source,
            backtrace,
            same_stores,
            changed_unseen_since: unseen,
        })))
    }

    fn never_written(&mut self, followed: &Followed<'data>, sought: &[u8]) -> Origin {
        let module = self.modules.find(followed.address);
        let module = module.map(|(module, _)| module.name.clone());
        let first = self.value_of(followed);
        Origin::NotWritten {
            unchanged: self.bytes_of(followed) == sought,
            module,
            first,
        }
    }

    fn instruction_here(&mut self) -> Option<InstructionView> {
        let registers = self.current_registers().ok()?;
        let decoded = report::instruction_at(&mut self.target, &registers)?;
        let facts = report::facts_of(&mut self.target, &decoded, &registers);
        let tables = Tables::default();
        let mut known = Known {
            target: &mut self.target,
            modules: &self.modules,
            tables: &tables,
            paging: PagingState::from_registers(&registers),
        };
        Some(instruction::view(&mut known, &decoded, &facts))
    }

    /// Waits for the stop of a motion through history.
    pub(crate) fn wait_in_history(&mut self, until: Instant) -> Result<Stop, SessionError> {
        let stop = self.control("wait for a stop")?.poll(until)?;
        self.shown = None;
        self.run.hidden = 0;
        self.stopped = None;
        let stop = stop.ok_or(SessionError::TooLong)?;
        // Selects the page tables of that moment.
        self.current_registers()?;
        Ok(stop)
    }

    fn bytes_of(&mut self, followed: &Followed<'data>) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(followed.length).unwrap_or(0)];
        let readable = read_available(&mut self.target, followed.address, &mut bytes);
        bytes.truncate(readable);
        bytes
    }

    fn value_of(&mut self, followed: &Followed<'data>) -> ukdbg_image::Untrusted {
        match &followed.place {
            Some(place) => {
                let (module, ty) = (place.module().cloned(), place.ty().clone());
                // It may hang on the registers of another moment.
                let place = Place::in_memory(module, ty, followed.address);
                print::in_line(self, &place, None)
            }
            None => {
                let bytes = self.bytes_of(followed);
                match <[u8; 8]>::try_from(bytes.as_slice()) {
                    Ok(bytes) => format!("{:#x}", u64::from_le_bytes(bytes)).into(),
                    Err(_) => "<not readable>".to_owned().into(),
                }
            }
        }
    }
}

/// What an expression denotes in memory.
fn followed<'data, T: Target>(
    session: &mut Session<'data, T>,
    expression: &str,
    frame: Option<usize>,
) -> Result<Followed<'data>, SessionError> {
    let cannot = |why: &str| SessionError::CannotWatch {
        expression: expression.to_owned(),
        why: why.to_owned(),
    };
    let found = session.frame_of(frame)?;
    let found = found.as_ref().map(|(frame, level)| (frame, *level));
    let place = evaluation::place(session, found, expression)?;
    let Some(address) = place.address() else {
        if !expression
            .trim_start()
            .starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(cannot(
                "the value is in a register or computed, not in memory",
            ));
        }
        return Ok(Followed {
            expression: expression.to_owned(),
            address: session.address_of(expression, frame)?,
            length: WORD,
            place: None,
        });
    };
    let length = place.size().filter(|&length| length > 0);
    let length = length.ok_or_else(|| cannot("how large it is is not known"))?;
    if length > MOST_BYTES {
        return Err(cannot("it is larger than 4096 bytes"));
    }
    Ok(Followed {
        expression: expression.to_owned(),
        address,
        length,
        place: Some(place),
    })
}

/// The frame that wanted the store: the first that is no library's and does
/// not only copy for another.
fn blamed(backtrace: &BacktraceView) -> usize {
    let wants = |frame: &&crate::view::FrameView| {
        let carries = frame.function.as_ref().is_some_and(|function| {
            let name = function.demangled.raw();
            CARRIERS.contains(&name) || name.starts_with("compiler_builtins::")
        });
        !carries && frame.location.as_ref().is_some_and(|at| !is_library(at))
    };
    backtrace
        .frames
        .iter()
        .find(wants)
        .map_or(0, |frame| frame.index)
}
