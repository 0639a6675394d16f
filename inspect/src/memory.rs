//! Reading whole things from memory: words, exact lengths, bounded text. Not
//! how memory is reached.

use ukdbg_image::Untrusted;

use crate::{Memory, MemoryError, PhysAddr, PhysicalMemory, VirtAddr};

/// Fills `buf`, or fails at the first address that cannot be read.
pub fn read_exact<M: Memory + ?Sized>(
    memory: &mut M,
    at: VirtAddr,
    buf: &mut [u8],
) -> Result<(), MemoryError> {
    let mut done = 0;
    while done < buf.len() {
        let next = at.checked_add(done as u64);
        let next = next.ok_or(MemoryError::Unmapped { at })?;
        let got = memory.read(next, &mut buf[done..])?;
        if got == 0 {
            return Err(MemoryError::Unmapped { at: next });
        }
        done = done.saturating_add(got);
    }
    Ok(())
}

/// As much of `buf` as can be read in one piece from `at`; 0 when the first
/// byte cannot be.
pub fn read_available<M: Memory + ?Sized>(memory: &mut M, at: VirtAddr, buf: &mut [u8]) -> usize {
    let mut done = 0;
    while done < buf.len() {
        let Some(next) = at.checked_add(done as u64) else {
            break;
        };
        match memory.read(next, &mut buf[done..]) {
            Ok(got) if got > 0 => done = done.saturating_add(got).min(buf.len()),
            _ => break,
        }
    }
    done
}

/// A little-endian 64-bit word.
pub fn read_u64<M: Memory + ?Sized>(memory: &mut M, at: VirtAddr) -> Result<u64, MemoryError> {
    let mut word = [0; 8];
    read_exact(memory, at, &mut word)?;
    Ok(u64::from_le_bytes(word))
}

/// A little-endian 32-bit word.
pub fn read_u32<M: Memory + ?Sized>(memory: &mut M, at: VirtAddr) -> Result<u32, MemoryError> {
    let mut word = [0; 4];
    read_exact(memory, at, &mut word)?;
    Ok(u32::from_le_bytes(word))
}

/// A little-endian 64-bit word of physical memory.
pub fn read_physical_u64<P: PhysicalMemory + ?Sized>(
    memory: &mut P,
    at: PhysAddr,
) -> Result<u64, MemoryError> {
    let mut word = [0; 8];
    match memory.read_physical(at, &mut word)? {
        8 => Ok(u64::from_le_bytes(word)),
        got => Err(MemoryError::NoPhysical {
            at: PhysAddr(at.0.saturating_add(got as u64)),
        }),
    }
}

/// Text that ends with a zero byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CString {
    /// The text before the zero, or as far as it could be read.
    pub text: Untrusted,
    /// The zero was found.
    pub terminated: bool,
}

/// Reads text up to a zero byte, an edge of what is mapped, or `most` bytes.
pub fn read_c_string<M: Memory + ?Sized>(memory: &mut M, at: VirtAddr, most: usize) -> CString {
    const PIECE: usize = 64;
    let mut bytes = Vec::new();
    let mut terminated = false;
    while bytes.len() < most && !terminated {
        let mut piece = [0; PIECE];
        let want = PIECE.min(most - bytes.len());
        let Some(next) = at.checked_add(bytes.len() as u64) else {
            break;
        };
        let got = read_available(memory, next, &mut piece[..want]);
        let zero = piece[..got].iter().position(|&byte| byte == 0);
        bytes.extend_from_slice(&piece[..zero.unwrap_or(got)]);
        terminated = zero.is_some();
        if got < want {
            break;
        }
    }
    CString {
        text: Untrusted::from_bytes(&bytes),
        terminated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Sparse;

    #[test]
    fn a_read_across_an_edge_fails_at_the_edge() {
        let mut memory = Sparse::new().with(0x1000, &[7; 16]);
        let mut buf = [0; 20];
        assert_eq!(
            read_exact(&mut memory, VirtAddr(0x1000), &mut buf),
            Err(MemoryError::Unmapped {
                at: VirtAddr(0x1010)
            })
        );
        assert_eq!(read_available(&mut memory, VirtAddr(0x1008), &mut buf), 8);
    }

    #[test]
    fn the_last_address_does_not_wrap() {
        let mut memory = Sparse::new().with(u64::MAX - 3, &[1; 4]);
        assert!(read_u64(&mut memory, VirtAddr(u64::MAX - 3)).is_err());
    }

    #[test]
    fn text_ends_at_a_zero_an_edge_or_the_limit() {
        let check = |bytes: &[u8], most: usize, text: &str, terminated: bool| {
            let mut memory = Sparse::new().with(0x2000, bytes);
            let got = read_c_string(&mut memory, VirtAddr(0x2000), most);
            assert_eq!((got.text.raw(), got.terminated), (text, terminated));
        };
        check(b"abc\0def", 100, "abc", true);
        check(b"abc", 100, "abc", false);
        check(b"abcdef\0", 3, "abc", false);
        check(
            &[[b'x'; 100].as_slice(), b"\0"].concat(),
            200,
            &"x".repeat(100),
            true,
        );
        check(b"", 10, "", false);
    }
}
