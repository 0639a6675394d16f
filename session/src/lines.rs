//! Places in the source for many addresses of an image at once. Needs no
//! machine.

use serde::Serialize;
use ukdbg_image::{CodeAddr, SourceFrame};
use ukdbg_inspect::{Modules, VirtAddr};

/// Addresses with their places.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LinesView {
    /// One for each address, in the order asked.
    pub addresses: Vec<AddressLines>,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddressLines {
    /// The address.
    pub address: VirtAddr,
    /// The inline chain, innermost first; empty when nothing is known.
    pub frames: Vec<SourceFrame>,
}

impl LinesView {
    /// Name and version of the JSON document it makes.
    pub const SCHEMA: &'static str = "ukdbg.addr2line/1";

    /// The places of addresses of instructions, in images that lie where they
    /// were linked.
    pub fn of(modules: &Modules<'_>, addresses: &[VirtAddr]) -> Self {
        let asked: Vec<_> = addresses.iter().map(|&at| CodeAddr::Exact(at)).collect();
        let frames = modules.symbolize_all(&asked).into_iter();
        let addresses = addresses.iter().zip(frames);
        let addresses = addresses
            .map(|(&address, frames)| AddressLines { address, frames })
            .collect();
        Self { addresses }
    }
}
