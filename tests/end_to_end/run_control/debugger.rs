//! A session on a guest of a test: asks, runs, and waits with a deadline.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ukdbg_gdb_bridge::{Leave, Machine};
use ukdbg_image::{Decompressed, Image};
use ukdbg_inspect::{Module, Modules};
use ukdbg_session::view::{BreakpointView, Event, StopView};
use ukdbg_session::{Motion, NewBreakpoint, NoSources, Reply, Request, Session};
use ukdbg_tests::{DEADLINE, SeenFrame};

/// A session on a machine.
pub(super) struct Debugger {
    pub(super) session: Session<'static, Machine>,
    /// What happened on the way to the last stop.
    pub(super) events: Vec<Event>,
}

impl Debugger {
    /// Connects to the stub behind a socket.
    pub(super) fn attach(socket: &Path, symbols: &Path) -> Self {
        let endpoint = format!("unix:{}", socket.display());
        let endpoint = endpoint.parse().expect("an endpoint");
        let machine = Machine::connect(&endpoint).expect("a stub answers");
        let bytes = std::fs::read(symbols).expect("the image");
        let room: &'static Decompressed = Box::leak(Box::default());
        let image = Image::parse(bytes.leak(), room).expect("a linker wrote it");
        let mut modules = Modules::default();
        modules.push(Module::unmoved("guest".into(), Arc::new(image)));
        Self {
            session: Session::new(machine, modules, Box::new(NoSources)),
            events: Vec::new(),
        }
    }

    #[track_caller]
    pub(super) fn ask(&mut self, request: Request) -> Reply {
        let asked = format!("{request:?}");
        match self.session.answer(request) {
            Ok(reply) => reply,
            Err(error) => panic!("{asked}: {error}"),
        }
    }

    #[track_caller]
    pub(super) fn add(&mut self, breakpoint: NewBreakpoint) -> BreakpointView {
        match self.ask(Request::Break(breakpoint)) {
            Reply::Breakpoint(view) => *view,
            reply => panic!("{reply:?}"),
        }
    }

    /// Lets the machine go and gives its next stop.
    #[track_caller]
    pub(super) fn go(&mut self, motion: Motion) -> StopView {
        self.events.clear();
        self.ask(Request::Go(motion));
        self.next_stop()
    }

    #[track_caller]
    pub(super) fn next_stop(&mut self) -> StopView {
        let until = Instant::now() + DEADLINE;
        loop {
            self.events.extend(self.session.take_events());
            let stopped = self.events.iter().find_map(|event| match event {
                Event::Stopped(stop) => Some((**stop).clone()),
                _ => None,
            });
            if let Some(stop) = stopped {
                return stop;
            }
            assert!(Instant::now() < until, "no stop in time: {:?}", self.events);
            self.session.poll(until).expect("the machine answers");
        }
    }

    pub(super) fn run(&mut self) -> StopView {
        self.go(Motion::Continue { ignore: 0 })
    }

    pub(super) fn leave(self) {
        let left = self.session.into_target().detach(Leave::Running);
        left.expect("the guest is let go");
    }
}

/// The function and the line of a stop.
pub(super) fn place(stop: &StopView) -> SeenFrame {
    let frame = stop.frame.as_ref();
    let location = frame.and_then(|frame| frame.location.as_ref());
    let path = location.map_or("", |location| location.file.path.raw());
    let function = frame.and_then(|frame| frame.function.as_ref());
    SeenFrame {
        function: function
            .map_or("??", |name| name.demangled.raw())
            .to_owned(),
        file: path.rsplit('/').next().unwrap_or_default().to_owned(),
        line: location.and_then(|location| Some(u64::from(location.line?.get()))),
        ..SeenFrame::default()
    }
}
