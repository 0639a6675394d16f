//! A run that is recorded: how the recording begins, and how each end of the
//! run ends it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ukdbg_gdb_bridge::{Launch, Machine, RecordingEnd};
use ukdbg_session::Session;
use ukdbg_session::diagnose::{EmulatorEvidence, Ending};

use super::Run;
use super::ending::GuestEnd;
use super::watcher::Watcher;
use crate::arguments::RunArguments;
use crate::commands::connect;
use crate::failure::Failure;
use crate::output::Output;
use crate::recording::NewRecording;
use crate::render::quote;

/// How long QEMU may take to write the end of its log.
const END_PATIENCE: Duration = Duration::from_secs(20);

/// Begins a recording, if one was asked for.
pub(super) fn begin(
    options: &RunArguments,
    symbols: &[PathBuf],
    launch: &mut Launch,
    output: &Output,
) -> Result<Option<NewRecording>, Failure> {
    let Some(folder) = &options.record else {
        return Ok(None);
    };
    let recording = NewRecording::begin(folder, launch, symbols)?;
    output.note("recording: the machine has no isa-debug-exit, a guest that ends itself by it goes on instead");
    Ok(Some(recording))
}

impl Run<'_> {
    /// Ends the recording of a guest as its user left it, or it ended by
    /// itself. One whose emulator died has no end.
    pub(super) fn keep_as_left(
        &mut self,
        session: &mut Session<'static, Machine>,
        watcher: &mut Watcher,
        end: Option<&GuestEnd>,
        output: &Output,
    ) -> Result<(), Failure> {
        match end {
            Some(GuestEnd::PowerOff) => {
                let how = RecordingEnd::ByLastInstruction;
                self.finish(session, watcher, how, None, output)
            }
            Some(_) => Ok(()),
            None => {
                let ending = watcher.ending();
                self.keep(session, watcher, ending, output)
            }
        }
    }

    /// Ends the recording of a guest that was stopped, or stopped by itself.
    pub(super) fn keep(
        &mut self,
        session: &mut Session<'static, Machine>,
        watcher: &mut Watcher,
        ending: Ending,
        output: &Output,
    ) -> Result<(), Failure> {
        let how = match ending {
            Ending::Reset | Ending::ResetOfUnknownCause => RecordingEnd::ByLastInstruction,
            _ => RecordingEnd::Stopped,
        };
        let evidence = watcher.evidence(session, ending);
        self.finish(session, watcher, how, Some(evidence), output)
    }

    fn finish(
        &mut self,
        session: &mut Session<'static, Machine>,
        watcher: &mut Watcher,
        how: RecordingEnd,
        evidence: Option<EmulatorEvidence>,
        output: &Output,
    ) -> Result<(), Failure> {
        let Some(recording) = self.recording.take() else {
            return Ok(());
        };
        let machine = session.target();
        let version = machine.monitor("info version").ok().flatten();
        let version = version.unwrap_or_default().trim().to_owned();
        let end = machine
            .end_recording(how)
            .map_err(|error| connect::unanswered(error.into()))?;
        if watcher.end_by(Instant::now() + END_PATIENCE).is_none() {
            output.note("QEMU does not end: the recording may not be whole");
        }
        let folder = recording.finish(end, version, evidence)?;
        let shown = quote(&folder.display().to_string());
        output.note(&format!(
            "{} instructions are recorded; go back in them with `ukdbg replay {shown}`",
            end.moment.0
        ));
        Ok(())
    }
}
