//! The report as text: the verdict first, then what it rests on, from the
//! nearest to the farthest.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;

use ukdbg_session::diagnose::{Certainty, Place, Verdict};
use ukdbg_session::inspect::{PageOutcome, PageWalk};
use ukdbg_session::view::{ExceptionView, InstructionView, NextStep, PanicView, ReportView};

use super::{Style, Styles, backtrace, events, place, source};
use crate::escape::{escape, escape_str};

/// Column at which the facts begin.
const INDENT: usize = 13;

/// The whole report. It is longer than most terminals, so the verdict comes
/// first and once more at the end, where the reader's eyes are.
pub(crate) fn report(view: &ReportView, commands: &Commands, styles: Styles) -> String {
    let verdict = verdict(&view.verdict, styles);
    let parts = [
        verdict.clone(),
        facts(view, styles),
        source_part(view, styles),
        section(
            "backtrace",
            &backtrace::backtrace(&view.backtrace, styles),
            styles,
        ),
        events_part(view, styles),
        section("not known", &indented(view.gaps.iter().cloned()), styles),
        section("go on with", &indented(commands.lines(&view.next)), styles),
        verdict,
    ];
    let told: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    told.join("\n")
}

fn facts(view: &ReportView, styles: Styles) -> String {
    let mut out = String::new();
    if let Some(panic) = &view.panic {
        out.push_str(&panic_facts(panic, styles));
    }
    if let Some(exception) = &view.exception {
        out.push_str(&exception_facts(exception, styles));
    }
    if let Some(instruction) = &view.instruction {
        out.push_str(&instruction_facts(instruction, styles));
    }
    for reason in &view.verdict.because {
        out.push_str(&fact("because", &escape(reason), styles));
    }
    out
}

fn source_part(view: &ReportView, styles: Styles) -> String {
    view.source.as_ref().map_or_else(String::new, |lines| {
        let title = place::location(&lines.location);
        section(&title, &source::source(lines, styles), styles)
    })
}

fn events_part(view: &ReportView, styles: Styles) -> String {
    view.events.as_ref().map_or_else(String::new, |trace| {
        let title = format!("last {} events", trace.events.len());
        section(&title, &events::events(trace, styles), styles)
    })
}

/// A heading with what is below it; nothing when that is nothing.
pub(super) fn section(title: &str, content: &str, styles: Styles) -> String {
    if content.is_empty() {
        return String::new();
    }
    format!("{}\n{content}", styles.paint(Style::Heading, title))
}

pub(super) fn indented(lines: impl IntoIterator<Item = String>) -> String {
    lines
        .into_iter()
        .map(|line| format!("  {}\n", escape_str(&line)))
        .collect()
}

/// The commands of the session a report is about, as its user would type them.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    /// The images, as they were given: what was booted first.
    pub(crate) images: Vec<String>,
    /// What opens the terminal interface on this machine.
    pub(crate) look: String,
    /// What lists all events.
    pub(crate) trace: String,
}

impl Commands {
    /// A line for each step; steps that one command does are one line.
    fn lines(&self, steps: &[NextStep]) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for line in steps.iter().map(|step| self.line(step)) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    /// The image that a module was made of.
    fn image_of(&self, module: Option<&str>) -> &str {
        let is_it = |image: &&String| Path::new(image).file_name() == module.map(OsStr::new);
        let mut images = self.images.iter();
        let image = images.find(is_it).or(self.images.first());
        image.map_or("", String::as_str)
    }

    fn line(&self, step: &NextStep) -> String {
        match step {
            NextStep::Graph {
                function,
                module,
                at,
            } => {
                let at = at.map_or_else(String::new, |at| format!(" --at {at}"));
                format!(
                    "ukdbg cfg {} {}{at}",
                    quote(self.image_of(module.as_deref())),
                    quote(function.raw())
                )
            }
            NextStep::Trace => self.trace.clone(),
            NextStep::Look => self.look.clone(),
        }
    }
}

/// An argument as a shell takes it.
pub(crate) fn quote(argument: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(safe) {
        return argument.to_owned();
    }
    format!("'{}'", escape_str(argument).replace('\'', "'\\''"))
}

fn verdict(verdict: &Verdict, styles: Styles) -> String {
    let mut sentence = escape(&verdict.sentence);
    if verdict.certainty == Certainty::Likely {
        sentence.insert_str(0, "probably: ");
    }
    let mut out = format!("{}\n", styles.paint(Style::Bad, sentence));
    if let Some(place) = &verdict.place {
        let _ = writeln!(out, "{}", place_line(place, styles));
    }
    out
}

fn place_line(place: &Place, styles: Styles) -> String {
    let mut parts = Vec::new();
    if let Some(name) = &place.function {
        parts.push(format!(
            "in {}",
            styles.paint(Style::Name, escape(&name.demangled))
        ));
    }
    if let Some(location) = &place.location {
        parts.push(format!(
            "at {}",
            styles.paint(Style::Strong, place::location(location))
        ));
    }
    parts.join(" ")
}

fn panic_facts(panic: &PanicView, styles: Styles) -> String {
    let mut text = escape(&panic.message);
    if let Some(place) = &panic.place {
        text.push_str(&format!(" ({})", escape(place)));
    }
    fact("panic", &text, styles)
}

fn exception_facts(view: &ExceptionView, styles: Styles) -> String {
    let mut text = view.mnemonic.map_or_else(String::new, |m| format!("{m} "));
    text.push_str(&format!("{} (vector {})", view.name, view.vector));
    if let Some(code) = view.error_code {
        text.push_str(&format!(", error code {code}"));
    }
    if !view.error_bits.is_empty() {
        text.push_str(&format!(": {}", view.error_bits.join(", ")));
    }
    let mut out = fact("exception", &text, styles);
    if let Some(address) = view.address {
        out.push_str(&fact("address", &address.to_string(), styles));
    }
    if let Some(walk) = &view.walk {
        out.push_str(&fact("page tables", &page_walk(walk), styles));
    }
    out
}

/// Every level that was read, and how the walk ended.
pub(crate) fn page_walk(walk: &PageWalk) -> String {
    let mut steps: Vec<String> = walk
        .levels
        .iter()
        .map(|level| {
            let rights = level.rights.map_or_else(String::new, |rights| {
                let letter = |allowed: bool, letter| if allowed { letter } else { '-' };
                format!(
                    " r{}{}",
                    letter(rights.write, 'w'),
                    letter(rights.execute, 'x')
                )
            });
            format!("{}{rights}", level.level.name())
        })
        .collect();
    let end = match &walk.outcome {
        PageOutcome::Mapped {
            physical,
            page_size,
            ..
        } => format!("physical {physical}, a {} page", page_size_name(*page_size)),
        PageOutcome::Untranslated { .. } => "paging is off".to_owned(),
        PageOutcome::NotPresent => "not present".to_owned(),
        PageOutcome::ReservedBits { bits } => format!("reserved bits {:#x} are set", bits.0),
        PageOutcome::NonCanonical => "not canonical".to_owned(),
        PageOutcome::TableUnreadable { at } => format!("the entry at {at} cannot be read"),
        PageOutcome::UnsupportedMode => "a paging mode that is not walked".to_owned(),
    };
    steps.push(end);
    steps.join(" → ")
}

fn page_size_name(bytes: u64) -> &'static str {
    match bytes {
        0x1000 => "4 KiB",
        0x20_0000 => "2 MiB",
        _ => "1 GiB",
    }
}

fn instruction_facts(view: &InstructionView, styles: Styles) -> String {
    let text = format!("{}  {}", view.address, escape(&view.text));
    let mut out = fact("instruction", &text, styles);
    for operand in &view.operands {
        let value = operand
            .value
            .map_or_else(|| "<unavailable>".to_owned(), |value| value.to_string());
        let mut text = format!("{} = {value}", operand.text);
        if let Some(meaning) = &operand.meaning {
            text.push_str(&format!("  {}", escape(meaning)));
        }
        out.push_str(&fact("", &text, styles));
    }
    out
}

fn fact(label: &str, text: &str, styles: Styles) -> String {
    let padded = format!("{label:<INDENT$}");
    format!("{}{text}\n", styles.paint(Style::Heading, padded))
}
