//! An ELF image read as a machine that has not begun to run: memory as the
//! segments give it, no CPU. It says nothing about where a loader would put
//! what is not where it was linked.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use object::elf::{EM_X86_64, FileHeader32, FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind, ReadCache};
use ukdbg_inspect::{
    Memory, MemoryError, Registers, SystemRegisters, Target, TargetError, VcpuId, VirtAddr,
};

/// An image that cannot be read as a machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageFileError {
    /// The file cannot be read.
    #[error("cannot read the image {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no ELF file, or its headers make no sense.
    #[error("{} is no usable ELF image: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// An image, read on demand.
#[derive(Debug)]
pub struct ImageFile {
    file: File,
    segments: Vec<Segment>,
}

/// A loadable segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    address: u64,
    offset: u64,
    /// Bytes in the file.
    stored: u64,
    /// Bytes in memory; those that are not stored begin as zeros.
    size: u64,
}

impl ImageFile {
    /// Opens an image and reads its headers.
    pub fn open(path: &Path) -> Result<Self, ImageFileError> {
        let read = |source| ImageFileError::Read {
            path: path.to_owned(),
            source,
        };
        let malformed = |what: String| ImageFileError::Malformed {
            path: path.to_owned(),
            what,
        };
        let file = File::open(path).map_err(read)?;
        if !file.metadata().map_err(read)?.is_file() {
            return Err(read(io::ErrorKind::InvalidInput.into()));
        }
        let data = &ReadCache::new(&file);
        let bad = |error: object::read::Error| malformed(error.to_string());
        let segments = match FileKind::parse(data).map_err(bad)? {
            FileKind::Elf32 => segments::<FileHeader32<Endianness>>(data),
            FileKind::Elf64 => segments::<FileHeader64<Endianness>>(data),
            _ => return Err(malformed("it is no ELF file".to_owned())),
        };
        let segments = segments.map_err(bad)?;
        let segments = segments.ok_or_else(|| malformed("it is not for x86-64".to_owned()))?;
        Ok(Self { file, segments })
    }

    /// The segment that holds an address, and the distance from its start.
    fn segment_at(&self, at: u64) -> Option<(Segment, u64)> {
        self.segments.iter().find_map(|segment| {
            let inside = at.checked_sub(segment.address)?;
            (inside < segment.size).then_some((*segment, inside))
        })
    }

    /// Fills as much of `buf` as the segment has from there.
    fn read_segment(&self, segment: Segment, inside: u64, buf: &mut [u8]) -> usize {
        let most = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let stored = most(segment.stored.saturating_sub(inside)).min(buf.len());
        if stored == 0 {
            let zeros = most(segment.size - inside).min(buf.len());
            buf[..zeros].fill(0);
            return zeros;
        }
        let Some(offset) = segment.offset.checked_add(inside) else {
            return 0;
        };
        // A file shorter than its headers say reads as memory that is not
        // there.
        self.file.read_at(&mut buf[..stored], offset).unwrap_or(0)
    }
}

/// Its loadable segments; none for another processor's.
fn segments<'data, Header: FileHeader<Endian = Endianness>>(
    data: &'data ReadCache<&'data File>,
) -> object::read::Result<Option<Vec<Segment>>> {
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    // A boot wrapper in 32-bit form names the older processor.
    let machine = header.e_machine(endian);
    if endian != Endianness::Little || !matches!(machine, EM_X86_64 | object::elf::EM_386) {
        return Ok(None);
    }
    let headers = header.program_headers(endian, data)?;
    let segments = headers
        .iter()
        .filter(|segment| segment.p_type(endian) == PT_LOAD)
        .map(|segment| {
            let size: u64 = segment.p_memsz(endian).into();
            let stored: u64 = segment.p_filesz(endian).into();
            Segment {
                address: segment.p_vaddr(endian).into(),
                offset: segment.p_offset(endian).into(),
                stored: stored.min(size),
                size,
            }
        });
    Ok(Some(segments.collect()))
}

impl Memory for ImageFile {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let mut done = 0;
        while done < buf.len() {
            let here = at.0.checked_add(done as u64);
            let found = here.and_then(|here| self.segment_at(here));
            let Some((segment, inside)) = found else {
                break;
            };
            match self.read_segment(segment, inside, &mut buf[done..]) {
                0 => break,
                count => done += count,
            }
        }
        match done {
            0 if !buf.is_empty() => Err(MemoryError::Unmapped { at }),
            count => Ok(count),
        }
    }
}

impl Target for ImageFile {
    fn vcpus(&mut self) -> Result<Vec<VcpuId>, TargetError> {
        Ok(Vec::new())
    }

    fn registers(&mut self, vcpu: VcpuId) -> Result<Registers, TargetError> {
        Err(TargetError::NoVcpu(vcpu))
    }

    fn system_registers(&mut self, vcpu: VcpuId) -> Result<SystemRegisters, TargetError> {
        Err(TargetError::NoVcpu(vcpu))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ukdbg_inspect::{Memory, Target, VirtAddr};

    use super::{ImageFile, Segment};

    #[test]
    fn this_program_can_be_read() {
        let path = std::env::current_exe().unwrap();
        let mut image = ImageFile::open(&path).unwrap();
        let stored = std::fs::read(&path).unwrap();
        let first = image.segments[0];
        let mut bytes = [0; 64];
        assert_eq!(image.read(VirtAddr(first.address), &mut bytes), Ok(64));
        let offset = first.offset as usize;
        assert_eq!(bytes, stored[offset..offset + 64]);
        assert_eq!(image.vcpus(), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_stored_is_zero_and_ends_with_the_segment() {
        let path = std::env::current_exe().unwrap();
        let mut image = ImageFile::open(&path).unwrap();
        image.segments = vec![Segment {
            address: 0x1000,
            offset: 0,
            stored: 4,
            size: 6,
        }];
        let mut bytes = [7; 8];
        assert_eq!(image.read(VirtAddr(0x1000), &mut bytes), Ok(6));
        assert_eq!(bytes, [0x7f, b'E', b'L', b'F', 0, 0, 7, 7]);
        assert!(image.read(VirtAddr(0x1006), &mut bytes).is_err());
        assert!(image.read(VirtAddr(u64::MAX), &mut bytes).is_err());
        image.segments[0].offset = u64::MAX - 1;
        assert!(image.read(VirtAddr(0x1002), &mut bytes).is_err());
    }

    #[test]
    fn other_files_are_refused() {
        assert!(ImageFile::open(Path::new("/")).is_err());
        assert!(ImageFile::open(Path::new("/nonexistent")).is_err());
        assert!(ImageFile::open(Path::new("/etc/passwd")).is_err());
    }
}
