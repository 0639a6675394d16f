//! Steps of a task: a heading before each, a line with its time for each at
//! the end.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::Result;

/// The steps done so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    /// Does one step.
    ///
    /// # Errors
    /// The step's own.
    pub(crate) fn step<Value>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<Value>,
    ) -> Result<Value> {
        eprintln!("\n=== {name}");
        let started = Instant::now();
        let result = work();
        let time = started.elapsed();
        if result.is_ok() {
            self.done.push((name, time));
        } else {
            let seconds = time.as_secs_f64();
            eprintln!("{}\n  FAILED {seconds:>6.1} s  {name}\n", self.summary());
        }
        result
    }

    /// A line for each step that is done.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for (name, time) in &self.done {
            let _ = write!(text, "\n  ok     {:>6.1} s  {name}", time.as_secs_f64());
        }
        text
    }
}
