//! Why an image cannot be used.

use crate::LinkAddr;

/// An image that cannot be used, or a part of it that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The bytes do not begin like an ELF file.
    #[error("not an ELF file (first bytes {first_bytes:02x?})")]
    NotElf {
        /// Up to four bytes.
        first_bytes: Vec<u8>,
    },
    /// The ELF is for another processor.
    #[error("an ELF file for machine {machine:#x}, not x86-64")]
    ForeignMachine {
        /// `e_machine`.
        machine: u16,
    },
    /// The ELF is big-endian.
    #[error("a big-endian ELF file")]
    BigEndian,
    /// Headers or sections that contradict each other or the file's length.
    #[error("malformed ELF file: {what}")]
    Malformed {
        /// What was being read, and what was wrong with it.
        what: String,
    },
    /// Debugging information that cannot be read.
    #[error("malformed debugging information in {section}: {what}")]
    Dwarf {
        /// The section.
        section: &'static str,
        /// The reader's reason.
        what: String,
    },
    /// An address no segment of the image holds.
    #[error("{address} is in no segment of the image")]
    NotInImage {
        /// The address.
        address: LinkAddr,
    },
}
