//! Where a value came from, as text.

use std::fmt::Write as _;

use ukdbg_session::view::{Origin, WhyView, WrittenView};

use super::report::{indented, section};
use super::{Styles, backtrace, place, source};
use crate::escape::{escape, escape_str};

/// The store first, then the moment it was made in.
pub(crate) fn why(view: &WhyView, next: &[String], styles: Styles) -> String {
    let mut out = head(view);
    match &view.origin {
        Origin::Written(written) => {
            out.push_str(&wrote(view, written));
            let parts = [
                written.source.as_ref().map_or_else(String::new, |lines| {
                    let title = place::location(&lines.location);
                    section(&title, &source::source(lines, styles), styles)
                }),
                section(
                    "backtrace",
                    &backtrace::backtrace(&written.backtrace, styles),
                    styles,
                ),
                section("go on with", &indented(next.iter().cloned()), styles),
            ];
            for part in parts.iter().filter(|part| !part.is_empty()) {
                let _ = write!(out, "\n{part}");
            }
        }
        Origin::NotWritten {
            unchanged,
            module,
            first,
        } => out.push_str(&not_written(*unchanged, module.as_deref(), &escape(first))),
    }
    out
}

fn head(view: &WhyView) -> String {
    let ty = view.type_name.as_ref().map_or_else(
        || format!("{} bytes", view.length),
        |name| format!("{}, {} bytes", escape(name), view.length),
    );
    format!(
        "{} = {}  ({ty} at {})\n",
        escape_str(&view.expression),
        escape(&view.value),
        view.address
    )
}

fn wrote(view: &WhyView, written: &WrittenView) -> String {
    let frame = written.backtrace.frames.get(written.frame);
    let function = frame.and_then(|frame| frame.function.as_ref());
    let function = function.map_or_else(
        || "code without a name".to_owned(),
        |function| escape(&function.demangled),
    );
    let at = frame.and_then(|frame| frame.location.as_ref());
    let at = at.map_or_else(String::new, |at| format!(" at {}", place::location(at)));
    let mut out = format!("written by {function}{at}\n\n");
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(out, "{name:<13}{value}");
    };
    fact("old value", &escape(&written.old));
    fact("new value", &escape(&written.new));
    if let Some(instruction) = &written.instruction {
        let text = escape(&instruction.text);
        fact("instruction", &format!("{}  {text}", instruction.address));
    }
    let back = view.asked_at.0.saturating_sub(written.moment.0);
    fact(
        "moment",
        &format!("{}, {back} instructions back", written.moment.0),
    );
    if written.same_stores > 0 {
        let stores = written.same_stores;
        fact("since then", &format!("{stores} stores of the same value"));
    }
    if written.changed_unseen_since {
        fact(
            "but",
            "the value changed since, and no instruction was seen to do it: a device, or a store by another address",
        );
    }
    out
}

fn not_written(unchanged: bool, module: Option<&str>, first: &str) -> String {
    let image = module.map_or_else(String::new, |module| {
        format!("; it belongs to {}, which was loaded", escape_str(module))
    });
    match unchanged {
        true => format!("no instruction wrote it since the recording began{image}\n"),
        false => format!(
            "no instruction wrote it since the recording began, when it was {first}: a device or the firmware's loader did, or a store by another address{image}\n"
        ),
    }
}
