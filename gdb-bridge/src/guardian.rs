//! The process that leaves a guest as it was found when the debugger cannot.
//!
//! A debugger that is killed leaves a guest standing still, or running into
//! breakpoints that nobody answers. A guarded debugger has therefore started
//! this small process, which holds its link to the machine as well. It waits
//! for the end of its standard input, which the kernel closes however the
//! debugger ends, and then reads in the shared `state` what is to be undone. It
//! has a session of its own: an interrupt typed at the terminal does not reach
//! it. What says nothing was left over ends it at once (`machine/guard.rs`).
//!
//! The debugger's own executable plays this part: when its first argument is
//! [`WORD`] it calls [`main`] and nothing else. Its standard descriptors are
//! the lifeline, the link and the state, which needs no code between fork and
//! exec.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use serde_json::Value;
use ukdbg_inspect::TargetError;

use crate::machine::Stub;
use crate::qmp::{Qmp, RunState};
use crate::rsp::{Answer, Command, RspLink};
use crate::transport::{Nature, Transport, wait};

mod state;

pub(crate) use state::{Departure, Kind, Point, Shared, State};

/// The hidden first argument.
pub const WORD: &str = "__guard-machine";

/// How long the end of a conversation that was cut short is listened to.
const QUIET: Duration = Duration::from_millis(50);
/// How long the guest may take to stop before it counts as stopped already: the
/// debugger may have died before it noted that.
const STOP: Duration = Duration::from_millis(700);
/// How long a monitor may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a stub may be busy with another debugger.
const QUEUE: Duration = Duration::from_secs(3600);
/// How often a monitor is asked until it is in step.
const TRIES: usize = 3;

/// Plays the guardian.
pub fn main() -> ExitCode {
    // Fails if we lead a session already, which is as good.
    let _ = rustix::process::setsid();
    match guard() {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody is left to be told.
        Err(_) => ExitCode::FAILURE,
    }
}

fn guard() -> io::Result<()> {
    wait_for_the_end()?;
    let shared = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let (state, points) = Shared::new(shared).read()?;
    if state.departure == Departure::Told {
        return Ok(());
    }
    let link = io::stdout().as_fd().try_clone_to_owned()?;
    match state.kind {
        Kind::Monitor => release_monitor(link, &state),
        Kind::Stub(nature) => {
            let transport = Transport::new(link, nature)?;
            if state.departure == Departure::Unknown && nature == Nature::Reliable {
                // QEMU lets its next client in when this one leaves, and stops
                // the guest for it, though that client has given up by then.
                wait(&transport, PollFlags::IN, Instant::now() + QUEUE)?;
            }
            let link = RspLink::inherited(transport, state.running, state.acks);
            // A link that fails now has ended, or will never be understood.
            release_stub(link, &state, &points).map_err(io::Error::other)
        }
    }
}

/// Returns when nobody holds the other end of our input any more.
fn wait_for_the_end() -> io::Result<()> {
    let input = io::stdin();
    loop {
        match poll(&mut [PollFd::new(&input, PollFlags::IN)], None) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Brings the conversation in order, takes the breakpoints out and lets the
/// guest go, or leaves it standing still.
fn release_stub(mut link: RspLink, state: &State, points: &[Point]) -> Result<(), TargetError> {
    let stopped = link.stop(Instant::now() + QUIET)?.is_some();
    if link.is_running() {
        link.interrupt()?;
        if link.stop(Instant::now() + STOP)?.is_none() {
            link.presume_stopped();
        }
    }
    for point in points {
        let Point { kind, at, length } = *point;
        match link.order(Command::RemovePoint { kind, at, length }) {
            Ok(()) | Err(TargetError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let run = match state.departure {
        Departure::Running => true,
        Departure::Stopped | Departure::Told => false,
        // The debugger ended before it knew: QEMU's stub has told of a guest
        // that it stopped for the connection's sake. Others do not tell.
        Departure::Unknown => stopped || !is_qemu(&mut link)?,
    };
    let mut stub = Stub::inherited(link, state.qemu, state.process);
    match run {
        true => stub.detach(),
        false => stub.leave(),
    }
}

fn is_qemu(link: &mut RspLink) -> Result<bool, TargetError> {
    let answer = link.ask(Command::QueryMemoryMode)?;
    Ok(matches!(answer, Answer::Content(_)))
}

/// Lets a guest go on that was paused over a monitor.
fn release_monitor(link: OwnedFd, state: &State) -> io::Result<()> {
    if state.running || state.departure != Departure::Running {
        return Ok(());
    }
    let transport = Transport::new(link, Nature::Reliable)?;
    let mut qmp = Qmp::inherited(transport, Instant::now() + PATIENCE)?;
    // Complaints of what was cut short, and the ends of answers to it, come
    // before an answer to us.
    let state = (0..TRIES).find_map(|_| qmp.status().ok());
    if state == Some(RunState::Paused) {
        qmp.execute("cont", Value::Null).map_err(io::Error::other)?;
    }
    Ok(())
}
