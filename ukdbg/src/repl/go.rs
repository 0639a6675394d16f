//! Letting the machine go on and waiting for its stop: events, the guest's
//! console, Ctrl-C and the time limit meanwhile, the stop and what belongs to
//! it afterwards.

use std::time::{Duration, Instant};

use serde::Serialize;
use ukdbg_session::diagnose::Ending;
use ukdbg_session::inspect::{Stop, StopReason};
use ukdbg_session::view::{Cause, Event, StopView};
use ukdbg_session::{Format, Letter, Motion, Reply, Request, Scope};

use super::prompt::Prompt;
use crate::commands::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;

/// How long to wait for the machine before anything else is looked at.
const SLICE: Duration = Duration::from_millis(20);
/// How long a machine may take to stop that was asked to.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why the wait for a stop ended.
enum Awaited {
    Stop(Stop),
    TimeLimit,
    Signal,
}

impl Prompt<'_> {
    /// Lets the machine go on, and waits for what comes of it.
    pub(super) fn go(&mut self, motion: Motion) -> Result<(), Failure> {
        if self.gone {
            return Err(Failure::text(Exit::Usage, "the machine has ended"));
        }
        self.frame = 0;
        self.listed = None;
        // A Ctrl-C from before is nobody's.
        self.setup.signals.take_interrupt();
        let reply = self.ask(Request::Go(motion))?;
        let deadline = self.setup.timeout.map(|limit| Instant::now() + limit);
        match reply {
            Reply::Running(view) if view.running => self.wait(deadline),
            // There was nothing to wait for, and the stop is told already.
            _ => self.tell_events().and(self.after_stop()),
        }
    }

    /// Stops a machine that runs.
    pub(super) fn stop_running(&mut self) -> Result<(), Failure> {
        // One that stands still says where.
        if self.guest.answer(Request::Cpus).is_ok() {
            return match self.guest.answer(Request::LastStop) {
                Ok(reply) => self.say_stop(&reply),
                Err(_) => self.say_text("the machine stands still\n"),
            };
        }
        self.guest.interrupt().map_err(connect::unanswered)?;
        self.wait(Some(Instant::now() + PATIENCE))
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Result<(), Failure> {
        match self.until_stop(deadline)? {
            Awaited::Stop(stop) => self.stopped(&stop),
            Awaited::Signal => Ok(()),
            Awaited::TimeLimit => {
                self.guest.interrupt().map_err(connect::unanswered)?;
                if let Awaited::Stop(stop) = self.until_stop(Some(Instant::now() + PATIENCE))? {
                    self.stopped(&stop)?;
                    self.pending.clear();
                }
                let limit = self.setup.timeout.unwrap_or_default();
                Err(Failure::text(
                    Exit::TimeLimit,
                    format_args!("nothing stopped the machine in {limit:?}"),
                ))
            }
        }
    }

    fn until_stop(&mut self, deadline: Option<Instant>) -> Result<Awaited, Failure> {
        loop {
            let stop = self.guest.wait(Instant::now() + SLICE);
            self.pour_console()?;
            match stop {
                Ok(Some(stop)) => return Ok(Awaited::Stop(stop)),
                Ok(None) => self.tell_events()?,
                Err(error) => {
                    self.gone = true;
                    return Err(connect::unanswered(error));
                }
            }
            if self.signalled() {
                return Ok(Awaited::Signal);
            }
            if self.setup.signals.take_interrupt() {
                self.guest.interrupt().map_err(connect::unanswered)?;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Awaited::TimeLimit);
            }
        }
    }

    /// Tells a stop.
    fn stopped(&mut self, stop: &Stop) -> Result<(), Failure> {
        if let StopReason::Exited { status } = stop.reason {
            self.gone = true;
            self.tell_events()?;
            let end = Ended { status };
            return self.say_document(Ended::SCHEMA, &end, |_| end.text());
        }
        self.tell_events()?;
        self.after_stop()
    }

    /// Tells what happened, in order; the stop last.
    fn tell_events(&mut self) -> Result<(), Failure> {
        let events = self.guest.take_events();
        // That a breakpoint for one stop is gone goes without saying.
        let reached = |number: u32| {
            events.iter().any(|event| match event {
                Event::Stopped(stop) => stop.causes.iter().any(
                    |cause| matches!(cause, Cause::Breakpoint { number: it, .. } if *it == number),
                ),
                _ => false,
            })
        };
        let is_told = |event: &Event| match event {
            Event::BreakpointDeleted { number } => self.output.is_json() || !reached(*number),
            _ => true,
        };
        let told: Vec<bool> = events.iter().map(is_told).collect();
        for (event, told) in events.into_iter().zip(told) {
            match event {
                _ if !told => {}
                Event::Stopped(stop) if matches!(stop.stop.reason, StopReason::Exited { .. }) => {}
                Event::Stopped(stop) => self.tell_stop(stop)?,
                event => self.say_document(Event::SCHEMA, &event, |prompt| {
                    render::event(&event, prompt.output.styles())
                })?,
            }
        }
        Ok(())
    }

    fn tell_stop(&mut self, stop: Box<StopView>) -> Result<(), Failure> {
        self.pending = self.commands_at(&stop).into();
        if self.pending.front().is_some_and(|first| first == "silent") {
            self.pending.pop_front();
            return Ok(());
        }
        self.say_stop(&Reply::Stop(stop))
    }

    /// Commands of the first breakpoint that was reached.
    fn commands_at(&self, stop: &StopView) -> Vec<String> {
        let numbers = stop.causes.iter().filter_map(|cause| match cause {
            Cause::Breakpoint { number, .. } | Cause::Watchpoint { number, .. } => Some(number),
            _ => None,
        });
        let mut scripts = numbers.filter_map(|number| self.scripts.get(number));
        scripts.next().cloned().unwrap_or_default()
    }

    /// Says where the machine stands: why, the frame, the line.
    pub(super) fn say_stop(&mut self, reply: &Reply) -> Result<(), Failure> {
        let Reply::Stop(view) = reply else {
            return self.say(reply, |_| String::new());
        };
        let fate = match view.causes.as_slice() {
            [Cause::Shutdown | Cause::Interrupted] => Some(self.guest.evidence().ending),
            _ => None,
        };
        let fate = fate.filter(|fate| *fate != Ending::Stopped);
        let line = match self.output.is_json() {
            true => String::new(),
            false => self.line_at_stop(view),
        };
        self.say(reply, |prompt| {
            let styles = prompt.output.styles();
            format!("{}{line}", render::stop(view, fate, styles))
        })
    }

    /// The source line of the innermost frame, or its instruction.
    fn line_at_stop(&mut self, view: &StopView) -> String {
        let styles = self.output.styles();
        let Some(frame) = &view.frame else {
            return String::new();
        };
        if frame.location.is_some() {
            let request = Request::Source {
                frame: 0,
                context: 0,
            };
            if let Ok(Reply::Source(source)) = self.guest.answer(request)
                && !source.lines.is_empty()
            {
                return render::source(&source, styles);
            }
        }
        let request = Request::Examine {
            expression: "$pc".to_owned(),
            frame: None,
            format: Format {
                count: Some(1),
                size: None,
                letter: Some(Letter::Instruction),
            },
        };
        match self.guest.answer(request) {
            Ok(Reply::Memory(memory)) => render::memory(&memory, styles),
            _ => String::new(),
        }
    }

    /// Says where the machine stands when the prompt opens.
    pub(super) fn welcome(&mut self) -> Result<(), Failure> {
        if self.output.is_json() {
            return Ok(());
        }
        let request = Request::Backtrace(Scope::Selected);
        if let Ok(Reply::Backtraces { backtraces }) = self.guest.answer(request)
            && let Some(frame) = backtraces.first().and_then(|one| one.frames.first())
        {
            self.output
                .text(&render::frame_line(frame, self.output.styles()))?;
        }
        self.output.text("`help` lists the commands.\n")?;
        Ok(())
    }

    fn after_stop(&mut self) -> Result<(), Failure> {
        for display in self.displays.all() {
            self.show_display(&display)?;
        }
        Ok(())
    }
}

/// A machine that ended, as a document.
#[derive(Serialize)]
struct Ended {
    status: Option<i32>,
}

impl Ended {
    const SCHEMA: &'static str = "ukdbg.ended/1";

    fn text(&self) -> String {
        match self.status {
            Some(status) => format!("the guest ended with status {status}\n"),
            None => "the guest has ended\n".to_owned(),
        }
    }
}
