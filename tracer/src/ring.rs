//! Ring headers: the guest's claims about its rings, checked once. What is in
//! the slots is not looked at here.

use std::mem::{offset_of, size_of};

use ukdbg_guest_abi::RingHeader;
use ukdbg_guest_abi::ring::{MAGIC, MAX_SLOTS, SLOT_SIZE, VERSION};
use ukdbg_inspect::{Memory, MemoryError, PhysAddr, VirtAddr};

use crate::bytes::{u32_at, u64_at};

/// The most CPUs whose rings are read.
pub const MAX_CPUS: u32 = 1024;

/// Where a guest's rings are, as its root block says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingTable {
    /// Address of the first CPU's header; the others follow.
    pub address: VirtAddr,
    /// How many.
    pub cpu_count: u32,
}

/// One CPU's ring, its header checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ring {
    /// The CPU.
    pub cpu: u32,
    /// Where the header is.
    pub header: VirtAddr,
    /// The first slot.
    pub slots: VirtAddr,
    /// The first slot, for a reader of physical memory.
    pub slots_physical: PhysAddr,
    /// How many slots: a power of two.
    pub slot_count: u64,
    /// Index of the next slot to be reserved when the header was read.
    pub head: u64,
}

/// A ring that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// The root block claims more CPUs than any guest has.
    #[error("the guest claims {claimed} CPUs, rings of the first {MAX_CPUS} are read")]
    CpuCount {
        /// The claim.
        claimed: u32,
    },
    /// The header cannot be read.
    #[error("trace ring header at {at}: {source}")]
    Unreadable {
        /// Where it should be.
        at: VirtAddr,
        /// Why.
        source: MemoryError,
    },
    /// The guest has not initialised the ring.
    #[error("the trace ring at {at} is not in use yet")]
    Unused {
        /// Where its header is.
        at: VirtAddr,
    },
    /// There is no ring header.
    #[error("no trace ring header at {at} (magic {magic:#010x})")]
    Magic {
        /// Where it should be.
        at: VirtAddr,
        /// What is there.
        magic: u32,
    },
    /// A layout of another runtime.
    #[error(
        "the trace ring at {at} has version {version} with {slot_size}-byte slots, \
         this reader knows version {VERSION} with {SLOT_SIZE}"
    )]
    Layout {
        /// Where the header is.
        at: VirtAddr,
        /// The version.
        version: u32,
        /// The size of a slot.
        slot_size: u32,
    },
    /// A number of slots that no ring has, or slots beyond the end of the
    /// address space.
    #[error("the trace ring at {at} claims {slot_count} slots at {slots}")]
    Slots {
        /// Where the header is.
        at: VirtAddr,
        /// The claim.
        slot_count: u64,
        /// The first slot.
        slots: VirtAddr,
    },
    /// The head moved backwards while the ring was read: the guest was reset,
    /// or wrote over its own ring.
    #[error("the head of the trace ring at {at} went back from {from} to {to}")]
    WentBack {
        /// Where the header is.
        at: VirtAddr,
        /// The head before.
        from: u64,
        /// The head after.
        to: u64,
    },
}

impl RingTable {
    /// Reads all headers, in one request when the memory allows it.
    pub(crate) fn read(self, memory: &mut dyn Memory) -> (Vec<Ring>, Vec<RingError>) {
        let mut errors = Vec::new();
        if self.cpu_count > MAX_CPUS {
            errors.push(RingError::CpuCount {
                claimed: self.cpu_count,
            });
        }
        let count = self.cpu_count.min(MAX_CPUS) as usize;
        let mut headers = vec![0; count * size_of::<RingHeader>()];
        let (read, failure) = read_all(memory, self.address, &mut headers);
        let mut rings = Vec::new();
        for (number, header) in headers[..read]
            .chunks_exact(size_of::<RingHeader>())
            .enumerate()
        {
            let at = VirtAddr(
                self.address
                    .0
                    .wrapping_add((number * size_of::<RingHeader>()) as u64),
            );
            match Ring::parse(at, header) {
                Ok(ring) => rings.push(ring),
                Err(error) => errors.push(error),
            }
        }
        if let Some(source) = failure {
            let at = VirtAddr(self.address.0.wrapping_add(read as u64));
            errors.push(RingError::Unreadable { at, source });
        }
        (rings, errors)
    }
}

impl Ring {
    fn parse(at: VirtAddr, header: &[u8]) -> Result<Self, RingError> {
        let half = |offset| u32_at(header, offset).unwrap_or(0);
        let word = |offset| u64_at(header, offset).unwrap_or(0);
        match half(offset_of!(RingHeader, magic)) {
            MAGIC => {}
            0 => return Err(RingError::Unused { at }),
            magic => return Err(RingError::Magic { at, magic }),
        }
        let version = half(offset_of!(RingHeader, version));
        let slot_size = half(offset_of!(RingHeader, slot_size));
        if version != VERSION || slot_size as usize != SLOT_SIZE {
            return Err(RingError::Layout {
                at,
                version,
                slot_size,
            });
        }
        let ring = Self {
            cpu: half(offset_of!(RingHeader, cpu)),
            header: at,
            slots: VirtAddr(word(offset_of!(RingHeader, slots))),
            slots_physical: PhysAddr(word(offset_of!(RingHeader, slots_physical))),
            slot_count: word(offset_of!(RingHeader, slot_count)),
            head: word(offset_of!(RingHeader, head)),
        };
        let usable = ring.slot_count.is_power_of_two()
            && ring.slot_count <= MAX_SLOTS
            && ring
                .slots
                .checked_add(ring.slot_count * SLOT_SIZE as u64)
                .is_some();
        match usable {
            true => Ok(ring),
            false => Err(RingError::Slots {
                at,
                slot_count: ring.slot_count,
                slots: ring.slots,
            }),
        }
    }
}

/// Reads until `buf` is full or a read fails, and says how far it came and
/// why not further.
pub(crate) fn read_all(
    memory: &mut dyn Memory,
    at: VirtAddr,
    buf: &mut [u8],
) -> (usize, Option<MemoryError>) {
    let mut done = 0;
    while done < buf.len() {
        let Some(next) = at.checked_add(done as u64) else {
            return (done, Some(MemoryError::Unmapped { at }));
        };
        match memory.read(next, &mut buf[done..]) {
            Ok(0) => return (done, Some(MemoryError::Unmapped { at: next })),
            Ok(count) => done += count.min(buf.len() - done),
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}
