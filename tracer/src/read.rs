//! Reading the newest events of every ring, and accounting for all others.

use ukdbg_guest_abi::ring::MAX_CONTINUATIONS;
use ukdbg_inspect::Memory;

use crate::decode::{Decoded, decode};
use crate::record::push_gap;
use crate::source::{MemorySlots, SlotSource};
use crate::window::Window;
use crate::{Gap, GapKind, Record, Ring, RingError, RingTable};

/// The most events that are read of a ring, whatever is asked for: it bounds
/// what a false header can cost.
pub const MAX_EVENTS: usize = 1 << 21;

/// The most slots that are read of a ring, 128 MiB.
const MOST_SLOTS: u64 = 1 << 22;

/// Slots read at first for few events: a second request costs more than some
/// slots too many.
const LEAST_SLOTS: u64 = 64;

/// What the rings of a guest held.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Each ring that could be read.
    pub cpus: Vec<CpuTrace>,
    /// Those that could not, and why.
    pub errors: Vec<RingError>,
}

/// What one CPU's ring held. Each index below the ring's head is in exactly
/// one record or gap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CpuTrace {
    /// The ring, as it was when it was read.
    pub ring: Ring,
    /// Events, oldest first.
    pub records: Vec<Record>,
    /// Slots that gave none, ascending.
    pub gaps: Vec<Gap>,
}

impl CpuTrace {
    /// Slots of that kind.
    pub fn slots(&self, kind: GapKind) -> u64 {
        let of_kind = self.gaps.iter().filter(|gap| gap.kind == kind);
        of_kind.map(|gap| gap.slots).sum()
    }
}

/// Reads the newest `events` events of the whole guest (at most
/// [`MAX_EVENTS`]). Reads no more of a ring than it takes, in few requests.
///
/// The guest may run if `memory` copies in ascending order of address; what is
/// overwritten meanwhile is counted as lost, and never returned.
pub fn read_newest(memory: &mut dyn Memory, rings: RingTable, events: usize) -> Trace {
    let events = events.min(MAX_EVENTS);
    let (rings, mut errors) = rings.read(memory);
    let mut cpus = Vec::new();
    for ring in rings {
        match read_ring(&mut MemorySlots { memory, ring }, ring, events) {
            Ok(cpu) => cpus.push(cpu),
            Err(error) => errors.push(error),
        }
    }
    keep_newest(&mut cpus, events);
    Trace { cpus, errors }
}

/// Reads the newest events of one ring.
pub(crate) fn read_ring(
    source: &mut dyn SlotSource,
    ring: Ring,
    events: usize,
) -> Result<CpuTrace, RingError> {
    let head = ring.head;
    let oldest = head.saturating_sub(ring.slot_count);
    let wanted = events as u64;
    let most = MOST_SLOTS.min(wanted.saturating_mul(1 + u64::from(MAX_CONTINUATIONS)));
    let mut size = wanted.max(LEAST_SLOTS.min(most));
    let mut window = Window::new(head, ring.slot_count);
    loop {
        window.extend_back(oldest.max(head.saturating_sub(size)), source);
        let now = source.head().map_err(|source| RingError::Unreadable {
            at: ring.header,
            source,
        })?;
        if now < head {
            return Err(RingError::WentBack {
                at: ring.header,
                from: head,
                to: now,
            });
        }
        // Slot `i` is reserved again once the head has passed `i + slot_count`.
        let valid_from = now.saturating_sub(ring.slot_count);
        let decoded = decode(ring.cpu, &window, valid_from);
        let exhausted = window.from() <= valid_from || size >= most;
        if exhausted || decoded.records.len() >= events {
            return Ok(account(ring, decoded, &window, valid_from));
        }
        size = most.min(size.saturating_mul(2));
    }
}

/// Adds what lies before the window to what was found in it.
fn account(ring: Ring, decoded: Decoded, window: &Window, valid_from: u64) -> CpuTrace {
    let lost = valid_from.min(ring.head);
    let mut gaps = Vec::new();
    push_gap(
        &mut gaps,
        Gap {
            first: 0,
            slots: lost,
            kind: GapKind::Overwritten,
        },
    );
    push_gap(
        &mut gaps,
        Gap {
            first: lost,
            slots: window.from().saturating_sub(lost),
            kind: GapKind::NotRead,
        },
    );
    for gap in decoded.gaps {
        push_gap(&mut gaps, gap);
    }
    CpuTrace {
        ring,
        records: decoded.records,
        gaps,
    }
}

/// Drops the oldest records until `events` are left in all CPUs together.
fn keep_newest(cpus: &mut [CpuTrace], events: usize) {
    let total: usize = cpus.iter().map(|cpu| cpu.records.len()).sum();
    let excess = total.saturating_sub(events);
    if excess == 0 {
        return;
    }
    let order = crate::merge::record_order(cpus);
    let mut drops = vec![0; cpus.len()];
    for cpu in order.into_iter().take(excess) {
        drops[cpu] += 1;
    }
    for (cpu, drop) in cpus.iter_mut().zip(drops) {
        cpu.forget_oldest(drop);
    }
}

impl CpuTrace {
    /// Turns the oldest records, and what lies between them, into slots not
    /// read.
    fn forget_oldest(&mut self, records: usize) {
        let Some(last) = records.checked_sub(1).map(|last| &self.records[last]) else {
            return;
        };
        let end = last.index.saturating_add(last.slots());
        let lost = match self.gaps.first() {
            Some(gap) if gap.kind == GapKind::Overwritten => gap.end(),
            _ => 0,
        };
        let mut gaps = Vec::new();
        for (first, slots, kind) in [
            (0, lost, GapKind::Overwritten),
            (lost, end - lost, GapKind::NotRead),
        ] {
            push_gap(&mut gaps, Gap { first, slots, kind });
        }
        for &gap in self.gaps.iter().filter(|gap| gap.first >= end) {
            push_gap(&mut gaps, gap);
        }
        self.gaps = gaps;
        self.records.drain(..records);
    }
}
