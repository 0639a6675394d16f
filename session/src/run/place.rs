//! From a place as it is typed to addresses: a function, a line, an address.

use std::num::NonZeroU32;

use ukdbg_image::{CodeAddr, Function, Image, LinkAddr, SourceFrame};
use ukdbg_inspect::{Target, VirtAddr};

use super::lines;
use super::table::Location;
use crate::SessionError;
use crate::code::file_and_lines;
use crate::session::Session;

/// Functions that one pattern means at most.
const MOST_MATCHES: usize = 10_000;
/// How many near names are offered.
const NEAR_NAMES: usize = 5;

/// The locations of a place as it is typed; one at least.
pub(super) fn resolve<T: Target>(
    session: &mut Session<'_, T>,
    text: &str,
    frame: Option<usize>,
) -> Result<Vec<Location>, SessionError> {
    let text = text.trim();
    if text.is_empty() {
        let at = session.pc_of(frame)?;
        return Ok(vec![of_address(session, at)]);
    }
    if let Some(expression) = text.strip_prefix('*') {
        // In a machine that does not say where it stands, names still have
        // addresses.
        let at = session.address_of(expression, frame)?;
        return Ok(vec![of_address(session, at)]);
    }
    let line = file_and_lines(text).filter(|lines| lines.last.is_none());
    let found = match (line, text.parse::<NonZeroU32>()) {
        (Some(place), _) => lines::of_line(session, place.file, place.first.get()),
        (None, Ok(line)) => {
            let location = session.source_of(frame.unwrap_or(0))?;
            lines::of_line(session, location.file.path.raw(), line.get())
        }
        (None, Err(_)) => functions(session, text),
    };
    if found.is_empty() {
        return Err(no_place(session, text));
    }
    Ok(found)
}

/// The functions whose demangled name a regular expression matches.
pub(super) fn matching<T: Target>(
    session: &Session<'_, T>,
    pattern: &str,
) -> Result<Vec<Location>, SessionError> {
    let expression = regex::Regex::new(pattern).map_err(|error| SessionError::BadPattern {
        pattern: pattern.to_owned(),
        why: error.to_string(),
    })?;
    let mut found = Vec::new();
    for (index, module) in session.modules.iter().enumerate() {
        let functions = module.image.functions().into_iter();
        let functions = functions
            .filter(|function| expression.is_match(function.name.demangled.raw()))
            .filter_map(|function| {
                let link = body(&module.image, &function);
                of_link(index, link, module.run_address(link)?)
            });
        found.extend(functions.take(MOST_MATCHES));
    }
    if found.is_empty() {
        return Err(SessionError::NoMatch {
            pattern: pattern.to_owned(),
        });
    }
    Ok(sorted(found))
}

/// The functions of a name, and the places they were inlined to.
pub(super) fn functions<T>(session: &Session<'_, T>, name: &str) -> Vec<Location> {
    let mut found = Vec::new();
    for (index, module) in session.modules.iter().enumerate() {
        let image = &module.image;
        let functions = image.functions_named(name);
        let bodies = functions.iter().map(|function| body(image, function));
        found.extend(bodies.filter_map(|link| of_link(index, link, module.run_address(link)?)));
        let copies = image.inlined_copies(name).into_iter();
        found.extend(copies.filter_map(|link| {
            let location = of_link(index, link, module.run_address(link)?)?;
            let within = calls_within(image, link, name);
            Some(Location { within, ..location })
        }));
    }
    sorted(found)
}

/// How many of the inlined calls that begin at an address are within the copy
/// of a function of that name.
fn calls_within(image: &Image<'_>, at: LinkAddr, name: &str) -> usize {
    let chain = image.source_frames(CodeAddr::Exact(at));
    let named = |frame: &SourceFrame| {
        frame.function.as_ref().is_some_and(|function| {
            let full = function.demangled.raw();
            full == name || full.ends_with(&format!("::{name}"))
        })
    };
    let entered = chain.iter().take(image.inlined_calls_entered(at));
    entered.take_while(|frame| !named(frame)).count() % chain.len().max(1)
}

/// Where a function's body begins: behind its prologue, where that is one
/// straight line of code. What is behind a branch is not always come by.
pub(super) fn body(image: &Image<'_>, function: &Function) -> LinkAddr {
    let body = image.after_prologue(function);
    if lines::runs_straight(image, function.entry, body) {
        body
    } else {
        function.entry
    }
}

pub(super) fn of_link(module: usize, link: LinkAddr, address: VirtAddr) -> Option<Location> {
    Some(Location {
        origin: Some((module, link)),
        address,
        within: 0,
        enabled: true,
        in_place: false,
    })
}

/// The location of a run-time address; it follows the image that holds it.
pub(super) fn of_address<T>(session: &Session<'_, T>, at: VirtAddr) -> Location {
    let found = session.modules.find(at);
    let origin = found.and_then(|(module, link)| {
        let mut modules = session.modules.iter();
        let index = modules.position(|other| std::ptr::eq(other, module))?;
        Some((index, link))
    });
    Location {
        origin,
        address: at,
        within: 0,
        enabled: true,
        in_place: false,
    }
}

/// Ascending, each address once.
pub(super) fn sorted(mut locations: Vec<Location>) -> Vec<Location> {
    locations.sort_by_key(|location| location.address);
    locations.dedup_by_key(|location| location.address);
    locations
}

fn no_place<T>(session: &Session<'_, T>, text: &str) -> SessionError {
    let modules = session.modules.iter();
    let near = modules.flat_map(|module| module.image.near_names(text, NEAR_NAMES));
    SessionError::NoPlace {
        text: text.to_owned(),
        near: near.take(NEAR_NAMES).collect(),
    }
}
