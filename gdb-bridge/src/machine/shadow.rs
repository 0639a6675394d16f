//! What the guest has where breakpoints stand: some stubs show the instruction
//! that they put there when memory is read. Knows no link.

use ukdbg_inspect::{PhysAddr, VirtAddr};

/// The one-byte breakpoint instruction (SDM 2, INT3).
const INT3: u8 = 0xcc;

/// The bytes under software breakpoints.
#[derive(Debug, Default)]
pub(super) struct Shadows(Vec<Shadow>);

#[derive(Debug)]
struct Shadow {
    at: VirtAddr,
    /// Where that was when the breakpoint was set, if the page tables said so.
    physical: Option<PhysAddr>,
    original: u8,
}

impl Shadows {
    /// A breakpoint goes where this byte is.
    pub(super) fn cast(&mut self, at: VirtAddr, physical: Option<PhysAddr>, original: u8) {
        self.lift(at);
        self.0.push(Shadow {
            at,
            physical,
            original,
        });
    }

    /// There is no breakpoint any more.
    pub(super) fn lift(&mut self, at: VirtAddr) {
        self.0.retain(|shadow| shadow.at != at);
    }

    /// Puts the guest's bytes in place of breakpoints in what was read. A byte
    /// that is no breakpoint is the guest's already, or has changed since.
    pub(super) fn hide(&self, at: VirtAddr, bytes: &mut [u8]) {
        for shadow in &self.0 {
            uncover(shadow.at.offset_from(at), shadow.original, bytes);
        }
    }

    /// The same for what was read by physical address.
    pub(super) fn hide_physical(&self, at: PhysAddr, bytes: &mut [u8]) {
        for shadow in &self.0 {
            let distance = shadow.physical.and_then(|it| it.0.checked_sub(at.0));
            uncover(distance, shadow.original, bytes);
        }
    }
}

fn uncover(distance: Option<u64>, original: u8, bytes: &mut [u8]) {
    if let Some(Ok(offset)) = distance.map(usize::try_from)
        && let Some(byte) = bytes.get_mut(offset)
        && *byte == INT3
    {
        *byte = original;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shadows: &[(u64, u8)], read: &[u8], expected: &[u8]) {
        let mut known = Shadows::default();
        for &(at, byte) in shadows {
            known.cast(VirtAddr(at), Some(PhysAddr(at + 0x1000)), byte);
        }
        let mut bytes = read.to_vec();
        known.hide(VirtAddr(0x1000), &mut bytes);
        assert_eq!(bytes, expected);
        let mut bytes = read.to_vec();
        known.hide_physical(PhysAddr(0x2000), &mut bytes);
        assert_eq!(bytes, expected);
        for &(at, _) in shadows {
            known.lift(VirtAddr(at));
        }
        let mut bytes = read.to_vec();
        known.hide(VirtAddr(0x1000), &mut bytes);
        assert_eq!(bytes, read);
    }

    #[test]
    fn breakpoints_are_not_seen() {
        check(&[(0x1001, 7)], &[1, INT3, 3], &[1, 7, 3]);
        check(&[(0x1000, 7), (0x1002, 9)], &[INT3; 3], &[7, INT3, 9]);
        check(&[(0xfff, 7), (0x1003, 9)], &[INT3; 3], &[INT3; 3]);
    }

    #[test]
    fn code_that_changed_since_is_shown() {
        check(&[(0x1001, 7)], &[1, 2, 3], &[1, 2, 3]);
        check(&[(0x1001, 7), (0x1001, 8)], &[1, INT3], &[1, 8]);
    }
}
