//! A copy of consecutive slots, grown backwards from the head: the newest
//! slots are wanted first.

use ukdbg_guest_abi::ring::SLOT_SIZE;

use crate::source::SlotSource;

/// Slots asked for at once; a larger window is allocated as it is really read,
/// so that a false claim about a ring's size costs nothing.
const CHUNK_SLOTS: u64 = 1 << 15;

/// Slots `from..end` of a ring, as bytes.
pub(crate) struct Window {
    from: u64,
    end: u64,
    slot_count: u64,
    /// Newest part first, each with the index of its first slot.
    parts: Vec<(u64, Vec<u8>)>,
}

impl Window {
    /// No slots, before `end`.
    pub(crate) fn new(end: u64, slot_count: u64) -> Self {
        Self {
            from: end,
            end,
            slot_count,
            parts: Vec::new(),
        }
    }

    pub(crate) fn from(&self) -> u64 {
        self.from
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Copies the slots from `from` up to those it has already. What could not
    /// be read is left out.
    pub(crate) fn extend_back(&mut self, from: u64, source: &mut dyn SlotSource) {
        while self.from > from {
            let mut start = from.max(self.from.saturating_sub(CHUNK_SLOTS));
            let last_position = (self.from - 1) % self.slot_count;
            // A part does not reach over the ring's end.
            start = start.max(self.from - 1 - last_position);
            let bytes = usize::try_from((self.from - start) * SLOT_SIZE as u64)
                .expect("a part has at most CHUNK_SLOTS slots");
            let mut part = vec![0; bytes];
            let read = source.copy(start % self.slot_count, &mut part);
            part.truncate(read - read % SLOT_SIZE);
            self.parts.push((start, part));
            self.from = start;
        }
    }

    /// Whether two slots, the earlier first, were copied in this order: newer
    /// parts are copied before older ones.
    pub(crate) fn are_in_order(&self, first: u64, second: u64) -> bool {
        self.part_of(first) == self.part_of(second)
    }

    fn part_of(&self, index: u64) -> usize {
        // Descending by first index.
        self.parts.partition_point(|&(first, _)| first > index)
    }

    /// A slot's bytes, if it was read.
    pub(crate) fn slot(&self, index: u64) -> Option<&[u8; SLOT_SIZE]> {
        let (first, bytes) = self.parts.get(self.part_of(index))?;
        let offset = usize::try_from(index - first)
            .ok()?
            .checked_mul(SLOT_SIZE)?;
        bytes.get(offset..)?.first_chunk()
    }
}
