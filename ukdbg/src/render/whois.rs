//! What an address is, as text: one fact a line.

use std::fmt::Write;

use ukdbg_session::inspect::{AddressKind, Evidence, HeapEntry, HeapState, Level, Region};
use ukdbg_session::view::{CallerView, WhoisView};

use super::{Style, Styles, page_walk, place};
use crate::escape::escape;

/// The facts.
pub(crate) fn whois(view: &WhoisView, styles: Styles) -> String {
    let mut out = String::new();
    let address = styles.paint(Style::Strong, view.description.address.to_string());
    let _ = writeln!(out, "{address} is {}", what(view));
    let mut fact = |name: &str, text: String| {
        let name = styles.paint(Style::Dim, format!("{name:<10}"));
        let _ = writeln!(out, "  {name} {text}");
    };
    if let AddressKind::Image(image) = &view.description.kind {
        if let Some(section) = &image.section {
            fact("section", escape(section));
        }
        fact(
            "image",
            format!(
                "{} at {}",
                crate::escape::escape_str(&image.module),
                image.link
            ),
        );
    }
    if let Some(location) = &view.location {
        fact("source", place::location(location));
    }
    for (name, callers) in [("allocated", &view.allocated_by), ("freed", &view.freed_by)] {
        for (index, caller) in callers.iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            fact(name, caller_text(caller));
        }
    }
    if let Some(word) = view.word {
        fact("holds", word.to_string());
    }
    if let Some(known) = evidence(view.description.evidence) {
        fact("known from", known.to_owned());
    }
    if let Some(walk) = &view.walk {
        fact("pages", page_walk(walk));
        for level in &walk.levels {
            fact("", page_level(level));
        }
    }
    for gap in &view.gaps {
        let gap = styles.paint(Style::Dim, crate::escape::escape_str(gap));
        let _ = writeln!(out, "  {gap}");
    }
    out
}

/// One entry on the way to the page, with what it allows.
fn page_level(level: &Level) -> String {
    let rights = level.rights.map_or_else(
        || "not present".to_owned(),
        |rights| {
            let letter = |allowed: bool, letter| if allowed { letter } else { '-' };
            let user = if rights.user { ", user" } else { "" };
            format!(
                "r{}{}{user}",
                letter(rights.write, 'w'),
                letter(rights.execute, 'x')
            )
        },
    );
    let name = level.level.name();
    format!(
        "{name:<5} {:#018x} at {}  {rights}",
        level.entry.0, level.entry_at
    )
}

fn what(view: &WhoisView) -> String {
    match &view.description.kind {
        AddressKind::NonCanonical => "not canonical: no address in this paging mode".to_owned(),
        AddressKind::NullPage { offset: 0 } => "a null pointer".to_owned(),
        AddressKind::NullPage { offset } => format!("a null pointer plus {offset:#x}"),
        AddressKind::Stack { stack } => {
            format!(
                "in the stack of `{}` ({} to {})",
                escape(&stack.name),
                stack.low,
                stack.high
            )
        }
        AddressKind::StackGuard { stack, below } => format!(
            "in the guard below the stack of `{}`, {below} bytes below its end",
            escape(&stack.name)
        ),
        AddressKind::HeapBlock { block, offset } => format!("{offset} bytes into {}", heap(block)),
        AddressKind::FreedBlock { block, offset } => format!("{offset} bytes into {}", heap(block)),
        AddressKind::PastBlock { block, past_end } => {
            format!("{past_end} bytes past the end of {}", heap(block))
        }
        AddressKind::BeforeBlock { block, before } => {
            format!("{before} bytes before {}", heap(block))
        }
        AddressKind::Heap => "in the heap, in no block that is known".to_owned(),
        AddressKind::Image(image) => {
            let region = match image.region {
                Region::Code => "code",
                Region::ReadOnly => "read-only data",
                Region::Data => "data",
            };
            match &view.symbol {
                Some(symbol) => format!("{} ({region})", escape(symbol)),
                None => format!("{region} without a symbol"),
            }
        }
        AddressKind::Unmapped => "not mapped, and nothing claims it".to_owned(),
        AddressKind::Mapped => "mapped, and nothing says what for".to_owned(),
        AddressKind::Unknown => "unknown: nothing claims it".to_owned(),
    }
}

fn heap(block: &HeapEntry) -> String {
    let state = match block.state {
        HeapState::Live => "a heap block",
        HeapState::Freed => "a freed heap block",
    };
    format!("{state} of {} bytes at {}", block.size, block.address)
}

fn caller_text(caller: &CallerView) -> String {
    let name = caller
        .function
        .as_ref()
        .map_or_else(|| caller.address.to_string(), escape);
    match &caller.location {
        Some(location) => format!("{name} at {}", place::location(location)),
        None => name,
    }
}

fn evidence(evidence: Evidence) -> Option<&'static str> {
    Some(match evidence {
        Evidence::Form => "the number alone",
        Evidence::StackTable => "the guest's stack table",
        Evidence::HeapLedger => "the guest's heap ledger",
        Evidence::Image => "the image",
        Evidence::PageTables => "the page tables",
        Evidence::Nothing => return None,
    })
}
