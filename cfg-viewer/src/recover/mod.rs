//! Recovery of a function's graph from its machine code.
//!
//! Code is followed from the entry; jump tables are read once all the code
//! that leads to them is known; what remains of the function's ranges is
//! decoded last and said to be unreached.

mod build;
mod extent;
mod scan;

use ukdbg_image::{Function, Image};

use crate::code::Code;
use crate::{Cfg, Evidence};

use extent::Extent;
use scan::Scan;

impl Cfg {
    /// The graph of a function of that image.
    pub fn recover(image: &Image<'_>, function: &Function) -> Self {
        recover(image, function)
    }
}

pub(crate) fn recover(code: &dyn Code, function: &Function) -> Cfg {
    let (extent, gaps) = Extent::new(code, function);
    let mut scan = Scan::new(code, extent);
    if let Some(entry) = scan.extent.offset(function.entry) {
        scan.follow(entry, Evidence::Decode);
    }
    while let Some(rest) = scan.next_unreached() {
        scan.follow(rest, Evidence::Unreached);
    }
    let (blocks, edges) = build::build(&scan);
    Cfg {
        function: function.clone(),
        blocks,
        edges,
        gaps,
    }
}
