//! A structure of the guest's as bytes: read once, then taken apart by the
//! offsets of its definition in `guest-abi`.

use ukdbg_guest_abi::GuestAddress;

use super::RootError;
use crate::memory::read_exact;
use crate::{Memory, VirtAddr};

/// CPUs a root block may claim.
pub(super) const MAX_CPUS: u32 = 4096;
/// Stacks a stack table may claim.
pub(super) const MAX_STACKS: u32 = 65_536;

// The offsets of the definitions are the guest's only on a 64-bit host.
const _: () = assert!(size_of::<GuestAddress>() == 8);

/// The bytes of one structure.
pub(super) struct Record {
    what: &'static str,
    at: VirtAddr,
    bytes: Vec<u8>,
}

impl Record {
    pub(super) fn read<M: Memory + ?Sized>(
        memory: &mut M,
        what: &'static str,
        at: VirtAddr,
        size: usize,
    ) -> Result<Self, RootError> {
        let mut bytes = vec![0; size];
        read_exact(memory, at, &mut bytes).map_err(|source| RootError::Unreadable {
            what,
            at,
            source,
        })?;
        Ok(Self { what, at, bytes })
    }

    /// A structure inside a larger piece that was read at once.
    pub(super) fn of_bytes(what: &'static str, at: VirtAddr, bytes: &[u8]) -> Self {
        Self {
            what,
            at,
            bytes: bytes.to_vec(),
        }
    }

    /// Offsets are constants below the size read: `offset_of!` of the type
    /// whose `size_of` was asked for.
    pub(super) fn bytes(&self, offset: usize, size: usize) -> &[u8] {
        &self.bytes[offset..offset + size]
    }

    pub(super) fn u32(&self, offset: usize) -> u32 {
        let bytes = self.bytes(offset, 4).try_into();
        u32::from_le_bytes(bytes.expect("4 bytes were taken"))
    }

    pub(super) fn u64(&self, offset: usize) -> u64 {
        let bytes = self.bytes(offset, 8).try_into();
        u64::from_le_bytes(bytes.expect("8 bytes were taken"))
    }

    /// An address; 0 is none.
    pub(super) fn address(&self, offset: usize) -> Option<VirtAddr> {
        Some(VirtAddr(self.u64(offset))).filter(|address| address.0 != 0)
    }

    pub(super) fn expect_magic(&self, offset: usize, magic: u32) -> Result<(), RootError> {
        if self.u32(offset) == magic {
            return Ok(());
        }
        Err(RootError::NoMagic {
            what: self.what,
            at: self.at,
        })
    }

    pub(super) fn expect_version(&self, offset: usize, known: u32) -> Result<(), RootError> {
        let found = self.u32(offset);
        if found == known {
            return Ok(());
        }
        Err(RootError::Version {
            what: self.what,
            at: self.at,
            found,
            known,
        })
    }

    pub(super) fn implausible(&self, field: &'static str, value: u64) -> RootError {
        RootError::Implausible {
            what: self.what,
            at: self.at,
            field,
            value,
        }
    }
}
