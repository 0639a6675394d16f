//! Memory and registers as they were read since the last stop. Valid until
//! the guest goes on or memory is written; knows no link.

use std::collections::HashMap;

use ukdbg_inspect::{Registers, VcpuId, VectorRegisters};

/// Which addresses a line is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Space {
    /// Through the page tables of a CPU.
    Virtual(Option<VcpuId>),
    Physical,
}

/// Lines kept before all are dropped: 64 MiB of pages.
const MOST_LINES: usize = 16384;

/// Lines fetched at most ahead of what was asked for: 64 KiB of pages.
const AHEAD: u64 = 16;

/// What was read since the last stop.
#[derive(Debug)]
pub(super) struct Cache {
    line: usize,
    /// The line after the last one fetched, and how many were fetched with it.
    last: Option<(Space, u64, u64)>,
    lines: HashMap<(Space, u64), Box<[u8]>>,
    registers: HashMap<VcpuId, Registers>,
    vectors: HashMap<VcpuId, VectorRegisters>,
}

impl Cache {
    /// A cache of lines of this many bytes, a power of two up to a page.
    pub(super) fn new(line: usize) -> Self {
        Self {
            line,
            last: None,
            lines: HashMap::new(),
            registers: HashMap::new(),
            vectors: HashMap::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.registers.clear();
        self.vectors.clear();
    }

    pub(super) fn forget_memory(&mut self) {
        self.lines.clear();
    }

    pub(super) fn registers(&mut self) -> &mut HashMap<VcpuId, Registers> {
        &mut self.registers
    }

    pub(super) fn vectors(&mut self) -> &mut HashMap<VcpuId, VectorRegisters> {
        &mut self.vectors
    }

    /// Reads through the cache. `fetch` reads from an address into a buffer
    /// and says how many bytes it could, 0 if none.
    pub(super) fn read<E>(
        &mut self,
        space: Space,
        at: u64,
        buffer: &mut [u8],
        mut fetch: impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let mut done = 0;
        while done < buffer.len() {
            let Some(here) = at.checked_add(done as u64) else {
                break;
            };
            let rest = &mut buffer[done..];
            let count = match self.cached(space, here, rest) {
                Some(count) => count,
                None => match self.fetch(space, here, rest.len(), &mut fetch)? {
                    0 => fetch(here, rest)?,
                    _ => self.cached(space, here, rest).unwrap_or(0),
                },
            };
            if count == 0 {
                break;
            }
            done += count;
        }
        Ok(done)
    }

    fn cached(&self, space: Space, at: u64, into: &mut [u8]) -> Option<usize> {
        let line = self.line as u64;
        let content = self.lines.get(&(space, at - at % line))?;
        let rest = content.get((at % line) as usize..)?;
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        (count > 0).then_some(count)
    }

    /// Fetches the lines of a range in one go, up to the first one cached,
    /// and says how many bytes came. Who goes on where the last fetch ended
    /// reads a stack or an array, and gets more at once each time.
    fn fetch<E>(
        &mut self,
        space: Space,
        at: u64,
        length: usize,
        fetch: &mut impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let line = self.line as u64;
        let first = at - at % line;
        let ahead = match self.last {
            Some((last, next, count)) if last == space && next == first => (count * 4).min(AHEAD),
            _ => 1,
        };
        let wanted = (at - first)
            .saturating_add(length as u64)
            .div_ceil(line)
            .max(ahead)
            .min(256);
        let mut count = 1;
        while count < wanted
            && first
                .checked_add(count * line)
                .is_some_and(|next| !self.lines.contains_key(&(space, next)))
        {
            count += 1;
        }
        self.last = Some((space, first.wrapping_add(count * line), count));
        let mut bytes = vec![0; (count * line) as usize];
        let came = fetch(first, &mut bytes)?;
        if self.lines.len() >= MOST_LINES {
            self.lines.clear();
        }
        for (index, content) in (0..).zip(bytes[..came].chunks(self.line)) {
            self.lines
                .insert((space, first + index * line), content.into());
        }
        // What came may end before the byte that was asked for.
        Ok(came.saturating_sub((at - first) as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory of `0x1000..end`, each byte the low byte of its address.
    fn read(cache: &mut Cache, end: u64, at: u64, length: usize) -> (usize, Vec<u8>, usize) {
        let mut fetches = 0;
        let mut buffer = vec![0; length];
        let fetch = |at: u64, into: &mut [u8]| -> Result<usize, ()> {
            fetches += 1;
            let mut count = 0;
            for (address, byte) in (at..end.max(at)).zip(into) {
                if address < 0x1000 {
                    break;
                }
                *byte = address as u8;
                count += 1;
            }
            Ok(count)
        };
        let count = cache.read(Space::Physical, at, &mut buffer, fetch).unwrap();
        buffer.truncate(count);
        (count, buffer, fetches)
    }

    #[test]
    fn edges_are_exact() {
        for line in [256, 4096] {
            for (end, at, length, expected) in [
                (0x3000, 0x1000, 0x2000, 0x2000),
                (0x3000, 0x1ffe, 4, 4),
                (0x3000, 0x2ffe, 4, 2),
                (0x3000, 0x3000, 4, 0),
                (0x1003, 0x1001, 9, 2),
                (0x1003, 0x1003, 9, 0),
                (0x3000, 0, 4, 0),
                (0x3000, u64::MAX, 4, 0),
            ] {
                let mut cache = Cache::new(line);
                let (count, bytes, _) = read(&mut cache, end, at, length);
                assert_eq!(count, expected, "{length} bytes at {at:#x} of {end:#x}");
                let all = (0..)
                    .zip(&bytes)
                    .all(|(index, byte)| (at + index) as u8 == *byte);
                assert!(all, "{length} bytes at {at:#x} of {end:#x}");
            }
        }
    }

    #[test]
    fn nothing_is_read_twice() {
        let mut cache = Cache::new(4096);
        assert_eq!(read(&mut cache, 0x9000, 0x1000, 0x4000).2, 1);
        assert_eq!(read(&mut cache, 0x9000, 0x1010, 0x3000).2, 0);
        assert_eq!(read(&mut cache, 0x9000, 0x1010, 0x4000).2, 1);
        cache.clear();
        assert_eq!(read(&mut cache, 0x9000, 0x1010, 8).2, 1);
    }

    /// A stack of 64 pages word by word, and words all over memory.
    #[test]
    fn who_goes_on_gets_more_at_once() {
        let mut cache = Cache::new(4096);
        let fetches = |cache: &mut Cache, step: u64| -> usize {
            let words = (0..64 * 512).map(|index| 0x1000 + index * step % 0x40000);
            words.map(|at| read(cache, 0x41000, at, 8).2).sum()
        };
        assert_eq!(fetches(&mut cache, 8), 3 + 3);
        cache.clear();
        assert_eq!(fetches(&mut cache, 0x3ff8), 64, "nothing is guessed");
    }
}
