//! What an address is, as text: one fact a line.

use std::fmt::Write;

use ukdbg_session::Untrusted;
use ukdbg_session::inspect::{
    AddressKind, Evidence, Exception, HeapEntry, HeapState, HoleEdge, Level, Region, TablePlace,
    VirtAddr,
};
use ukdbg_session::view::{CallerView, FramePlace, WhoisView};

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
    if let Some(frame) = &view.frame {
        fact("frame", frame_place(frame));
    }
    for place in &view.tables {
        fact("table", table_place(place));
    }
    if let Some(device) = view.device {
        fact("device", format!("usually {device}"));
    }
    if let Some(word) = view.word {
        let target = view.word_points_at.as_ref();
        let target = target.map_or_else(String::new, |target| format!("  {}", escape(target)));
        fact("holds", format!("{word}{target}"));
    }
    if let Some(known) = evidence(view.description.evidence) {
        fact("known from", known.to_owned());
    }
    if let Some(walk) = &view.walk {
        fact("pages", page_walk(walk));
        for level in &walk.levels {
            fact("", page_level(level));
        }
        let on = walk.protections();
        if !on.is_empty() {
            fact("in force", on.join(" "));
        }
    }
    if let Some(hole) = &view.hole {
        let at = view.description.address;
        fact("below", edge(hole.hole.start, at, hole.below.as_ref()));
        fact("above", edge(hole.hole.end, at, hole.above.as_ref()));
    }
    for gap in &view.gaps {
        let gap = styles.paint(Style::Dim, crate::escape::escape_str(gap));
        let _ = writeln!(out, "  {gap}");
    }
    out
}

/// The nearest page in one direction.
fn edge(edge: HoleEdge, at: VirtAddr, name: Option<&Untrusted>) -> String {
    let name = name.map_or_else(String::new, |name| format!("  {}", escape(name)));
    match edge {
        HoleEdge::At { address } if address <= at => format!(
            "pages end at {address}, {} below{name}",
            distance(at.0 - address.0)
        ),
        HoleEdge::At { address } => format!(
            "pages begin at {address}, {} above{name}",
            distance(address.0 - at.0)
        ),
        HoleEdge::Open => "no page".to_owned(),
        HoleEdge::Unknown => "not found out".to_owned(),
    }
}

/// A number of bytes: exact where a bug could explain it.
fn distance(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{bytes:#x} bytes"),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        0x4000_0000..0x100_0000_0000 => format!("{} GiB", bytes >> 30),
        _ => format!("{} TiB", bytes >> 40),
    }
}

fn frame_place(place: &FramePlace) -> String {
    let function = place
        .function
        .as_ref()
        .map_or_else(String::new, |name| format!(" {}", escape(&name.demangled)));
    let frame = format!("#{}{function}", place.frame);
    match place.is_return_address {
        true => format!("the return address of {frame}"),
        false => format!(
            "{} bytes above the stack pointer of {frame}",
            place.above_sp
        ),
    }
}

fn table_place(place: &TablePlace) -> String {
    match *place {
        TablePlace::Gdt { selector } => format!("GDT, the descriptor of selector {selector:#x}"),
        TablePlace::Idt { vector } => format!("IDT, the gate of vector {}", vector_name(vector)),
        TablePlace::Ldt { offset } => format!("LDT, {offset:#x} bytes into it"),
        TablePlace::TaskState { field } => format!("TSS, {field}"),
        TablePlace::Handler { first, gates: 1 } => {
            format!("handler of vector {}", vector_name(first))
        }
        TablePlace::Handler { first, gates } => {
            format!("handler of {gates} vectors from {} on", vector_name(first))
        }
        TablePlace::Stack { field, top } => {
            format!("below {top}, the top of the stack that the TSS names {field}")
        }
    }
}

fn vector_name(vector: u8) -> String {
    match Exception::of_vector(vector.into()) {
        Some(exception) => format!("{vector} ({} {})", exception.mnemonic, exception.name),
        None => vector.to_string(),
    }
}

/// One entry on the way to the page, with what it allows.
fn page_level(level: &Level) -> String {
    let entry = level.entry;
    let rights = level.rights.map_or_else(
        || "not present".to_owned(),
        |rights| {
            let letter = |allowed: bool, letter| if allowed { letter } else { '-' };
            let more = [
                (rights.user, ", user"),
                (entry.accessed(), ", accessed"),
                (level.is_page() && entry.dirty(), ", dirty"),
                (level.is_page() && entry.global(), ", global"),
                (entry.uncached(), ", uncached"),
            ];
            let more: String = more
                .iter()
                .filter(|(set, _)| *set)
                .map(|(_, text)| *text)
                .collect();
            format!(
                "r{}{}{more}",
                letter(rights.write, 'w'),
                letter(rights.execute, 'x')
            )
        },
    );
    let name = level.level.name();
    format!(
        "{name:<5} {:#018x} at {}  {rights}",
        entry.0, level.entry_at
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
            // Boot code and initialisers are given back once they have run.
            let absent = match view.description.mapped {
                Some(false) => ", but no page is there",
                _ => "",
            };
            match &view.symbol {
                Some(symbol) => format!("{} ({region}){absent}", escape(symbol)),
                None => format!("{region} without a symbol{absent}"),
            }
        }
        AddressKind::Unmapped => "not mapped, and nothing claims it".to_owned(),
        AddressKind::Mapped if view.frame.is_some() => "on the stack".to_owned(),
        AddressKind::Mapped if !view.tables.is_empty() => {
            "what the processor's tables say".to_owned()
        }
        AddressKind::Mapped if view.device.is_some() => "mapped to a device".to_owned(),
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
