//! `ukdbg attach [ENDPOINT]`: the terminal interface on a machine that already
//! runs; in batch mode, its report.

use std::io::IsTerminal;
use std::time::Instant;

use ukdbg_gdb_bridge::Machine;
use ukdbg_session::diagnose::EmulatorEvidence;
use ukdbg_session::inspect::{Stop, StopReason};
use ukdbg_session::{Session, SessionError};

use super::{connect, report};
use crate::arguments::{AttachArguments, Global};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::output::Output;
use crate::tui;

/// Opens it.
pub(crate) fn run(global: &Global, options: &AttachArguments, output: &mut Output) -> Outcome {
    let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if global.batch || global.json || !on_terminal {
        return report::run(global, &options.endpoint, output);
    }
    let prepared = connect::prepare(global, &options.endpoint, output)?;
    let setup = tui::Setup {
        endpoint: prepared.endpoint(),
        image: prepared.commands.image.clone(),
        start: tui::Start::Stopped(Stop {
            vcpu: None,
            reason: StopReason::Interrupted,
        }),
        leaving: tui::Leaving::LeavesAsFound,
        palette: output.palette(),
    };
    let (mut session, evidence) = prepared.open(output)?;
    let farewell = tui::run(&mut session, &mut Attached { evidence }, setup);
    connect::left(session, output);
    let farewell = farewell?;
    Ok(match farewell.quit {
        tui::Quit::Signal(number) => Exit::Signal(u8::try_from(number).unwrap_or(0)),
        tui::Quit::Asked | tui::Quit::EngineEnded => Exit::Fine,
    })
}

/// A machine that somebody else started: nothing is known of its console.
struct Attached {
    /// What was seen when it was found; of no later stop.
    evidence: EmulatorEvidence,
}

impl tui::Host<Machine> for Attached {
    fn wait(
        &mut self,
        session: &mut Session<'_, Machine>,
        until: Instant,
    ) -> Result<Option<Stop>, SessionError> {
        session.poll(until)
    }

    fn evidence(&mut self, _session: &mut Session<'_, Machine>) -> EmulatorEvidence {
        std::mem::take(&mut self.evidence)
    }

    fn console(&mut self) -> Vec<u8> {
        Vec::new()
    }
}
