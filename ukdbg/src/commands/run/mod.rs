//! `ukdbg run IMAGE`: boots an image, waits for its fault, explains it, and
//! ends the guest.

mod again;
mod ending;
mod kept;
mod launch;
mod memory_size;
mod watcher;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ukdbg_gdb_bridge::{Machine, Qemu, Started};
use ukdbg_session::diagnose::{Ending, VerdictKind};
use ukdbg_session::{Reply, Request, Session};

use super::{connect, dump};
use crate::arguments::{Global, RunArguments};
use crate::endpoint::{OpenSession, Published};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::images;
use crate::output::Output;
use crate::recording::NewRecording;
use crate::render::{self, Commands};
use crate::repl::{self, Plan};
use crate::signals::Signals;
use crate::tui;
use ending::{GuestEnd, RunView};
pub(crate) use watcher::stop_of;
use watcher::{Seen, Watcher};

/// How long to wait for the machine before the console, the signals and the
/// clock are looked at again.
const SLICE: Duration = Duration::from_millis(20);
/// How long a running guest may take to stop when its time is up.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// Boots the image.
pub(crate) fn run(global: &Global, options: &RunArguments, output: &mut Output) -> Outcome {
    let image = launch::image(global, options)?;
    let loaded = images::load(Some(&image), &global.symbols)?;
    output.loaded(&loaded);
    let sources = connect::sources(global)?;
    let mut launch = launch::launch(options, &image, &loaded)?;
    let plan = Plan::of(&options.prompt, global.batch)?;
    let recording = kept::begin(options, &global.symbols, &mut launch, output)?;
    // The terminal interface notices signals itself.
    let signals = match &plan {
        Some(plan) => Some(plan.signals()?),
        None => (!options.tui).then(Signals::watch).transpose()?,
    };
    let Started {
        machine,
        console,
        qemu,
    } = launch::start(&launch)?;
    let mut session = Session::new(machine, loaded.modules, Box::new(sources));
    session.catch_faults().map_err(connect::unanswered)?;
    if plan.is_none() {
        session.resume().map_err(connect::unanswered)?;
    }
    let _published = publish(&qemu, &image, &global.symbols, output);
    let mut watcher = Watcher::new(qemu, console, options.raw_console, &launch)?;
    let run = Run {
        recording,
        options,
        commands: again::commands(global, options, &image),
        deadline: options.timeout.map(|limit| Instant::now() + limit),
        signals,
    };
    if let Some(plan) = plan {
        run.prompt(plan, session, watcher, output)
    } else if options.tui {
        run.interactive(session, watcher, &image.display().to_string(), output)
    } else {
        run.batch(&mut session, &mut watcher, output)
    }
}

/// The document of a guest that powered off.
pub(crate) fn tell_power_off(output: &mut Output) -> std::io::Result<()> {
    match output.is_json() {
        true => output.document(RunView::SCHEMA, &RunView::PoweredOff),
        false => output.text("the guest powered off\n"),
    }
}

/// Lets other commands find the guest. Without that the run is as good.
fn publish(qemu: &Qemu, image: &Path, symbols: &[PathBuf], output: &Output) -> Option<Published> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let description = OpenSession {
        endpoint: qemu.endpoint().to_string(),
        image: Some(absolute(image)),
        symbols: symbols.iter().map(|path| absolute(path)).collect(),
    };
    description
        .publish(qemu.directory())
        .inspect_err(|error| {
            output.note(&format!("other commands will not find this guest: {error}"));
        })
        .ok()
}

/// One run, once the guest is started.
struct Run<'a> {
    recording: Option<NewRecording>,
    options: &'a RunArguments,
    commands: Commands,
    deadline: Option<Instant>,
    signals: Option<Signals>,
}

impl Run<'_> {
    /// Streams the console until something ends the run, and reports it.
    fn batch(
        mut self,
        session: &mut Session<'static, Machine>,
        watcher: &mut Watcher,
        output: &mut Output,
    ) -> Outcome {
        let seen = self.until_something(session, watcher, output)?;
        output.console(watcher.take_console().as_bytes())?;
        match seen {
            Awaited::Seen(Seen::Ended(end)) => {
                self.keep_as_left(session, watcher, Some(&end), output)?;
                self.ended(end, output)
            }
            Awaited::Seen(Seen::Stopped(ending)) => {
                self.report(session, watcher, ending, output)?;
                self.keep(session, watcher, ending, output)?;
                Ok(Exit::GuestFaulted)
            }
            Awaited::TimeLimit => {
                session.interrupt().map_err(connect::unanswered)?;
                session
                    .poll(Instant::now() + STOP_PATIENCE)
                    .map_err(connect::unanswered)?;
                self.report(session, watcher, Ending::TimeLimit, output)?;
                self.keep(session, watcher, Ending::TimeLimit, output)?;
                Ok(Exit::TimeLimit)
            }
            Awaited::Signal(number) => {
                self.keep(session, watcher, Ending::Stopped, output)?;
                output.note("interrupted; the guest was ended");
                Ok(Exit::Signal(number))
            }
        }
    }

    fn until_something(
        &self,
        session: &mut Session<'static, Machine>,
        watcher: &mut Watcher,
        output: &mut Output,
    ) -> Result<Awaited, Failure> {
        loop {
            let seen = watcher.watch(session, Instant::now() + SLICE);
            output.console(watcher.take_console().as_bytes())?;
            if let Some(number) = self.signals.as_ref().and_then(Signals::arrived) {
                return Ok(Awaited::Signal(number));
            }
            if let Some(seen) = seen.map_err(connect::unanswered)? {
                return Ok(Awaited::Seen(seen));
            }
            if self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
            {
                return Ok(Awaited::TimeLimit);
            }
        }
    }

    fn report(
        &self,
        session: &mut Session<'static, Machine>,
        watcher: &mut Watcher,
        ending: Ending,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let evidence = watcher.evidence(session, ending);
        let reply = session
            .answer(Request::Report(evidence.clone()))
            .map_err(connect::unanswered)?;
        output.reply(&reply, |styles| match &reply {
            Reply::Report(report) => {
                format!("\n{}", render::report(report, &self.commands, styles))
            }
            _ => String::new(),
        })?;
        if let Some(path) = &self.options.dump {
            let dumped = dump::write(session, evidence, path)?;
            dump::tell(&dumped, output);
            output.note(&format!("the machine is in {}", path.display()));
        }
        Ok(())
    }

    /// The guest ended by itself, or QEMU did.
    fn ended(&self, end: GuestEnd, output: &mut Output) -> Outcome {
        let view = RunView::of(&end);
        if output.is_json() && view.is_some() {
            output.document(RunView::SCHEMA, &view)?;
        }
        match end {
            GuestEnd::Status(status) if self.options.guest_status => Ok(Exit::GuestStatus(status)),
            GuestEnd::Status(_) | GuestEnd::PowerOff => Ok(Exit::Fine),
            GuestEnd::GivenUp { messages } => Err(launch::given_up(&messages)),
            GuestEnd::EmulatorDied { end, messages } => Err(launch::emulator_died(end, &messages)),
        }
    }

    /// The prompt until its user leaves; the guest stands before its first
    /// instruction.
    fn prompt(
        mut self,
        plan: Plan,
        mut session: Session<'static, Machine>,
        mut watcher: Watcher,
        output: &mut Output,
    ) -> Outcome {
        let signals = self.signals.take().map_or_else(Signals::watch, Ok)?;
        let setup = repl::Setup {
            endpoint: "a guest of its own".to_owned(),
            commands: std::mem::take(&mut self.commands),
            timeout: self.options.timeout,
            signals,
        };
        let mut guest = repl::Live::new(&mut session, &mut watcher);
        let visit = plan.carry_out(&mut guest, output, setup)?;
        let end = watcher.take_end();
        self.keep_as_left(&mut session, &mut watcher, end.as_ref(), output)?;
        match end {
            Some(GuestEnd::Status(status))
                if self.options.guest_status && visit.exit == Exit::Fine =>
            {
                Ok(Exit::GuestStatus(status))
            }
            Some(GuestEnd::GivenUp { messages }) => Err(launch::given_up(&messages)),
            Some(GuestEnd::EmulatorDied { end, messages }) => {
                Err(launch::emulator_died(end, &messages))
            }
            Some(GuestEnd::Status(_) | GuestEnd::PowerOff) | None => Ok(visit.exit),
        }
    }

    /// The terminal interface until its user leaves.
    fn interactive(
        mut self,
        mut session: Session<'static, Machine>,
        mut watcher: Watcher,
        image: &str,
        output: &mut Output,
    ) -> Outcome {
        let setup = tui::Setup {
            endpoint: "a guest of its own".to_owned(),
            image: image.to_owned(),
            start: tui::Start::Running,
            leaving: tui::Leaving::EndsGuest,
            palette: output.palette(),
        };
        let farewell = tui::run(&mut session, &mut watcher, setup)?;
        let end = watcher.take_end();
        self.keep_as_left(&mut session, &mut watcher, end.as_ref(), output)?;
        if let tui::Quit::Signal(number) = farewell.quit {
            return Ok(Exit::Signal(u8::try_from(number).unwrap_or(0)));
        }
        match (farewell.verdict, end) {
            (None | Some(VerdictKind::NoFault), Some(end)) => self.ended(end, output),
            (None | Some(VerdictKind::NoFault), None) => Ok(Exit::Fine),
            (Some(_), _) => Ok(Exit::GuestFaulted),
        }
    }
}

/// What a wait ended with.
enum Awaited {
    Seen(Seen),
    TimeLimit,
    Signal(u8),
}
