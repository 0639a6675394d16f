//! A guest's memory as the shared file behind it, readable and writable while
//! the guest runs. Words only, each atomic: nothing here ever makes a slice
//! of bytes out of memory that somebody else writes.
#![expect(unsafe_code, reason = "mapping a file and loading words from it")]

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use ukdbg_inspect::{LiveMemory, MemoryError, PhysAddr, PhysicalMemory};

/// Where a PC's memory file stops being what the guest sees at the same
/// physical address: machines move the rest above 4 GiB, and at 2 GiB at the
/// earliest (QEMU's `hw/i386/pc_q35.c`).
const LINEAR_END: u64 = 0x8000_0000;

/// Video memory and BIOS: reads there do not reach the memory file.
const LEGACY_HOLE: std::ops::Range<u64> = 0xa_0000..0x10_0000;

/// A mapped memory file.
#[derive(Debug)]
pub struct MappedRam {
    map: MmapRaw,
}

impl MappedRam {
    /// Maps a memory file, shared with the emulator.
    ///
    /// The file must keep its size while it is mapped, which an emulator's
    /// memory does; a file that is cut shorter ends the process that reads it
    /// (SIGBUS), as with any mapped file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if file.metadata()?.len() < 8 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file is empty",
            ));
        }
        let map = MmapOptions::new().map_raw(&file)?;
        Ok(Self { map })
    }

    /// The word at an aligned address that lies in memory.
    fn word(&self, at: PhysAddr) -> Result<&AtomicU64, MemoryError> {
        let end = LINEAR_END.min(u64::try_from(self.map.len()).unwrap_or(u64::MAX));
        let inside = at.0.is_multiple_of(8)
            && !LEGACY_HOLE.contains(&at.0)
            && at.0.checked_add(8).is_some_and(|last| last <= end);
        let offset = usize::try_from(at.0).ok().filter(|_| inside);
        let offset = offset.ok_or(MemoryError::NoPhysical { at })?;
        let start = NonNull::new(self.map.as_mut_ptr()).expect("a mapping is not at null");
        // SAFETY: `offset` is a multiple of 8 and 8 bytes from there lie in the
        // mapping, which lives as long as `self` and begins at a page. No
        // other reference to the mapping is ever made, so that all accesses
        // of this process are atomic; other processes are outside the model
        // and use whole, aligned words too.
        Ok(unsafe { AtomicU64::from_ptr(start.as_ptr().add(offset).cast()) })
    }
}

impl LiveMemory for MappedRam {
    fn load(&self, at: PhysAddr) -> Result<u64, MemoryError> {
        Ok(self.word(at)?.load(Ordering::Acquire))
    }

    fn copy(&self, at: PhysAddr, words: &mut [u64]) -> Result<(), MemoryError> {
        for (index, word) in (0_u64..).zip(words) {
            let next = index
                .checked_mul(8)
                .and_then(|offset| at.0.checked_add(offset));
            let next = next.ok_or(MemoryError::NoPhysical { at })?;
            *word = self.load(PhysAddr(next))?;
        }
        Ok(())
    }

    fn store(&self, at: PhysAddr, value: u64) -> Result<(), MemoryError> {
        self.word(at)?.store(value, Ordering::Release);
        Ok(())
    }
}

/// Bytes out of words, for those who do not care about tearing because the
/// guest stands still.
impl PhysicalMemory for &MappedRam {
    fn read_physical(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let mut done = 0;
        while done < buf.len() {
            let here = u64::try_from(done)
                .ok()
                .and_then(|done| at.0.checked_add(done));
            let here = here.ok_or(MemoryError::NoPhysical { at })?;
            let word = match self.load(PhysAddr(here & !7)) {
                Ok(word) => word.to_le_bytes(),
                Err(_) if done > 0 => break,
                Err(_) => return Err(MemoryError::NoPhysical { at }),
            };
            let skip = usize::try_from(here & 7).expect("less than 8");
            let count = (8 - skip).min(buf.len() - done);
            buf[done..done + count].copy_from_slice(&word[skip..skip + count]);
            done += count;
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn mapped(length: usize) -> MappedRam {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
        file.write_all(&bytes).unwrap();
        MappedRam::open(file.path()).unwrap()
    }

    #[test]
    fn words_and_bytes() {
        let ram = mapped(4096);
        assert_eq!(ram.load(PhysAddr(8)), Ok(0x0f0e_0d0c_0b0a_0908));
        for outside in [1, 4096, 4089, u64::MAX, u64::MAX - 7] {
            assert_eq!(
                ram.load(PhysAddr(outside)),
                Err(MemoryError::NoPhysical {
                    at: PhysAddr(outside)
                })
            );
        }
        ram.store(PhysAddr(16), 7).unwrap();
        let mut words = [0; 2];
        ram.copy(PhysAddr(8), &mut words).unwrap();
        assert_eq!(words, [0x0f0e_0d0c_0b0a_0908, 7]);
        let mut bytes = [0; 10];
        assert_eq!((&ram).read_physical(PhysAddr(3), &mut bytes), Ok(10));
        assert_eq!(bytes, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(
            (&ram).read_physical(PhysAddr(4090), &mut bytes),
            Ok(6),
            "ends at the edge"
        );
        assert!((&ram).read_physical(PhysAddr(4096), &mut bytes).is_err());
        assert!(
            (&ram)
                .read_physical(PhysAddr(u64::MAX), &mut bytes)
                .is_err()
        );
    }

    #[test]
    fn the_hole_is_not_memory() {
        let ram = mapped(0x10_1000);
        assert!(ram.load(PhysAddr(0x9_fff8)).is_ok());
        assert!(ram.load(PhysAddr(0xa_0000)).is_err());
        assert!(ram.load(PhysAddr(0x10_0000)).is_ok());
    }

    #[test]
    fn unusable_files() {
        assert!(MappedRam::open(Path::new("/nonexistent/ram")).is_err());
        let empty = tempfile::NamedTempFile::new().unwrap();
        assert!(MappedRam::open(empty.path()).is_err());
    }
}
