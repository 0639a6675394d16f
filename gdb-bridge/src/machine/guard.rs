//! The debugger's side of its guardian: starts it, keeps the shared state true
//! and ends it when the machine was left in order. What the guardian does
//! otherwise is in `guardian`.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::guardian::{Departure, Kind, Point, Shared, State, WORD};
use crate::transport::Transport;

/// A guardian that runs beside us.
#[derive(Debug)]
pub(super) struct Guard {
    child: Child,
    /// Its other end closes when we end, however that is.
    lifeline: OwnedFd,
    shared: Shared,
    state: State,
    points: Vec<Option<Point>>,
}

impl Guard {
    /// Starts a guardian of a link over which nothing was said yet.
    pub(super) fn start(
        executable: &Path,
        transport: &Transport,
        kind: Kind,
        departure: Departure,
    ) -> io::Result<Self> {
        let state = State {
            kind,
            departure,
            // A monitor's guest runs until it is told to stop; of a stub's
            // guest nothing is known before the greeting, which stops it.
            running: kind == Kind::Monitor,
            acks: true,
            qemu: false,
            process: None,
        };
        let file = File::from(memfd_create("ukdbg-guardian", MemfdFlags::CLOEXEC)?);
        let theirs = file.try_clone()?;
        let shared = Shared::new(file);
        shared.write_state(&state)?;
        let (input, lifeline) = pipe_with(PipeFlags::CLOEXEC)?;
        let child = Command::new(executable)
            .arg(WORD)
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(transport.duplicate()?))
            .stderr(Stdio::from(theirs))
            // Out of reach of the terminal's interrupts from its first moment.
            .process_group(0)
            .spawn()?;
        Ok(Self {
            child,
            lifeline,
            shared,
            state,
            points: Vec::new(),
        })
    }

    /// Tells the guardian what has changed, or is about to.
    pub(super) fn note(&mut self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.clone();
        change(&mut state);
        if state != self.state {
            self.state = state;
            written(self.shared.write_state(&self.state));
        }
    }

    /// A breakpoint is about to be inserted.
    pub(super) fn inserting(&mut self, point: Point) {
        if self.points.contains(&Some(point)) {
            return;
        }
        let free = self.points.iter().position(Option::is_none);
        let index = free.unwrap_or(self.points.len());
        match self.points.get_mut(index) {
            Some(place) => *place = Some(point),
            None => self.points.push(Some(point)),
        }
        written(self.shared.write_point(index, Some(point)));
    }

    /// A breakpoint is out.
    pub(super) fn removed(&mut self, point: Point) {
        let place = self.points.iter().position(|known| *known == Some(point));
        if let Some(index) = place {
            self.points[index] = None;
            written(self.shared.write_point(index, None));
        }
    }

    /// The machine was left in order: there is nothing to guard.
    pub(super) fn dismiss(mut self) {
        // Ended, and not only told to end, since it holds the link as well.
        let ended = self.child.kill().and_then(|()| self.child.wait());
        written(ended.map(|_| ()));
    }

    /// The machine could not be left in order: the guardian tries as well.
    pub(super) fn let_act(self) {
        drop(self.lifeline);
    }
}

fn written(outcome: io::Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!("the guardian of the machine cannot be told: {error}");
    }
}
