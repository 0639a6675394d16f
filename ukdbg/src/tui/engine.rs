//! The engine: one worker owns the session, takes commands and questions over a
//! channel, and sends owned answers and events back. Nothing here draws, and
//! nothing outside of here waits for a machine.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use ukdbg_session::diagnose::EmulatorEvidence;
use ukdbg_session::inspect::{Stop, StopReason, Target, TargetError, VirtAddr};
use ukdbg_session::{Reply, Request, Scope, Session, SessionError};

use super::Start;
use super::message::Message;
use super::pane::PaneId;

/// How long the worker waits for the machine before it looks at its commands
/// again, and for commands before it looks at the console again.
const SLICE: Duration = Duration::from_millis(20);
/// How often it looks whether a machine that stands still is still there.
const GLANCE: Duration = Duration::from_millis(250);
/// Source lines before and after the selected one.
const SOURCE_CONTEXT: u32 = 500;
/// Trace events of each CPU.
const NEWEST_EVENTS: u64 = 2_000;

/// What the worker needs from whoever started or reached the machine.
pub(crate) trait Host<T: Target> {
    /// The machine's next stop, if there is one by `until`: the session's, or
    /// one that only the emulator shows (an end, CPUs that are all halted).
    /// Called while the machine runs.
    fn wait(
        &mut self,
        session: &mut Session<'_, T>,
        until: Instant,
    ) -> Result<Option<Stop>, SessionError>;

    /// The end of a machine that stands still, if it came meanwhile; never
    /// waits. Anything else it returns is no news.
    fn end(&mut self, session: &mut Session<'_, T>) -> Result<Option<Stop>, SessionError> {
        session.poll(Instant::now())
    }

    /// What the emulator shows of the last stop.
    fn evidence(&mut self, session: &mut Session<'_, T>) -> EmulatorEvidence;

    /// What the guest printed since the last call, on its console or through a
    /// stub in it; never waits.
    fn console(&mut self, session: &mut Session<'_, T>) -> Vec<u8>;
}

/// A question of a pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// What happened?
    Report,
    /// Who called whom, on the CPU that stopped?
    Backtrace,
    /// The source of a frame, by its index as shown.
    Source {
        /// The index.
        frame: usize,
    },
    /// The registers of a frame, by its physical index.
    Registers {
        /// The index.
        frame: usize,
    },
    /// Instructions around an address.
    Disassembly {
        /// The address.
        at: VirtAddr,
    },
    /// Control flow of the function that holds an address.
    Graph {
        /// The address.
        at: VirtAddr,
    },
    /// The newest events.
    Trace,
}

/// A question, who asks, and at which stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The number of the stop it is about.
    pub(crate) stop: u64,
    /// The pane that asks.
    pub(crate) pane: PaneId,
    /// The question.
    pub(crate) question: Question,
}

/// What the worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Answer a question.
    Ask(Ticket),
    /// Let the machine run.
    Resume,
    /// Stop it.
    Interrupt,
}

/// What the worker tells.
#[derive(Debug)]
pub(crate) enum Event {
    /// An answer.
    Answer(Ticket, Box<Result<Reply, SessionError>>),
    /// The machine runs.
    Running,
    /// The machine stopped.
    Stopped(Stop),
    /// A command could not be carried out.
    Refused(SessionError),
    /// The machine cannot be reached any more.
    Lost(SessionError),
    /// The guest printed something.
    Console(Vec<u8>),
}

/// Questions that wait. A pane's newer question replaces its older one: nobody
/// waits for the source of a frame that was passed by.
#[derive(Debug, Default)]
struct Queue(VecDeque<Ticket>);

impl Queue {
    fn push(&mut self, ticket: Ticket) {
        self.0.retain(|waiting| waiting.pane != ticket.pane);
        self.0.push_back(ticket);
    }
}

/// The other side has gone away: time to end.
struct Hangup;

/// The machine, as far as the worker has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    Running,
    Stopped,
    Gone,
}

/// Serves a session until the commands end.
pub(crate) fn work<T: Target>(
    session: &mut Session<'_, T>,
    host: &mut dyn Host<T>,
    start: &Start,
    commands: Receiver<Command>,
    events: SyncSender<Message>,
) {
    let mut worker = Worker {
        session,
        host,
        machine: match start {
            Start::Running => Machine::Running,
            Start::Stopped(_) => Machine::Stopped,
        },
        glanced: Instant::now(),
        queue: Queue::default(),
        commands,
        events,
    };
    while worker.turn().is_ok() {}
}

struct Worker<'session, 'data, T> {
    session: &'session mut Session<'data, T>,
    host: &'session mut dyn Host<T>,
    machine: Machine,
    glanced: Instant,
    queue: Queue,
    commands: Receiver<Command>,
    events: SyncSender<Message>,
}

impl<T: Target> Worker<'_, '_, T> {
    /// One round: commands, one question, the console, the machine.
    fn turn(&mut self) -> Result<(), Hangup> {
        self.take_commands()?;
        if let Some(ticket) = self.queue.0.pop_front() {
            self.answer(ticket)?;
        }
        self.print()?;
        match self.machine {
            Machine::Running => self.watch(),
            Machine::Stopped => self.glance(),
            Machine::Gone => Ok(()),
        }
    }

    /// Takes every command there is; with nothing else to do, waits for one.
    fn take_commands(&mut self) -> Result<(), Hangup> {
        if self.machine != Machine::Running && self.queue.0.is_empty() {
            match self.commands.recv_timeout(SLICE) {
                Ok(command) => self.obey(command)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Hangup),
            }
        }
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.obey(command)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(Hangup),
            }
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), Hangup> {
        match command {
            Command::Ask(ticket) => {
                self.queue.push(ticket);
                Ok(())
            }
            Command::Resume if self.machine == Machine::Running => Ok(()),
            Command::Resume => match self.session.resume() {
                Ok(()) => {
                    self.machine = Machine::Running;
                    self.queue.0.clear();
                    self.tell(Event::Running)
                }
                Err(error) => self.tell(Event::Refused(error)),
            },
            Command::Interrupt if self.machine != Machine::Running => Ok(()),
            Command::Interrupt => match self.session.interrupt() {
                Ok(()) => Ok(()),
                Err(error) => self.tell(Event::Refused(error)),
            },
        }
    }

    fn answer(&mut self, ticket: Ticket) -> Result<(), Hangup> {
        let request = self.request(&ticket.question);
        let answer = self.session.answer(request);
        self.tell(Event::Answer(ticket, Box::new(answer)))
    }

    fn request(&mut self, question: &Question) -> Request {
        match *question {
            Question::Report => Request::Report(self.host.evidence(self.session)),
            Question::Backtrace => Request::Backtrace(Scope::Selected),
            Question::Source { frame } => Request::Source {
                frame,
                context: SOURCE_CONTEXT,
            },
            Question::Registers { frame } => Request::Registers { frame },
            Question::Disassembly { at } => Request::Disassembly { at },
            Question::Graph { at } => Request::Graph { at },
            Question::Trace => Request::Trace {
                newest: Some(NEWEST_EVENTS),
            },
        }
    }

    /// Waits a slice for the running machine.
    fn watch(&mut self) -> Result<(), Hangup> {
        match self.host.wait(self.session, Instant::now() + SLICE) {
            Ok(None) => Ok(()),
            Ok(Some(stop)) => self.stopped(stop),
            Err(error) => self.lost(error),
        }
    }

    /// Looks whether the machine that stands still is still there. One that
    /// cannot run at all, such as a core, refuses; that is no news.
    fn glance(&mut self) -> Result<(), Hangup> {
        if self.glanced.elapsed() < GLANCE {
            return Ok(());
        }
        self.glanced = Instant::now();
        match self.host.end(self.session) {
            Ok(Some(stop)) if is_end(&stop) => self.stopped(stop),
            Err(error) if is_disconnected(&error) => self.lost(error),
            _ => Ok(()),
        }
    }

    fn stopped(&mut self, stop: Stop) -> Result<(), Hangup> {
        self.machine = match is_end(&stop) {
            true => Machine::Gone,
            false => Machine::Stopped,
        };
        self.print()?;
        self.tell(Event::Stopped(stop))
    }

    fn lost(&mut self, error: SessionError) -> Result<(), Hangup> {
        self.machine = Machine::Gone;
        self.print()?;
        self.tell(Event::Lost(error))
    }

    /// Tells what was printed; before a stop is told, so that what led to it
    /// is there.
    fn print(&mut self) -> Result<(), Hangup> {
        let printed = self.host.console(self.session);
        match printed.is_empty() {
            true => Ok(()),
            false => self.tell(Event::Console(printed)),
        }
    }

    fn tell(&self, event: Event) -> Result<(), Hangup> {
        self.events.send(Message::Engine(event)).map_err(|_| Hangup)
    }
}

fn is_end(stop: &Stop) -> bool {
    matches!(stop.reason, StopReason::Exited { .. })
}

fn is_disconnected(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::Target(TargetError::Disconnected { .. })
    )
}

#[cfg(test)]
mod tests;
