//! Steps of a task: a heading before each, a line with its time for each at
//! the end.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The steps done so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    /// Does one step.
    ///
    /// # Errors
    /// The step's own, with its name.
    pub(crate) fn step<Value>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<Value>,
    ) -> Result<Value> {
        eprintln!("\n=== {name}");
        let started = Instant::now();
        let value = work().with_context(|| format!("{}\n{name} failed", self.summary()))?;
        self.done.push((name, started.elapsed()));
        Ok(value)
    }

    /// A line for each step that is done.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for (name, time) in &self.done {
            let _ = write!(text, "\n  ok {:>6.1} s  {name}", time.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|(_, time)| *time).sum();
        let _ = write!(text, "\n     {:>6.1} s  in all", total.as_secs_f64());
        text
    }
}
