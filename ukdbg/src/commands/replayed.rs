//! From the folder of a recording to a session on the machine that repeats it,
//! stopped where the recording ended.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use ukdbg_gdb_bridge::{LaunchError, Machine, Qemu, Started, start};
use ukdbg_session::Session;
use ukdbg_session::diagnose::EmulatorEvidence;
use ukdbg_session::inspect::Moment;

use super::connect;
use crate::arguments::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::images;
use crate::output::Output;
use crate::recording::Recording;
use crate::render::{Commands, quote};

/// A recording that is open.
pub(crate) struct Replayed {
    /// The machine that repeats it.
    pub(crate) session: Session<'static, Machine>,
    /// What was seen of its end; none if the guest powered off.
    pub(crate) evidence: Option<EmulatorEvidence>,
    /// What a user would type to look further.
    pub(crate) commands: Commands,
    /// What it runs in; dropped last.
    _qemu: Qemu,
}

/// Opens it.
pub(crate) fn open(global: &Global, folder: &Path, output: &Output) -> Result<Replayed, Failure> {
    let folder = &std::path::absolute(folder)?;
    let recording = Recording::open(folder)?;
    let image = match &global.image {
        Some(image) => image.clone(),
        None => recording.image_file(folder),
    };
    let mut symbols = global.symbols.clone();
    if symbols.is_empty() {
        symbols.clone_from(&recording.symbols);
    }
    let loaded = images::load(Some(&image), &symbols)?;
    output.loaded(&loaded);
    let sources = connect::sources(global)?;
    let executable = std::env::current_exe()?;
    let started = start(&recording.launch(folder), &executable).map_err(not_started)?;
    let Started {
        mut machine, qemu, ..
    } = started;
    note_version(&mut machine, &recording, output);
    run_to_end(&mut machine, &recording)?;
    let mut session = Session::new(machine, loaded.modules, Box::new(sources));
    connect::check_identity(&mut session, output)?;
    let again = format!("ukdbg replay {}", quote(&folder.display().to_string()));
    Ok(Replayed {
        session,
        evidence: recording.evidence,
        commands: Commands {
            images: std::iter::once(&image)
                .chain(&symbols)
                .map(|file| file.display().to_string())
                .collect(),
            trace: again.clone(),
            look: again,
        },
        _qemu: qemu,
    })
}

fn not_started(error: LaunchError) -> Failure {
    let failure = Failure::new(Exit::Unreachable, error);
    failure.hint("check that QEMU (qemu-system-x86_64) is the one that recorded, built with TCG")
}

/// Another QEMU may repeat it, or may not.
fn note_version(machine: &mut Machine, recording: &Recording, output: &Output) {
    let version = machine.monitor("info version").ok().flatten();
    let version = version.unwrap_or_default();
    let (version, recorded) = (version.trim(), recording.emulator.trim());
    if !recorded.is_empty() && version != recorded {
        output.note(&format!(
            "recorded with QEMU {recorded}, replayed with {version}: it may end early or differ"
        ));
    }
}

fn run_to_end(machine: &mut Machine, recording: &Recording) -> Result<(), Failure> {
    let end = recording.end();
    let bar = ProgressBar::new(end.moment.0).with_style(
        ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} instructions")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut progress = |now: Moment| bar.set_position(now.0);
    let arrived = machine.replay_to_end(end, &mut progress);
    bar.finish_and_clear();
    arrived.map_err(|error| {
        connect::unanswered(error.into()).hint("record again, with the QEMU that is installed now")
    })
}
