//! The bytes of compressed sections: the ELF form (`SHF_COMPRESSED`, gABI
//! "Section Compression") and GNU's older `.zdebug_…`. Sizes are checked
//! before anything is allocated.

use object::elf::{self, SectionFlags};
use object::read::elf::CompressionHeader;
use object::read::{CompressedData, CompressionFormat};
use object::{Endianness, pod};

use crate::{Decompressed, ElfClass};

/// No format of ours packs more than this; a header that claims more lies.
/// (Deflate's limit is 1032; zstd's run-length blocks go far beyond, but not
/// in what a compiler writes.)
const MOST_EXPANSION: u64 = 4096;

/// Whether a section's name is GNU's compressed form of `wanted`.
pub(crate) fn is_gnu_compressed_form(name: &[u8], wanted: &[u8]) -> bool {
    match (name.strip_prefix(b".z"), wanted.strip_prefix(b".")) {
        (Some(name), Some(wanted)) => name == wanted && wanted.starts_with(b"debug_"),
        _ => false,
    }
}

/// The section's bytes, decompressed into `room` when need be.
pub(crate) fn decompressed<'data>(
    name: &[u8],
    flags: SectionFlags,
    class: ElfClass,
    raw: &'data [u8],
    room: &'data Decompressed,
) -> Option<&'data [u8]> {
    let compressed = if flags.contains(elf::SHF_COMPRESSED) {
        match class {
            ElfClass::Elf32 => elf_form::<elf::CompressionHeader32<Endianness>>(raw)?,
            ElfClass::Elf64 => elf_form::<elf::CompressionHeader64<Endianness>>(raw)?,
        }
    } else if name.starts_with(b".zdebug_") && raw.starts_with(b"ZLIB") {
        gnu_form(raw)?
    } else {
        return Some(raw);
    };
    let size = compressed.uncompressed_size;
    let packed = u64::try_from(compressed.data.len()).ok()?;
    if size > packed.saturating_mul(MOST_EXPANSION) || !room.reserve(size) {
        return None;
    }
    room.keep(compressed.decompress().ok()?.into_owned())
}

fn elf_form<Header: CompressionHeader<Endian = Endianness>>(
    raw: &[u8],
) -> Option<CompressedData<'_>> {
    let (header, data) = pod::from_bytes::<Header>(raw).ok()?;
    let endian = Endianness::Little;
    let format = match header.ch_type(endian) {
        elf::ELFCOMPRESS_ZLIB => CompressionFormat::Zlib,
        elf::ELFCOMPRESS_ZSTD => CompressionFormat::Zstandard,
        _ => return None,
    };
    Some(CompressedData {
        format,
        data,
        uncompressed_size: header.ch_size(endian).into(),
    })
}

/// "ZLIB", the size as eight big-endian bytes, then a zlib stream.
fn gnu_form(raw: &[u8]) -> Option<CompressedData<'_>> {
    let (size, data) = raw.strip_prefix(b"ZLIB")?.split_first_chunk::<8>()?;
    Some(CompressedData {
        format: CompressionFormat::Zlib,
        data,
        uncompressed_size: u64::from_be_bytes(*size),
    })
}
