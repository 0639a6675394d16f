//! Recovery of a function's graph: from the compiler's map of its blocks, or
//! from its machine code.
//!
//! Code is followed from the entry; jump tables are read once all the code
//! that leads to them is known; what remains of the function's ranges is
//! decoded last and said to be unreached.

mod build;
mod extent;
mod mapped;
mod scan;
mod table;

use std::collections::BTreeSet;

use ukdbg_image::{Function, Image};

use crate::code::Code;
use crate::{Cfg, CompilerMap, Evidence, Program};

use extent::Extent;
use scan::{Refuted, Scan};

impl Cfg {
    /// The graph of a function of that image.
    pub fn recover(image: &Image<'_>, function: &Function) -> Self {
        Self::recover_with(image, function, CompilerMap::Used)
    }

    /// The same with or without what the compiler left of its own blocks.
    pub fn recover_with(image: &Image<'_>, function: &Function, map: CompilerMap) -> Self {
        Program::for_one(image, map).graph(function)
    }
}

/// How many jump tables may turn out not to be bounded after all, each making
/// recovery begin again, before none of the function's is believed.
const MAX_REFUTED: usize = 16;

/// The graph of a function: as the compiler describes it, else as its code
/// shows it.
pub(crate) fn recover(code: &dyn Code, function: &Function) -> Cfg {
    match code.mapped(function.entry) {
        Some(map) => mapped::recover(code, function, map).unwrap_or_else(|| decode(code, function)),
        None => decode(code, function),
    }
}

fn decode(code: &dyn Code, function: &Function) -> Cfg {
    let (extent, gaps) = Extent::new(code, function);
    let mut scan = Scan::new(code, extent, function.entry, Refuted::Some(BTreeSet::new()));
    follow_all(&mut scan);
    let mut left = MAX_REFUTED;
    while let Some(jump) = table::first_refuted(&scan) {
        let (extent, refuted) = match left {
            0 => scan.refute_all(),
            _ => scan.refute(jump),
        };
        left = left.saturating_sub(1);
        scan = Scan::new(code, extent, function.entry, refuted);
        follow_all(&mut scan);
    }
    let (blocks, edges) = build::build(&scan);
    Cfg {
        function: function.clone(),
        blocks,
        edges,
        gaps,
    }
}

/// Follows everything that is reached, then everything that is not.
fn follow_all(scan: &mut Scan<'_>) {
    if let Some(entry) = scan.extent.offset(scan.entry) {
        scan.follow(entry, Evidence::Decode);
    }
    table::resolve(scan);
    while let Some(rest) = scan.next_unreached() {
        scan.follow(rest, Evidence::Unreached);
    }
    table::resolve(scan);
}
