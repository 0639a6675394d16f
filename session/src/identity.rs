//! Whether the machine runs the image it is said to run.

use ukdbg_image::{Image, LinkAddr};
use ukdbg_inspect::{Memory, Module, Slide, Target, VirtAddr, read_available};

use crate::session::Session;

/// What a comparison of machine and image showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The bytes are the image's.
    Same,
    /// They are not.
    Different {
        /// The image's name.
        name: String,
        /// Where they differ.
        at: VirtAddr,
        /// Code at the program counter looks like the image's moved this far,
        /// but not enough of it to believe that.
        resembles: Option<Slide>,
    },
    /// Nothing could be compared.
    Unknown,
}

/// Bytes of code compared.
const SAMPLE: usize = 512;
/// Bytes of a sample that may differ: breakpoints of other debuggers, and
/// instructions that a kernel patches.
const TOLERATED: usize = SAMPLE / 8;

impl<T: Target> Session<'_, T> {
    /// Compares the machine's memory with the first module: its build-id
    /// where that is loaded, else code from the program counter on, else code
    /// at the entry. The entry is last: it is the same in most builds of one
    /// program. Modules that are not where they are thought to be are looked
    /// for ([`Session::locate_modules`]) before they are called different.
    pub fn identify(&mut self) -> Identity {
        let resembling = self.locate_modules();
        let pc = self.current_pc();
        let Some(module) = self.modules.iter().next() else {
            return Identity::Unknown;
        };
        match compare(&mut self.target, module, pc) {
            Identity::Different { name, at, .. } => Identity::Different {
                name,
                at,
                resembles: resembling,
            },
            other => other,
        }
    }
}

/// Compares the machine's memory with a module where that is thought to be.
pub(crate) fn compare(
    memory: &mut dyn Memory,
    module: &Module<'_>,
    pc: Option<VirtAddr>,
) -> Identity {
    if let Some(answer) = by_build_id(memory, module) {
        return answer;
    }
    let here = pc.and_then(|pc| module.link_address(pc));
    [here, Some(module.image.entry())]
        .into_iter()
        .flatten()
        .find_map(|link| by_code(memory, module, link))
        .unwrap_or(Identity::Unknown)
}

/// Whether a module is where it is thought to be: a part that did not move
/// may say so while the part that runs, or most of it, did.
pub(crate) fn fits(memory: &mut dyn Memory, module: &Module<'_>, pc: Option<VirtAddr>) -> bool {
    let here = pc.and_then(|pc| module.link_address(pc));
    let code = here.and_then(|link| by_code(memory, module, link));
    if matches!(code, Some(Identity::Different { .. }))
        || compare(memory, module, pc) != Identity::Same
    {
        return false;
    }
    let executable = module.image.segments().iter().filter(|it| it.executable);
    let Some(most) = executable.max_by_key(|segment| segment.bytes.len()) else {
        return true;
    };
    if code.is_some() && here.is_some_and(|link| most.addresses.contains(&link)) {
        return true;
    }
    let middle = most
        .addresses
        .start
        .checked_add(most.bytes.len() as u64 / 2);
    middle.is_some_and(|link| by_code(memory, module, link) == Some(Identity::Same))
}

/// Memory that nothing was loaded into yet, or nothing at all.
fn is_empty(found: &[u8]) -> bool {
    found.iter().all(|&byte| byte == 0)
}

/// A loaded build-id is one small read that settles it.
fn by_build_id(memory: &mut dyn Memory, module: &Module<'_>) -> Option<Identity> {
    let expected = module.image.build_id()?;
    let at = module.run_address(address_of(&module.image, expected)?)?;
    let mut found = vec![0; expected.len()];
    if read_available(memory, at, &mut found) < expected.len() || is_empty(&found) {
        return None;
    }
    Some(if found == expected {
        Identity::Same
    } else {
        Identity::Different {
            name: module.name.clone(),
            at,
            resembles: None,
        }
    })
}

/// The link-time address of bytes that are part of a segment's.
fn address_of(image: &Image<'_>, bytes: &[u8]) -> Option<LinkAddr> {
    image.segments().iter().find_map(|segment| {
        let offset = bytes
            .as_ptr()
            .addr()
            .checked_sub(segment.bytes.as_ptr().addr())?;
        let inside = offset.checked_add(bytes.len())? <= segment.bytes.len();
        inside.then(|| segment.addresses.start.checked_add(offset as u64))?
    })
}

fn by_code(memory: &mut dyn Memory, module: &Module<'_>, link: LinkAddr) -> Option<Identity> {
    let at = module.run_address(link)?;
    let expected = module.image.bytes_at(link)?;
    let expected = expected.get(..SAMPLE.min(expected.len()))?;
    let mut found = vec![0; expected.len()];
    let readable = read_available(memory, at, &mut found);
    found.truncate(readable);
    if readable < expected.len() / 2 || is_empty(&found) {
        return None;
    }
    let differing = found
        .iter()
        .zip(expected)
        .filter(|(found, expected)| found != expected)
        .count();
    Some(if differing <= TOLERATED.min(readable / 4) {
        Identity::Same
    } else {
        Identity::Different {
            name: module.name.clone(),
            at,
            resembles: None,
        }
    })
}
