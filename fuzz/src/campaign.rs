//! A campaign: cases handed to child processes in batches, each child watched,
//! so that whatever a case does is caught and attributed to it.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::case::Seeds;
use crate::corpus;
use crate::findings::Findings;
use crate::subject::Kind;

/// Cases of one child. A child that is fresh forgets what one before it did.
const BATCH: u64 = 200;
/// How long a case may be silent: long enough on a machine that does much
/// else, since a case has few seconds of the processor's time.
const SILENCE: Duration = Duration::from_secs(60);

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many cases of each kind
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    cases: u64,
    /// Where the random numbers begin
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Only this kind of input
    #[arg(long)]
    only: Option<Kind>,
    /// How many cases at once
    #[arg(long, value_name = "COUNT")]
    jobs: Option<usize>,
    /// Leave out images larger than this, unless they are given
    #[arg(long, value_name = "BYTES", default_value_t = 6 << 20)]
    largest: u64,
    /// Where findings are kept
    #[arg(long, value_name = "FOLDER")]
    findings: PathBuf,
    /// Images to damage, beside those that are compiled and found
    images: Vec<PathBuf>,
}

/// Runs all cases. Whether nothing was found.
///
/// # Errors
/// When the seed files or a finding cannot be written, or a child not started.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let images = corpus::prepare(folder.path(), &arguments.images, arguments.largest)?;
    eprintln!("{} images: {}", images.len(), images.join(" "));
    let findings = Mutex::new(Findings::new(&arguments.findings));
    for kind in Kind::all() {
        if arguments.only.is_none_or(|only| only == *kind) {
            let campaign = Campaign::new(arguments, *kind, folder.path().to_owned(), &findings)?;
            campaign.run(arguments.jobs)?;
        }
    }
    let (cases, causes) = findings
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .count();
    if causes > 0 {
        eprintln!("{cases} cases went wrong, of {causes} causes");
    }
    Ok(causes == 0)
}

/// The cases of one kind.
struct Campaign<'a> {
    kind: Kind,
    corpus: PathBuf,
    seed: u64,
    cases: u64,
    next: AtomicU64,
    bar: ProgressBar,
    findings: &'a Mutex<Findings>,
}

/// What a child did last.
enum Last {
    /// It is between cases.
    Done,
    /// It began a case and told nothing since.
    Began(u64),
}

impl<'a> Campaign<'a> {
    fn new(
        arguments: &Arguments,
        kind: Kind,
        corpus: PathBuf,
        findings: &'a Mutex<Findings>,
    ) -> Result<Self> {
        let style = ProgressStyle::with_template(
            "{prefix:>10} {wide_bar} {pos}/{len} {per_sec} {eta} {msg}",
        )?;
        let bar = ProgressBar::new(arguments.cases).with_style(style);
        bar.set_prefix(kind.word());
        Ok(Self {
            kind,
            corpus,
            seed: arguments.seed,
            cases: arguments.cases,
            next: AtomicU64::new(0),
            bar,
            findings,
        })
    }

    fn run(&self, jobs: Option<usize>) -> Result<()> {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let jobs = jobs.unwrap_or_else(cores).max(1);
        let results: Vec<Result<()>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(|| self.batches())).collect();
            let ended = threads.into_iter().map(|thread| thread.join());
            ended
                .map(|result| result.expect("it does not panic"))
                .collect()
        });
        self.bar.finish();
        let (cases, _) = self
            .findings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count();
        eprintln!(
            "{}: {} cases in {:.0?}, {cases} wrong so far",
            self.kind.word(),
            self.cases,
            self.bar.elapsed()
        );
        results.into_iter().collect()
    }

    fn batches(&self) -> Result<()> {
        loop {
            let first = self.next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= self.cases {
                return Ok(());
            }
            let end = (first + BATCH).min(self.cases);
            let mut at = first;
            while at < end {
                at = self.batch(at, end)?;
            }
        }
    }

    /// Runs the cases in a child until it ends, and says which is next.
    fn batch(&self, first: u64, end: u64) -> Result<u64> {
        let mut child = self.child(first, end - first)?;
        let lines = lines_of(&mut child)?;
        let mut last = Last::Done;
        let hung = loop {
            match lines.recv_timeout(SILENCE) {
                Ok(line) => last = self.told(&line, last)?,
                Err(RecvTimeoutError::Disconnected) => break false,
                Err(RecvTimeoutError::Timeout) => break true,
            }
        };
        if hung {
            child.kill()?;
        }
        let status = child.wait()?;
        match last {
            Last::Began(number) => {
                let why = if hung {
                    format!("hung for {SILENCE:?}")
                } else {
                    ended(status)
                };
                self.found(number, &why)?;
                Ok(number + 1)
            }
            Last::Done if status.success() => Ok(end),
            Last::Done => anyhow::bail!("a child ended between cases: {status}"),
        }
    }

    fn child(&self, first: u64, count: u64) -> Result<Child> {
        Command::new(std::env::current_exe()?)
            .args(["work", "--kind", self.kind.word(), "--corpus"])
            .arg(&self.corpus)
            .args(["--seed", &self.seed.to_string()])
            .args(["--first", &first.to_string(), "--count", &count.to_string()])
            // A case is one processor's work: its time is then the sum.
            .env("RAYON_NUM_THREADS", "1")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a child")
    }

    fn told(&self, line: &str, last: Last) -> Result<Last> {
        let mut words = line.splitn(3, ' ');
        let word = words.next().unwrap_or_default();
        let number = words.next().and_then(|number| number.parse().ok());
        let Some(number) = number else {
            return Ok(last);
        };
        match word {
            "start" => return Ok(Last::Began(number)),
            "found" => self.found(number, &unescaped(words.next().unwrap_or_default()))?,
            _ => self.bar.inc(1),
        }
        Ok(Last::Done)
    }

    fn found(&self, number: u64, why: &str) -> Result<()> {
        self.bar.inc(1);
        let bytes = Seeds::of(&self.corpus, self.kind)?.case(self.seed, number)?;
        let name = format!("{}-{number}", self.seed);
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = findings.add(self.kind, &name, why, &bytes)? {
            self.bar
                .suspend(|| eprintln!("{} case {number}: {told}", self.kind.word()));
        }
        self.bar
            .set_message(format!("{} wrong", findings.count().0));
        Ok(())
    }
}

fn ended(status: ExitStatus) -> String {
    format!("ended the process: {status} (out of memory, out of stack, or aborted)")
}

fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n")
        .replace("\\'", "'")
        .replace("\\\"", "\"")
}

/// The lines of a child's standard output, as they come.
fn lines_of(child: &mut Child) -> Result<Receiver<String>> {
    let out = child.stdout.take().context("its output is a pipe")?;
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    Ok(lines)
}
