//! What a ring holds, slot by slot: records, and the gaps between them.
//! Records are not interpreted here; that takes a schema.

use serde::Serialize;
use ukdbg_guest_abi::ring::INLINE_PAYLOAD;

/// One event as it was in the ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The CPU whose ring it was in.
    pub cpu: u32,
    /// Offset of the event's descriptor in its section.
    pub site: u32,
    /// Index of its first slot, counted from the ring's beginning of time.
    pub index: u64,
    /// Time-stamp counter.
    pub tsc: u64,
    /// The fields' bytes.
    pub payload: Payload,
}

impl Record {
    /// How many slots it takes.
    pub fn slots(&self) -> u64 {
        1 + u64::from(self.payload.continuations())
    }
}

/// An event's payload: whole slots, so that the last bytes may be padding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payload {
    pub(crate) inline: [u8; INLINE_PAYLOAD],
    /// Of the continuation slots; most events have none and allocate nothing.
    pub(crate) more: Option<Box<[u8]>>,
}

impl Payload {
    /// How many slots beyond the first it takes.
    pub fn continuations(&self) -> u32 {
        let bytes = self.more.as_ref().map_or(0, |more| more.len());
        u32::try_from(bytes / ukdbg_guest_abi::ring::CONTINUATION_PAYLOAD).unwrap_or(u32::MAX)
    }

    /// Every byte, padding included.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        let more = self.more.as_deref().unwrap_or_default();
        self.inline.iter().chain(more).copied()
    }

    /// `N` bytes at an offset; a value may lie across a slot's end.
    pub(crate) fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let mut value = [0; N];
        for (position, byte) in (offset..).zip(&mut value) {
            *byte = match position.checked_sub(INLINE_PAYLOAD) {
                None => self.inline[position],
                Some(beyond) => *self.more.as_deref()?.get(beyond)?,
            };
        }
        Some(value)
    }
}

/// Slots that gave no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Gap {
    /// Index of the first.
    pub first: u64,
    /// How many: exact. Events take one slot each unless their payload is
    /// longer than a slot's.
    pub slots: u64,
    /// Why.
    pub kind: GapKind,
}

/// Why slots gave no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// Lost: later events were written over them.
    Overwritten,
    /// Older than what was asked for.
    NotRead,
    /// Reserved, and not published when the ring was read: their writer was
    /// interrupted.
    InFlight,
    /// Published, but not as the layout says.
    Damaged,
    /// The guest's memory could not be read there.
    Unreadable,
}

impl Gap {
    /// The index behind its last slot.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.slots)
    }
}

/// Adds a gap behind those there are, joined to the last when it goes on from
/// there for the same reason.
pub(crate) fn push_gap(gaps: &mut Vec<Gap>, gap: Gap) {
    match gaps.last_mut() {
        _ if gap.slots == 0 => {}
        Some(last) if last.kind == gap.kind && last.end() == gap.first => last.slots += gap.slots,
        _ => gaps.push(gap),
    }
}
