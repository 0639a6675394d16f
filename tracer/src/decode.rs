//! From slots to records. Every index of the window ends up in a record or in
//! a gap; which of them depends on the sequence words alone, never on luck.

use std::mem::offset_of;

use ukdbg_guest_abi::Slot;
use ukdbg_guest_abi::ring::{
    CONTINUATION_PAYLOAD, INLINE_PAYLOAD, SLOT_SIZE, SlotKind, site_continuations, site_kind,
    site_offset,
};

use crate::bytes::{u32_at, u64_at};
use crate::record::push_gap;
use crate::window::Window;
use crate::{Gap, GapKind, Payload, Record};

/// What a window holds.
pub(crate) struct Decoded {
    pub(crate) records: Vec<Record>,
    pub(crate) gaps: Vec<Gap>,
}

/// Decodes a window whose slots below `valid_from` may have been overwritten
/// while they were copied.
pub(crate) fn decode(cpu: u32, window: &Window, valid_from: u64) -> Decoded {
    let from = window.from().max(valid_from).min(window.end());
    let mut decoder = Decoder {
        cpu,
        window,
        // What precedes the window is not known; a record cut by its edge is
        // as unread, or as lost, as what precedes it.
        orphans: match from {
            0 => GapKind::Damaged,
            _ if from == valid_from => GapKind::Overwritten,
            _ => GapKind::NotRead,
        },
        records: Vec::new(),
        gaps: Vec::new(),
    };
    let mut index = from;
    while index < window.end() {
        index += decoder.step(index);
    }
    Decoded {
        records: decoder.records,
        gaps: decoder.gaps,
    }
}

struct Decoder<'a> {
    cpu: u32,
    window: &'a Window,
    /// What a continuation is whose first slot did not become a record.
    orphans: GapKind,
    records: Vec<Record>,
    gaps: Vec<Gap>,
}

/// A published slot.
struct Published<'a> {
    bytes: &'a [u8; SLOT_SIZE],
    site: u32,
    kind: Option<SlotKind>,
}

impl<'a> Decoder<'a> {
    /// Takes one record, or one slot that is none, and says how many slots
    /// that were.
    fn step(&mut self, index: u64) -> u64 {
        let outcome = self.published(index).and_then(|slot| match slot.kind {
            Some(SlotKind::Event) => self.record(index, &slot),
            Some(SlotKind::Continuation) => Err(self.orphans),
            None => Err(GapKind::Damaged),
        });
        match outcome {
            Ok(record) => {
                let slots = record.slots();
                self.records.push(record);
                self.orphans = GapKind::Damaged;
                slots
            }
            Err(kind) => {
                self.orphans = kind;
                let (first, slots) = (index, 1);
                push_gap(&mut self.gaps, Gap { first, slots, kind });
                slots
            }
        }
    }

    /// The slot of an index, if it is the one written for that index.
    fn published(&self, index: u64) -> Result<Published<'a>, GapKind> {
        let bytes = self.window.slot(index).ok_or(GapKind::Unreadable)?;
        let sequence = u32_at(bytes, offset_of!(Slot, sequence));
        // The low 32 bits, by the layout.
        if sequence != Some((index as u32).wrapping_add(1)) {
            return Err(GapKind::InFlight);
        }
        let site = u32_at(bytes, offset_of!(Slot, site)).unwrap_or(u32::MAX);
        let kind = site_kind(site);
        Ok(Published { bytes, site, kind })
    }

    fn record(&self, index: u64, first: &Published<'_>) -> Result<Record, GapKind> {
        let continuations = u64::from(site_continuations(first.site));
        let mut more = Vec::new();
        for number in 1..=continuations {
            let bytes = self.continuation(first, index, number)?;
            more.extend_from_slice(bytes);
        }
        let payload = offset_of!(Slot, payload);
        Ok(Record {
            cpu: self.cpu,
            site: site_offset(first.site),
            index,
            tsc: u64_at(first.bytes, offset_of!(Slot, tsc)).unwrap_or(0),
            payload: Payload {
                inline: *first.bytes[payload..]
                    .first_chunk::<INLINE_PAYLOAD>()
                    .expect("a slot ends with its payload"),
                more: (!more.is_empty()).then(|| more.into()),
            },
        })
    }

    /// The payload of an event's `number`-th continuation. The writer
    /// publishes these before the first slot, so there is no excuse for one
    /// that is missing, unless it was copied before the first slot was.
    fn continuation(
        &self,
        first: &Published<'_>,
        index: u64,
        number: u64,
    ) -> Result<&'a [u8; CONTINUATION_PAYLOAD], GapKind> {
        let start = index;
        let index = index.checked_add(number).ok_or(GapKind::Damaged)?;
        if index >= self.window.end() {
            return Err(GapKind::Damaged);
        }
        let slot = self.published(index).map_err(|kind| match kind {
            GapKind::InFlight if self.window.are_in_order(start, index) => GapKind::Damaged,
            other => other,
        })?;
        let left = u64::from(site_continuations(first.site)) - number;
        let fits = slot.kind == Some(SlotKind::Continuation)
            && site_offset(slot.site) == site_offset(first.site)
            && u64::from(site_continuations(slot.site)) == left;
        match slot.bytes[offset_of!(Slot, tsc)..].first_chunk() {
            Some(bytes) if fits => Ok(bytes),
            _ => Err(GapKind::Damaged),
        }
    }
}
