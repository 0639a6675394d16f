//! `ukdbg attach [ENDPOINT]`: the terminal interface or the prompt on a machine
//! that already runs; in batch mode, its report.

use std::io::IsTerminal;
use std::time::Instant;

use ukdbg_gdb_bridge::{Leave, Machine};
use ukdbg_session::diagnose::EmulatorEvidence;
use ukdbg_session::inspect::{Stop, StopReason};
use ukdbg_session::{Session, SessionError};

use super::connect::{self, Kept};
use super::report;
use crate::arguments::{AttachArguments, Global};
use crate::console::ConsoleFilter;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::repl::{self, Farewell, Leaving, Plan};
use crate::tui;

/// Opens it.
pub(crate) fn run(global: &Global, options: &AttachArguments, output: &mut Output) -> Outcome {
    if let Some(plan) = Plan::of(&options.prompt, global.batch)? {
        return prompt(global, options, plan, output);
    }
    let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if global.batch || global.json || !on_terminal {
        return report::run(global, &options.endpoint, output);
    }
    let prepared = connect::prepare(global, &options.endpoint, output)?;
    let setup = tui::Setup {
        endpoint: prepared.endpoint(),
        image: prepared
            .commands
            .images
            .first()
            .cloned()
            .unwrap_or_default(),
        start: tui::Start::Stopped(Stop {
            vcpu: None,
            reason: StopReason::Interrupted,
        }),
        leaving: tui::Leaving::LeavesAsFound,
        palette: output.palette(),
    };
    let (mut session, evidence) = prepared.open(output)?;
    let farewell = tui::run(&mut session, &mut Attached::new(evidence), setup);
    connect::left(session, output);
    let farewell = farewell?;
    Ok(match farewell.quit {
        tui::Quit::Signal(number) => Exit::Signal(u8::try_from(number).unwrap_or(0)),
        tui::Quit::Asked | tui::Quit::EngineEnded => Exit::Fine,
    })
}

/// The prompt, on a machine or on a file that is looked at like one.
fn prompt(global: &Global, options: &AttachArguments, plan: Plan, output: &mut Output) -> Outcome {
    let mut prepared = connect::prepare(global, &options.endpoint, output)?;
    let setup = repl::Setup {
        endpoint: prepared.endpoint(),
        commands: std::mem::take(&mut prepared.commands),
        timeout: options.timeout,
        signals: plan.signals()?,
    };
    let visit = match prepared.open_any(output)? {
        Kept::Machine(mut session, evidence) => {
            let mut attached = Attached::new(evidence);
            let mut guest = repl::Live::new(&mut session, &mut attached);
            let visit = plan.carry_out(&mut guest, output, setup);
            let left = leave(*session, visit.as_ref().ok(), output);
            let visit = visit?;
            left?;
            visit
        }
        Kept::Core(session, evidence) => {
            let mut guest = repl::Still { session, evidence };
            plan.carry_out(&mut guest, output, setup)?
        }
        Kept::Image(session) => {
            let evidence = EmulatorEvidence::default();
            let mut guest = repl::Still { session, evidence };
            plan.carry_out(&mut guest, output, setup)?
        }
    };
    Ok(visit.exit)
}

/// Leaves the machine as its user did.
fn leave(
    mut session: Session<'static, Machine>,
    visit: Option<&repl::Visit>,
    output: &Output,
) -> Result<(), Failure> {
    match visit.map(|visit| visit.farewell) {
        Some(Farewell::Quit(Leaving::Machine(how))) => connect::leave(session, how, output),
        Some(Farewell::Quit(Leaving::Ended)) => {
            // The emulator ends before it answers.
            if let Ok(None) = session.target().monitor("quit") {
                connect::left(session, output);
                return Err(Failure::text(
                    Exit::Usage,
                    "no link leads to a monitor that could end the machine; it was left",
                ));
            }
        }
        Some(Farewell::Signal(_)) | None => connect::leave(session, Leave::AsFound, output),
    }
    Ok(())
}

/// A machine that somebody else started: of its console we see what a stub in
/// it passes on.
struct Attached {
    /// What was seen when it was found; of no later stop.
    evidence: EmulatorEvidence,
    console: ConsoleFilter,
}

impl Attached {
    fn new(evidence: EmulatorEvidence) -> Self {
        Self {
            evidence,
            console: ConsoleFilter::default(),
        }
    }
}

impl tui::Host<Machine> for Attached {
    fn wait(
        &mut self,
        session: &mut Session<'_, Machine>,
        until: Instant,
    ) -> Result<Option<Stop>, SessionError> {
        let stop = session.poll(until)?;
        if stop.is_some() {
            self.evidence = EmulatorEvidence::default();
        }
        Ok(stop)
    }

    fn evidence(&mut self, _session: &mut Session<'_, Machine>) -> EmulatorEvidence {
        self.evidence.clone()
    }

    fn console(&mut self, session: &mut Session<'_, Machine>) -> Vec<u8> {
        let printed = session.target().take_console();
        self.console.push(&printed).into_bytes()
    }
}
