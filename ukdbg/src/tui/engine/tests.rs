//! The worker against a machine that exists in memory only.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use ukdbg_session::inspect::{
    BreakpointAt, Control, LiveMemory, Memory, MemoryError, Modules, Registers, Resume, Stop,
    StopReason, SystemRegisters, Target, TargetError, VcpuId, VirtAddr,
};
use ukdbg_session::{NoSources, Session, SessionError};

use super::{Command, Event, Host, Question, Queue, Ticket, work};
use crate::tui::Start;
use crate::tui::message::Message;
use crate::tui::pane::PaneId;

/// How long a test waits for anything.
const DEADLINE: Duration = Duration::from_secs(20);

/// A machine without memory that stops when it is told to.
#[derive(Default)]
struct Machine {
    running: bool,
    interrupted: bool,
}

impl Memory for Machine {
    fn read(&mut self, at: VirtAddr, _: &mut [u8]) -> Result<usize, MemoryError> {
        Err(MemoryError::Unmapped { at })
    }
}

impl Target for Machine {
    fn vcpus(&mut self) -> Result<Vec<VcpuId>, TargetError> {
        Ok(vec![VcpuId(1)])
    }
    fn registers(&mut self, _: VcpuId) -> Result<Registers, TargetError> {
        Ok(Registers::default())
    }
    fn system_registers(&mut self, _vcpu: VcpuId) -> Result<SystemRegisters, TargetError> {
        Ok(SystemRegisters::default())
    }
    fn live(&self) -> Option<Arc<dyn LiveMemory>> {
        None
    }
    fn control(&mut self) -> Option<&mut dyn Control> {
        Some(self)
    }
}

impl Control for Machine {
    fn is_running(&self) -> bool {
        self.running
    }
    fn resume(&mut self, _: Resume) -> Result<(), TargetError> {
        (self.running, self.interrupted) = (true, false);
        Ok(())
    }
    fn interrupt(&mut self) -> Result<(), TargetError> {
        self.interrupted = true;
        Ok(())
    }
    fn poll(&mut self, _: Instant) -> Result<Option<Stop>, TargetError> {
        let stopped = std::mem::take(&mut self.interrupted) && self.running;
        self.running &= !stopped;
        Ok(stopped.then_some(Stop {
            vcpu: None,
            reason: StopReason::Interrupted,
        }))
    }
    fn insert(&mut self, _: BreakpointAt) -> Result<(), TargetError> {
        Ok(())
    }
    fn remove(&mut self, _: BreakpointAt) -> Result<(), TargetError> {
        Ok(())
    }
}

/// What a host prints once, and whether its emulator dies.
#[derive(Default)]
struct Emulator {
    prints: Vec<u8>,
    dies: bool,
}

impl Host<Machine> for Emulator {
    fn wait(
        &mut self,
        session: &mut Session<'_, Machine>,
        until: Instant,
    ) -> Result<Option<Stop>, SessionError> {
        match self.dies {
            true => Err(disconnected()),
            false => session.poll(until),
        }
    }
    fn end(&mut self, session: &mut Session<'_, Machine>) -> Result<Option<Stop>, SessionError> {
        self.wait(session, Instant::now())
    }
    fn evidence(
        &mut self,
        _: &mut Session<'_, Machine>,
    ) -> ukdbg_session::diagnose::EmulatorEvidence {
        Default::default()
    }
    fn console(&mut self, _: &mut Session<'_, Machine>) -> Vec<u8> {
        std::mem::take(&mut self.prints)
    }
}

fn disconnected() -> SessionError {
    SessionError::Target(TargetError::Disconnected {
        peer: "memory".to_owned(),
    })
}

/// Runs a worker while `test` talks to it; it must end when `test` does.
fn with_worker(
    mut host: Emulator,
    start: Start,
    test: impl FnOnce(&Sender<Command>, &mut dyn FnMut() -> Event),
) {
    let machine = Machine {
        running: matches!(start, Start::Running),
        interrupted: false,
    };
    let mut session = Session::new(machine, Modules::default(), Box::new(NoSources));
    let (events, messages) = mpsc::sync_channel(16);
    let (commands, orders) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| work(&mut session, &mut host, &start, orders, events));
        test(&commands, &mut || next(&messages));
        drop(commands);
    });
}

fn next(messages: &Receiver<Message>) -> Event {
    match messages.recv_timeout(DEADLINE) {
        Ok(Message::Engine(event)) => event,
        other => panic!("no event but {other:?}"),
    }
}

fn stopped() -> Start {
    Start::Stopped(Stop {
        vcpu: None,
        reason: StopReason::Trap,
    })
}

#[test]
fn a_guest_is_continued_and_interrupted() {
    with_worker(Emulator::default(), stopped(), |commands, next| {
        commands.send(Command::Interrupt).unwrap();
        commands.send(Command::Resume).unwrap();
        assert!(matches!(next(), Event::Running));
        commands.send(Command::Resume).unwrap();
        commands.send(Command::Interrupt).unwrap();
        let Event::Stopped(stop) = next() else {
            panic!("it did not stop");
        };
        assert_eq!(stop.reason, StopReason::Interrupted);
    });
}

#[test]
fn what_was_printed_comes_before_the_end() {
    let host = Emulator {
        prints: b"last words".to_vec(),
        dies: true,
    };
    with_worker(host, Start::Running, |_, next| {
        assert!(matches!(next(), Event::Console(text) if text == b"last words"));
        assert!(matches!(next(), Event::Lost(error) if error == disconnected()));
    });
}

#[test]
fn an_end_is_noticed_while_the_machine_stands_still() {
    let host = Emulator {
        dies: true,
        ..Emulator::default()
    };
    with_worker(host, stopped(), |_, next| {
        assert!(matches!(next(), Event::Lost(error) if error == disconnected()));
    });
}

#[test]
fn every_question_is_answered_even_if_with_an_error() {
    with_worker(Emulator::default(), stopped(), |commands, next| {
        let ticket = ticket(PaneId::Source, Question::Source { frame: 7 });
        commands.send(Command::Ask(ticket.clone())).unwrap();
        let Event::Answer(answered, answer) = next() else {
            panic!("no answer");
        };
        assert_eq!(answered, ticket);
        assert!(answer.is_err());
    });
}

#[test]
fn a_newer_question_of_a_pane_replaces_its_older_one() {
    let mut queue = Queue::default();
    queue.push(ticket(PaneId::Source, Question::Source { frame: 1 }));
    queue.push(ticket(PaneId::Trace, Question::Trace));
    queue.push(ticket(PaneId::Source, Question::Source { frame: 2 }));
    let questions: Vec<_> = queue.0.into_iter().map(|ticket| ticket.question).collect();
    assert_eq!(questions, [Question::Trace, Question::Source { frame: 2 }]);
}

fn ticket(pane: PaneId, question: Question) -> Ticket {
    Ticket {
        stop: 1,
        pane,
        question,
    }
}
