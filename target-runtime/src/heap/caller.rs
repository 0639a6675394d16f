//! Who called: return addresses by the chain of frame pointers, within the
//! stack the walk began on. Evidence for the ledger, not a backtrace: it ends
//! where a function keeps no frame pointer.
#![expect(unsafe_code, reason = "reads the stack")]

use ukdbg_guest_abi::heap::TRACE_DEPTH;

use crate::stack;

/// Return addresses from the frame at `frame_pointer` outwards, 0 behind the
/// last.
pub(super) fn return_addresses(frame_pointer: u64) -> [u64; TRACE_DEPTH] {
    let Some(index) = stack::containing(frame_pointer) else {
        return [0; TRACE_DEPTH];
    };
    let stack = &stack::entries()[index];
    if frame_pointer < stack.low {
        return [0; TRACE_DEPTH];
    }
    walk(frame_pointer, stack.high, |at| {
        // SAFETY: `walk` asks only for aligned words between the frame pointer
        // and the top of a known stack, all of which is mapped.
        unsafe { *(at as *const u64) }
    })
}

/// Follows the chain upwards only, so that it ends whatever the stack holds.
fn walk(mut frame: u64, high: u64, read: impl Fn(u64) -> u64) -> [u64; TRACE_DEPTH] {
    let mut found = [0; TRACE_DEPTH];
    for slot in &mut found {
        if !frame.is_multiple_of(8) || frame.checked_add(16).is_none_or(|end| end > high) {
            break;
        }
        *slot = read(frame + 8);
        let next = read(frame);
        if next <= frame {
            break;
        }
        frame = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_followed_within_the_stack() {
        #[track_caller]
        fn check(words: &[u64], start: u64, expected: &[u64]) {
            let high = 0x1000 + 8 * words.len() as u64;
            let read = |at: u64| words[((at - 0x1000) / 8) as usize];
            let mut full = [0; TRACE_DEPTH];
            full[..expected.len()].copy_from_slice(expected);
            assert_eq!(walk(start, high, read), full);
        }
        // Two frames, the second the outermost: 0 ends the chain.
        check(&[0x1010, 7, 0, 8], 0x1000, &[7, 8]);
        check(&[0x1018, 7, 0, 0], 0x1000, &[7]);
        // A loop, a chain that leaves the stack, one that is not aligned.
        check(&[0x1000, 7], 0x1000, &[7]);
        check(&[0x9000, 7], 0x1000, &[7]);
        check(&[0x1009, 7, 1, 1], 0x1000, &[7]);
        check(&[!7, 7], 0x1000, &[7]);
    }
}
