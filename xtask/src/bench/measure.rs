//! Running a program for its time and memory.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use wait4::Wait4;

/// Runs of each program. Medians are taken, since the machine may be shared.
const ROUNDS: usize = 11;

/// What a program took.
pub(super) struct Measured {
    /// The median of its runs.
    pub(super) seconds: f64,
    /// The most memory that any of its runs held.
    pub(super) peak_mib: f64,
}

/// Runs programs in turn, so that whatever else the machine does hits them
/// alike. Each must succeed, and the text must be on its standard output.
///
/// # Errors
/// When a program cannot be started or does not do its work.
pub(super) fn alternate<const N: usize>(
    programs: [&dyn Fn() -> Command; N],
    must_print: &str,
) -> Result<[Measured; N]> {
    alternate_times(ROUNDS, programs, must_print)
}

/// As [`alternate`], with fewer rounds where one takes seconds.
///
/// # Errors
/// As there.
pub(super) fn alternate_times<const N: usize>(
    rounds: usize,
    programs: [&dyn Fn() -> Command; N],
    must_print: &str,
) -> Result<[Measured; N]> {
    let mut samples = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (program, samples) in programs.iter().zip(&mut samples) {
            let sample = once(program(), must_print)?;
            // The first one warms the page cache.
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    Ok(samples.map(summarize))
}

/// Seconds and MiB of one run.
fn once(mut command: Command, must_print: &str) -> Result<(f64, f64)> {
    let said = tempfile::tempfile()?;
    command
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(Stdio::null());
    let started = Instant::now();
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let used = child
        .wait4()
        .with_context(|| format!("cannot wait for {command:?}"))?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(used.status.success(), "{command:?}: {}", used.status);
    ensure!(
        printed(said)?.contains(must_print),
        "{command:?} did not print {must_print}"
    );
    #[expect(
        clippy::cast_precision_loss,
        reason = "memory sizes are far below 2^52 bytes"
    )]
    let mib = used.rusage.maxrss as f64 / f64::from(1 << 20);
    Ok((seconds, mib))
}

fn printed(mut file: std::fs::File) -> Result<String> {
    use std::io::{Read, Seek};
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn summarize(mut samples: Vec<(f64, f64)>) -> Measured {
    samples.sort_by(|left, right| left.0.total_cmp(&right.0));
    Measured {
        seconds: samples[samples.len() / 2].0,
        peak_mib: samples.iter().map(|sample| sample.1).fold(0.0, f64::max),
    }
}

/// The first line that `program --version` prints; none when it is not
/// installed.
pub(super) fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}
