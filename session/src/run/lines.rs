//! Where a source line is in the code: of all the places that the line table
//! gives, those that are not passed on the way to another of them.

use std::collections::BTreeMap;

use ukdbg_cfg_viewer::{BlockId, Cfg, Structure};
use ukdbg_image::iced_x86::FlowControl;
use ukdbg_image::{CodeAddr, Image, LinkAddr, decode};

use super::place::{body, of_link, sorted};
use super::table::Location;
use crate::session::Session;

/// The longest prologue that is looked at.
const LONGEST_PROLOGUE: u64 = 512;

/// The locations of a line, or of the next one that has code. Empty when no
/// image knows the file, or it has no code from there on.
pub(super) fn of_line<T>(session: &Session<'_, T>, file: &str, line: u32) -> Vec<Location> {
    let mut found = Vec::new();
    for (index, module) in session.modules.iter().enumerate() {
        let image = &module.image;
        let Some(line) = image.line_with_code(file, line) else {
            continue;
        };
        let links = first_places(image, image.addresses_of_line(file, line));
        found.extend(
            links
                .into_iter()
                .filter_map(|link| of_link(index, link, module.run_address(link)?)),
        );
    }
    sorted(found)
}

/// Of the places of one line, for each function and each copy inlined into it:
/// those that no other of them leads to on every way. A loop's line has code
/// before the loop and in it; a line that was duplicated has no first place.
fn first_places(image: &Image<'_>, addresses: Vec<LinkAddr>) -> Vec<LinkAddr> {
    let mut kept = Vec::new();
    let mut by_function: BTreeMap<LinkAddr, Vec<LinkAddr>> = BTreeMap::new();
    for address in addresses {
        match image.function_at(address) {
            Some(function) => by_function.entry(function.entry).or_default().push(address),
            None => kept.push(address),
        }
    }
    for addresses in by_function.into_values() {
        kept.extend(first_in_function(image, &addresses));
    }
    kept
}

fn first_in_function(image: &Image<'_>, addresses: &[LinkAddr]) -> Vec<LinkAddr> {
    let Some(function) = addresses.first().and_then(|&at| image.function_at(at)) else {
        return addresses.to_vec();
    };
    let moved = |&at: &LinkAddr| {
        // A function's first line means its body.
        if at == function.entry {
            body(image, &function)
        } else {
            at
        }
    };
    let addresses: Vec<LinkAddr> = addresses.iter().map(moved).collect();
    if addresses.len() < 2 {
        return addresses;
    }
    let cfg = Cfg::recover(image, &function);
    let structure = Structure::of(&cfg);
    let copy = |at: LinkAddr| -> Vec<_> {
        let frames = image.source_frames(CodeAddr::Exact(at));
        let calls = frames.into_iter().skip(1);
        calls.map(|frame| frame.location).collect()
    };
    let leads = |first: LinkAddr, second: LinkAddr| {
        let (Some(one), Some(two)) = (block_of(&cfg, first), block_of(&cfg, second)) else {
            return false;
        };
        match &structure {
            _ if one == two => first < second,
            Some(structure) => structure.dominates(one, two),
            None => false,
        }
    };
    let mut kept: Vec<LinkAddr> = Vec::new();
    for &address in &addresses {
        let led_to = addresses.iter().any(|&other| {
            other != address && leads(other, address) && copy(other) == copy(address)
        });
        if !led_to && !kept.contains(&address) {
            kept.push(address);
        }
    }
    kept
}

fn block_of(cfg: &Cfg, at: LinkAddr) -> Option<BlockId> {
    cfg.block_at(at)
}

/// Whether the code from one address up to another runs in one straight line.
pub(super) fn runs_straight(image: &Image<'_>, from: LinkAddr, to: LinkAddr) -> bool {
    let Some(length) = to
        .offset_from(from)
        .filter(|&length| length <= LONGEST_PROLOGUE)
    else {
        return false;
    };
    let code = image.bytes_at(from).unwrap_or_default();
    let length = usize::try_from(length).unwrap_or(0);
    let Some(code) = code.get(..length) else {
        return false;
    };
    decode(code, from).all(|instruction| instruction.flow_control() == FlowControl::Next)
}
