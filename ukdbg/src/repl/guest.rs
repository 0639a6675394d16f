//! What the prompt needs of a machine, whoever holds its links: one that runs,
//! a core, an image.

use std::path::Path;
use std::time::Instant;

use ukdbg_gdb_bridge::{Dumped, Machine};
use ukdbg_session::diagnose::EmulatorEvidence;
use ukdbg_session::inspect::{Module, Modules, Stop, Target};
use ukdbg_session::view::Event;
use ukdbg_session::{Reply, Request, Session, SessionError};

use crate::commands::dump;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tui::Host;

/// A machine at the prompt.
pub(crate) trait Guest {
    /// One answer of its session.
    fn answer(&mut self, request: Request) -> Result<Reply, SessionError>;

    /// The next stop, if there is one by `until`.
    fn wait(&mut self, until: Instant) -> Result<Option<Stop>, SessionError>;

    /// Asks it to stop.
    fn interrupt(&mut self) -> Result<(), SessionError>;

    /// What happened since the last call, in order.
    fn take_events(&mut self) -> Vec<Event>;

    /// What was seen of the last stop from outside.
    fn evidence(&mut self) -> EmulatorEvidence;

    /// What it printed since the last call; never waits.
    fn console(&mut self) -> Vec<u8>;

    /// What its emulator's monitor answers; none without one.
    fn monitor(&mut self, line: &str) -> Result<Option<String>, SessionError>;

    /// Writes it down.
    fn dump(&mut self, path: &Path) -> Result<Dumped, Failure>;

    /// The images.
    fn modules(&self) -> &Modules<'static>;

    /// One more image.
    fn add_module(&mut self, module: Module<'static>);
}

/// A machine that runs, with whoever watches it from outside.
pub(crate) struct Live<'a> {
    session: &'a mut Session<'static, Machine>,
    host: &'a mut dyn Host<Machine>,
}

impl<'a> Live<'a> {
    /// Of these two.
    pub(crate) fn new(
        session: &'a mut Session<'static, Machine>,
        host: &'a mut dyn Host<Machine>,
    ) -> Self {
        Self { session, host }
    }
}

impl Guest for Live<'_> {
    fn answer(&mut self, request: Request) -> Result<Reply, SessionError> {
        self.session.answer(request)
    }

    fn wait(&mut self, until: Instant) -> Result<Option<Stop>, SessionError> {
        self.host.wait(self.session, until)
    }

    fn interrupt(&mut self) -> Result<(), SessionError> {
        self.session.interrupt()
    }

    fn take_events(&mut self) -> Vec<Event> {
        self.session.take_events()
    }

    fn evidence(&mut self) -> EmulatorEvidence {
        self.host.evidence(self.session)
    }

    fn console(&mut self) -> Vec<u8> {
        self.host.console(self.session)
    }

    fn monitor(&mut self, line: &str) -> Result<Option<String>, SessionError> {
        Ok(self.session.target().monitor(line)?)
    }

    fn dump(&mut self, path: &Path) -> Result<Dumped, Failure> {
        let evidence = self.host.evidence(self.session);
        dump::write(self.session, evidence, path)
    }

    fn modules(&self) -> &Modules<'static> {
        self.session.modules()
    }

    fn add_module(&mut self, module: Module<'static>) {
        self.session.add_module(module);
    }
}

/// A file that is looked at like a machine.
pub(crate) struct Still<T> {
    pub(crate) session: Session<'static, T>,
    pub(crate) evidence: EmulatorEvidence,
}

impl<T: Target> Guest for Still<T> {
    fn answer(&mut self, request: Request) -> Result<Reply, SessionError> {
        self.session.answer(request)
    }

    fn wait(&mut self, until: Instant) -> Result<Option<Stop>, SessionError> {
        self.session.poll(until)
    }

    fn interrupt(&mut self) -> Result<(), SessionError> {
        self.session.interrupt()
    }

    fn take_events(&mut self) -> Vec<Event> {
        self.session.take_events()
    }

    fn evidence(&mut self) -> EmulatorEvidence {
        self.evidence.clone()
    }

    fn console(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn monitor(&mut self, _: &str) -> Result<Option<String>, SessionError> {
        Ok(None)
    }

    fn dump(&mut self, _: &Path) -> Result<Dumped, Failure> {
        Err(Failure::text(
            Exit::Usage,
            "what is looked at here is a file already",
        ))
    }

    fn modules(&self) -> &Modules<'static> {
        self.session.modules()
    }

    fn add_module(&mut self, module: Module<'static>) {
        self.session.add_module(module);
    }
}
