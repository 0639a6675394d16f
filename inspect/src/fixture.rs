//! Memory and machines for tests: ranges of bytes, nothing else.

use crate::{Memory, MemoryError, PhysAddr, PhysicalMemory, VirtAddr};

/// Memory that holds a few ranges.
#[derive(Clone, Default, Debug)]
pub(crate) struct Sparse {
    ranges: Vec<(u64, Vec<u8>)>,
}

impl Sparse {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, at: u64, bytes: &[u8]) -> Self {
        self.ranges.push((at, bytes.to_vec()));
        self
    }

    pub(crate) fn with_words(self, at: u64, words: &[u64]) -> Self {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.with(at, &bytes)
    }

    /// Overwrites a word inside a range that is there already.
    pub(crate) fn set_word(&mut self, at: u64, word: u64) {
        let (start, bytes) = self
            .ranges
            .iter_mut()
            .find(|(start, bytes)| at >= *start && at - *start + 8 <= bytes.len() as u64)
            .expect("the range is there");
        let offset = usize::try_from(at - *start).expect("small");
        bytes[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
    }

    fn copy(&self, at: u64, buf: &mut [u8]) -> Option<usize> {
        let (start, bytes) = self
            .ranges
            .iter()
            .find(|(start, bytes)| at >= *start && at - *start < bytes.len() as u64)?;
        let rest = &bytes[usize::try_from(at - start).ok()?..];
        let size = rest.len().min(buf.len());
        buf[..size].copy_from_slice(&rest[..size]);
        Some(size)
    }
}

impl Memory for Sparse {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        self.copy(at.0, buf).ok_or(MemoryError::Unmapped { at })
    }
}

impl PhysicalMemory for Sparse {
    fn read_physical(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        self.copy(at.0, buf).ok_or(MemoryError::NoPhysical { at })
    }
}
