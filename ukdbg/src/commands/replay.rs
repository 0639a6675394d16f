//! `ukdbg replay DIR`: a recording, stopped where it ended: in the terminal
//! interface, at the prompt, or its report.

use std::io::IsTerminal;
use std::time::Instant;

use ukdbg_gdb_bridge::Machine;
use ukdbg_session::diagnose::EmulatorEvidence;
use ukdbg_session::inspect::Stop;
use ukdbg_session::{Reply, Request, Session, SessionError};

use super::replayed::{self, Replayed};
use super::{connect, run};
use crate::arguments::{Global, ReplayArguments};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::repl::{self, Plan};
use crate::{render, tui};

/// Opens it.
pub(crate) fn run(global: &Global, options: &ReplayArguments, output: &mut Output) -> Outcome {
    let plan = Plan::of(&options.prompt, global.batch)?;
    let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let replayed = replayed::open(global, &options.folder, output)?;
    match plan {
        Some(plan) => prompt(replayed, options, plan, output),
        None if global.batch || global.json || !on_terminal => report(replayed, output),
        None => interactive(replayed, options, output),
    }
}

fn prompt(
    mut replayed: Replayed,
    options: &ReplayArguments,
    plan: Plan,
    output: &mut Output,
) -> Outcome {
    let setup = repl::Setup {
        endpoint: options.folder.display().to_string(),
        commands: replayed.commands,
        timeout: None,
        signals: plan.signals()?,
    };
    let evidence = replayed.evidence.take().unwrap_or_default();
    let mut replaying = Replaying { evidence };
    let mut guest = repl::Live::new(&mut replayed.session, &mut replaying);
    Ok(plan.carry_out(&mut guest, output, setup)?.exit)
}

/// The report, which is that of the run.
fn report(mut replayed: Replayed, output: &mut Output) -> Outcome {
    let Some(evidence) = replayed.evidence.take() else {
        run::tell_power_off(output)?;
        return Ok(Exit::Fine);
    };
    let reply = replayed.session.answer(Request::Report(evidence));
    let reply = reply.map_err(connect::unanswered)?;
    output.reply(&reply, |styles| match &reply {
        Reply::Report(report) => render::report(report, &replayed.commands, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}

fn interactive(mut replayed: Replayed, options: &ReplayArguments, output: &mut Output) -> Outcome {
    let evidence = replayed.evidence.take().unwrap_or_default();
    let setup = tui::Setup {
        endpoint: options.folder.display().to_string(),
        image: replayed
            .commands
            .images
            .first()
            .cloned()
            .unwrap_or_default(),
        start: tui::Start::Stopped(run::stop_of(evidence.ending)),
        leaving: tui::Leaving::EndsGuest,
        palette: output.palette(),
    };
    let mut replaying = Replaying { evidence };
    let farewell = tui::run(&mut replayed.session, &mut replaying, setup)?;
    Ok(match farewell.quit {
        tui::Quit::Signal(number) => Exit::Signal(u8::try_from(number).unwrap_or(0)),
        tui::Quit::Asked | tui::Quit::EngineEnded => Exit::Fine,
    })
}

/// A machine that repeats what was recorded; its console said it all then.
struct Replaying {
    /// What was seen of the end; of no earlier stop.
    evidence: EmulatorEvidence,
}

impl tui::Host<Machine> for Replaying {
    fn wait(
        &mut self,
        session: &mut Session<'_, Machine>,
        until: Instant,
    ) -> Result<Option<Stop>, SessionError> {
        session.poll(until)
    }

    fn evidence(&mut self, session: &mut Session<'_, Machine>) -> EmulatorEvidence {
        match session.is_at_end_of_history() {
            true => self.evidence.clone(),
            false => EmulatorEvidence::default(),
        }
    }

    fn console(&mut self, _: &mut Session<'_, Machine>) -> Vec<u8> {
        Vec::new()
    }
}
