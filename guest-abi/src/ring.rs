//! The trace ring: one per CPU, fixed slots, overwritten from the oldest.
//!
//! Writer (that CPU alone, in any context): reserve slots by moving
//! [`RingHeader::head`] with one instruction an interrupt cannot split, taking
//! the time inside that loop so that times never decrease; write the slot;
//! write [`Slot::sequence`] last, with release order.
//!
//! Reader: read `head`; for each index below it check that the slot's sequence
//! is `index + 1` (low 32 bits); copy; read `head` again and discard what may
//! have been overwritten meanwhile (an index that is `slot_count` or more
//! behind). A record with a wrong sequence below `head` is in flight or lost;
//! lost records are exactly the indices skipped.

use core::sync::atomic::{AtomicU32, AtomicU64};

/// First word of a ring header.
pub const MAGIC: u32 = u32::from_le_bytes(*b"ukRG");
/// Version of the slot layout.
pub const VERSION: u32 = 1;
/// Size of a slot in bytes.
pub const SLOT_SIZE: usize = 32;
/// The most slots a ring may have; a host rejects a larger claim.
pub const MAX_SLOTS: u64 = 1 << 32;

/// Describes one CPU's ring. The head has a cache line of its own.
#[repr(C, align(64))]
pub struct RingHeader {
    /// [`MAGIC`] once the ring can be used, 0 before.
    pub magic: AtomicU32,
    /// [`VERSION`].
    pub version: u32,
    /// The CPU whose ring this is.
    pub cpu: u32,
    /// Size of a slot in bytes, [`SLOT_SIZE`].
    pub slot_size: u32,
    /// Number of slots, a power of two.
    pub slot_count: AtomicU64,
    /// Virtual address of the first slot.
    pub slots: AtomicU64,
    /// Physical address of the first slot (the slots are physically
    /// contiguous), for a host that maps the guest's memory.
    pub slots_physical: AtomicU64,
    /// Padding to the head's cache line.
    pub reserved: [u64; 3],
    /// Index of the next slot to reserve; only grows.
    pub head: AtomicU64,
}

/// One slot.
///
/// An event of up to [`INLINE_PAYLOAD`] bytes is one slot of
/// [`SlotKind::Event`]. A longer payload goes on in the slots that follow,
/// each of [`SlotKind::Continuation`], whose last [`CONTINUATION_PAYLOAD`]
/// bytes (from the `tsc` field on) are payload.
#[repr(C, align(32))]
pub struct Slot {
    /// Index of this slot plus one, low 32 bits, written last. 0: never
    /// written.
    pub sequence: AtomicU32,
    /// See [`site_word`].
    pub site: AtomicU32,
    /// Time-stamp counter, or payload in a continuation.
    pub tsc: AtomicU64,
    /// Payload.
    pub payload: [AtomicU64; 2],
}

/// Payload bytes of an event's first slot.
pub const INLINE_PAYLOAD: usize = 16;
/// Payload bytes of a continuation slot.
pub const CONTINUATION_PAYLOAD: usize = 24;
/// The most continuation slots an event may have.
pub const MAX_CONTINUATIONS: u32 = 15;

/// What a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum SlotKind {
    /// The first slot of an event.
    Event = 0,
    /// Payload that did not fit in the slots before.
    Continuation = 1,
}

/// Bits of a site word that hold the offset of the event's descriptor in the
/// section [`event::SECTION`](crate::event::SECTION).
pub const SITE_OFFSET_BITS: u32 = 24;

/// Packs a slot's site word: bits 0–23 the descriptor's offset, bits 24–27 the
/// number of continuation slots that follow, bits 28–31 the kind.
pub const fn site_word(offset: u32, continuations: u32, kind: SlotKind) -> u32 {
    (offset & ((1 << SITE_OFFSET_BITS) - 1)) | ((continuations & 0xf) << 24) | ((kind as u32) << 28)
}

/// The descriptor's offset in a site word.
pub const fn site_offset(word: u32) -> u32 {
    word & ((1 << SITE_OFFSET_BITS) - 1)
}

/// The number of continuation slots in a site word.
pub const fn site_continuations(word: u32) -> u32 {
    (word >> SITE_OFFSET_BITS) & 0xf
}

/// The kind in a site word, if it is a known one.
pub const fn site_kind(word: u32) -> Option<SlotKind> {
    match word >> 28 {
        0 => Some(SlotKind::Event),
        1 => Some(SlotKind::Continuation),
        _ => None,
    }
}
