//! Places in the source for many addresses of an image at once. Needs no
//! machine.

use std::num::NonZeroUsize;
use std::thread;

use serde::Serialize;
use ukdbg_image::{CodeAddr, SourceFrame};
use ukdbg_inspect::{Modules, VirtAddr};

/// Addresses that one thread answers at least: fewer are not worth starting
/// another.
const WORTH_A_THREAD: usize = 512;

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
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let each = addresses.len().div_ceil(threads).max(WORTH_A_THREAD);
        let answer = |addresses: &[VirtAddr]| -> Vec<AddressLines> {
            let answers = addresses.iter().map(|&address| AddressLines {
                address,
                frames: modules.symbolize(CodeAddr::Exact(address)),
            });
            answers.collect()
        };
        if addresses.len() <= each {
            return Self {
                addresses: answer(addresses),
            };
        }
        let addresses = thread::scope(|scope| {
            let workers: Vec<_> = addresses
                .chunks(each)
                .map(|chunk| scope.spawn(move || answer(chunk)))
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| match worker.join() {
                    Ok(answers) => answers,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
                .collect()
        });
        Self { addresses }
    }
}
