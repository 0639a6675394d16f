//! A child process that runs cases and tells of each on its standard output.
//! Whoever started it sees by the last line which case killed it.

use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::case::Seeds;
use crate::subject::Kind;

/// The address space of a child: more fails to be allocated and ends it.
const MEMORY: u64 = 1 << 30;
/// Processor time of a case, which other work on the machine does not change.
const LONGEST: Duration = Duration::from_secs(2);

/// Which cases to run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    corpus: PathBuf,
    #[arg(long)]
    kind: Kind,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    first: u64,
    #[arg(long)]
    count: u64,
}

/// What the last panic said and where it was.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Runs the cases, telling of each.
///
/// # Errors
/// When a seed cannot be read or nobody listens.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    bound_memory()?;
    remember_panics();
    let seeds = Seeds::of(&arguments.corpus, arguments.kind)?;
    let mut out = io::stdout().lock();
    for number in arguments.first..arguments.first + arguments.count {
        let bytes = seeds.case(arguments.seed, number)?;
        writeln!(out, "start {number}")?;
        out.flush()?;
        match survived(|| arguments.kind.ask(&bytes)) {
            Ok(()) => writeln!(out, "done {number}")?,
            Err(why) => writeln!(out, "found {number} {}", why.escape_debug())?,
        }
    }
    Ok(())
}

/// Runs one case, and says what it did. Whether it did nothing wrong.
///
/// # Errors
/// When memory cannot be bounded.
pub(crate) fn repeat(kind: Kind, bytes: &[u8]) -> Result<bool> {
    bound_memory()?;
    let before = processor_time();
    kind.ask(bytes);
    let took = processor_time().saturating_sub(before);
    println!("survived in {took:.1?} of processor time");
    Ok(took <= LONGEST)
}

fn bound_memory() -> Result<()> {
    let limit = Rlimit {
        current: Some(MEMORY),
        maximum: Some(MEMORY),
    };
    Ok(setrlimit(Resource::As, limit)?)
}

fn remember_panics() {
    panic::set_hook(Box::new(|info| {
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
    }));
}

/// Runs one case; what is wrong with it.
fn survived(ask: impl FnOnce()) -> Result<(), String> {
    let before = processor_time();
    let result = panic::catch_unwind(AssertUnwindSafe(ask));
    let took = processor_time().saturating_sub(before);
    if result.is_err() {
        return Err(LAST_PANIC
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone());
    }
    if took > LONGEST {
        return Err(format!("took {took:.1?} of processor time"));
    }
    Ok(())
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_goes_wrong_is_seen() {
        remember_panics();
        assert_eq!(survived(|| ()), Ok(()));
        let why = survived(|| panic!("index {}", 7)).unwrap_err();
        assert!(
            why.contains("worker.rs") && why.contains("index 7"),
            "{why}"
        );
        let deadline = Instant::now() + Duration::from_secs(60);
        let why = survived(|| {
            let before = processor_time();
            while processor_time() - before <= LONGEST && Instant::now() < deadline {
                black_box(0);
            }
        });
        assert!(why.unwrap_err().starts_with("took 2."));
    }
}
