//! docs/performance.md: the figures as tables, and what they were taken on.

use std::env;
use std::fmt::Write;
use std::fs;
use std::thread;

use anyhow::{Context, Result};

use super::Figure;
use super::measure::version;
use crate::cargo::root;

/// The figures as a Markdown table.
pub(super) fn table(figures: &[Figure]) -> String {
    let mut text = String::from(
        "| area | work | ukdbg | peak MiB | peer | its time | its peak MiB | ratio | target |\n\
         |---|---|--:|--:|---|--:|--:|--:|--:|\n",
    );
    for figure in figures {
        let Figure {
            area,
            work,
            ours,
            peak_mib,
            peer_name,
            target,
            ..
        } = figure;
        let peer = figure.peer.as_ref().map_or_else(
            || "not installed | – | –".to_owned(),
            |peer| {
                let ratio = ours / peer.seconds;
                format!("{} | {:.1} | {ratio:.3}", time(peer.seconds), peer.peak_mib)
            },
        );
        let ours = time(*ours);
        let _ = writeln!(
            text,
            "| {area} | {work} | {ours} | {peak_mib:.1} | {peer_name} | {peer} | {target} |"
        );
    }
    text
}

/// Writes the page.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(figures: &[Figure]) -> Result<()> {
    let behind = figures
        .iter()
        .filter(|figure| figure.ratio().is_some_and(|ratio| ratio > figure.target));
    let behind: String = behind
        .map(|figure| format!("- {}\n", figure.work))
        .collect();
    let behind = if behind.is_empty() {
        "Nothing.\n".to_owned()
    } else {
        behind
    };
    let text = format!(
        "# Performance\n\n\
         Written by `cargo xtask bench`; nothing here is typed by hand. Times are medians of\n\
         alternating runs of whole processes with a warm page cache; *peak* is the most memory\n\
         that any run held. The ratio is ukdbg's time to the peer's; lower is better.\n\n\
         {}\n## Behind its target\n\n{behind}\n## Taken on\n\n{}",
        table(figures),
        machine()
    );
    let path = root().join("docs/performance.md");
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn time(seconds: f64) -> String {
    if seconds < 1e-5 {
        return format!("{:.1} ns", seconds * 1e9);
    }
    format!("{:.1} ms", seconds * 1e3)
}

/// What the machine is, but not which.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let system = fs::read_to_string("/etc/os-release").ok().and_then(|text| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(line.trim_matches('"').to_owned())
    });
    let cores = thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let facts = [
        processor.map(|processor| format!("{processor}, {cores} cores")),
        system.or_else(|| Some(env::consts::OS.to_owned())),
        version("rustc"),
        version("qemu-system-x86_64"),
    ];
    facts
        .into_iter()
        .flatten()
        .map(|fact| format!("- {fact}\n"))
        .collect()
}
