//! `ukdbg dump [ENDPOINT] -o FILE`: a machine that already runs, written down
//! as a core and left as it was found.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use ukdbg_gdb_bridge::{DumpError, Dumped, Keepsake, Machine, Progress};
use ukdbg_session::Session;
use ukdbg_session::diagnose::EmulatorEvidence;

use super::connect::{self, left};
use crate::arguments::{DumpArguments, Global};
use crate::evidence;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::new_file::NewFile;
use crate::output::Output;

/// Writes it down.
pub(crate) fn run(global: &Global, options: &DumpArguments, output: &mut Output) -> Outcome {
    let prepared = connect::prepare(global, &options.endpoint, output)?;
    // Before the machine is stopped: a folder that cannot be written to is
    // found at once.
    let file = begin(&options.output)?;
    let (mut session, evidence) = prepared.open(output)?;
    let written = finish(&mut session, evidence, file, &options.output);
    left(session, output);
    let dumped = written?;
    let view = DumpView::of(&dumped, &options.output);
    match output.is_json() {
        true => output.document(DumpView::SCHEMA, &view)?,
        false => output.text(&view.text())?,
    }
    tell(&dumped, output);
    Ok(Exit::Fine)
}

/// Writes a stopped machine down; a core that is there is replaced.
pub(crate) fn write(
    session: &mut Session<'static, Machine>,
    evidence: EmulatorEvidence,
    path: &Path,
) -> Result<Dumped, Failure> {
    let file = begin(path)?;
    finish(session, evidence, file, path)
}

fn begin(path: &Path) -> Result<NewFile, Failure> {
    NewFile::begin(path).map_err(|error| unwritten(path, &error))
}

fn finish(
    session: &mut Session<'static, Machine>,
    evidence: EmulatorEvidence,
    file: NewFile,
    path: &Path,
) -> Result<Dumped, Failure> {
    let keepsake = Keepsake {
        evidence: evidence::keep(evidence),
        otherwise: session.known_memory(),
    };
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut progress = |now: Progress| {
        bar.set_length(now.total);
        bar.set_position(now.done);
    };
    let dumped = ukdbg_gdb_bridge::dump(session.target(), file.file(), &keepsake, &mut progress);
    bar.finish_and_clear();
    let dumped = dumped.map_err(|error| match error {
        DumpError::Write(error) => unwritten(path, &error),
        error => Failure::new(Exit::Unreachable, error),
    })?;
    file.finish().map_err(|error| unwritten(path, &error))?;
    Ok(dumped)
}

/// What is not in a core that was written.
pub(crate) fn tell(dumped: &Dumped, output: &Output) {
    if dumped.partial {
        output.note(
            "only images, stacks and heap are in the core: this link does not tell where the machine has memory",
        );
    }
    if dumped.unreadable > 0 {
        let bytes = dumped.unreadable;
        output.note(&format!(
            "{bytes} bytes of memory could not be read and are not in the core"
        ));
    }
    if dumped.tables_left_out > 0 {
        let tables = dumped.tables_left_out;
        output.note(&format!(
            "{tables} page tables could not be followed: other readers of the core will not find what they map"
        ));
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::text(
        Exit::Usage,
        format_args!("cannot write the core {}: {error}", path.display()),
    )
    .hint("-o with a file in a folder that you can write to")
}

/// What was written, as a document.
#[derive(Serialize)]
pub(crate) struct DumpView<'a> {
    file: &'a Path,
    memory_bytes: u64,
    unreadable_bytes: u64,
    tables_left_out: u64,
    complete: bool,
}

impl<'a> DumpView<'a> {
    pub(crate) const SCHEMA: &'static str = "ukdbg.dump/1";

    pub(crate) fn of(dumped: &Dumped, file: &'a Path) -> Self {
        Self {
            file,
            memory_bytes: dumped.memory,
            unreadable_bytes: dumped.unreadable,
            tables_left_out: dumped.tables_left_out,
            complete: !dumped.partial && dumped.unreadable == 0,
        }
    }

    pub(crate) fn text(&self) -> String {
        let file = crate::escape::escape_str(&self.file.display().to_string());
        let megabytes = self.memory_bytes.div_ceil(1 << 20);
        format!("{megabytes} MiB of memory in {file}; look at it with `ukdbg report core:{file}`\n")
    }
}
