//! A model of the writer in [`ukdbg_guest_abi::ring`]'s terms, in single
//! stores, so that a test can stop it, interrupt it, or read between any two.

use std::mem::{offset_of, size_of};

use ukdbg_guest_abi::ring::{
    CONTINUATION_PAYLOAD, INLINE_PAYLOAD, MAGIC, SLOT_SIZE, SlotKind, VERSION, site_word,
};
use ukdbg_guest_abi::{RingHeader, Slot};
use ukdbg_inspect::{Memory, MemoryError, VirtAddr};

use crate::{Record, RingTable, Snapshot};

pub(super) const BASE: u64 = 0x40_0000;

/// What the model wrote, for comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Written {
    pub(super) index: u64,
    pub(super) slots: u64,
    pub(super) tsc: u64,
    pub(super) site: u32,
    pub(super) payload: Vec<u8>,
    pub(super) published: bool,
}

impl Written {
    pub(super) fn matches(&self, record: &Record) -> bool {
        self.index == record.index
            && self.slots == record.slots()
            && self.tsc == record.tsc
            && self.site == record.site
            && record.payload.bytes().eq(self.payload.iter().copied())
    }
}

/// A store not done yet: where, and what.
type Store = (usize, Vec<u8>);

/// One CPU: its memory, and the writers that interrupted each other on it.
pub(super) struct Model {
    pub(super) bytes: Vec<u8>,
    slot_count: u64,
    head: u64,
    tsc: u64,
    pub(super) written: Vec<Written>,
    /// Stores not done yet, one list for each writer, innermost last.
    pending: Vec<(usize, Vec<Store>)>,
}

impl Model {
    pub(super) fn new(slot_count: u64, head: u64) -> Self {
        let slots = size_of::<RingHeader>();
        let mut bytes = vec![0; slots + slot_count as usize * SLOT_SIZE];
        let mut put = |offset: usize, value: &[u8]| {
            bytes[offset..offset + value.len()].copy_from_slice(value);
        };
        put(offset_of!(RingHeader, magic), &MAGIC.to_le_bytes());
        put(offset_of!(RingHeader, version), &VERSION.to_le_bytes());
        put(
            offset_of!(RingHeader, slot_size),
            &(SLOT_SIZE as u32).to_le_bytes(),
        );
        put(
            offset_of!(RingHeader, slot_count),
            &slot_count.to_le_bytes(),
        );
        put(
            offset_of!(RingHeader, slots),
            &(BASE + slots as u64).to_le_bytes(),
        );
        put(offset_of!(RingHeader, head), &head.to_le_bytes());
        Self {
            bytes,
            slot_count,
            head,
            tsc: 1000,
            written: Vec::new(),
            pending: Vec::new(),
        }
    }

    pub(super) fn table() -> RingTable {
        RingTable {
            address: VirtAddr(BASE),
            cpu_count: 1,
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            base: VirtAddr(BASE),
            bytes: &self.bytes,
        }
    }

    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// How deep writers are nested.
    pub(super) fn depth(&self) -> usize {
        self.pending.len()
    }

    /// Whether another writer may interrupt: not so deep, and not for so many
    /// events, that the ring turns once below a writer that has not finished,
    /// which the protocol excludes.
    pub(super) fn may_interrupt(&self) -> bool {
        let oldest = self
            .pending
            .first()
            .map_or(self.head, |&(w, _)| self.written[w].index);
        self.depth() < 4 && self.head - oldest + 5 < self.slot_count
    }

    /// Begins an event, interrupting the one that is being written.
    pub(super) fn begin(&mut self, continuations: u32) {
        let index = self.head;
        self.head += 1 + u64::from(continuations);
        self.tsc += 3;
        let head = self.head.to_le_bytes();
        self.store(offset_of!(RingHeader, head), &head);
        let site = 0x10 + continuations;
        let length = INLINE_PAYLOAD + continuations as usize * CONTINUATION_PAYLOAD;
        let payload: Vec<u8> = (0..length as u64)
            .map(|byte| (index.wrapping_mul(31) + byte) as u8)
            .collect();
        let (inline, more) = payload.split_at(INLINE_PAYLOAD);
        let mut stores = Vec::new();
        for (number, chunk) in (1..).zip(more.chunks(CONTINUATION_PAYLOAD)) {
            let word = site_word(site, continuations - number, SlotKind::Continuation);
            self.slot(&mut stores, index + u64::from(number), word, chunk);
        }
        let body: Vec<u8> = self
            .tsc
            .to_le_bytes()
            .iter()
            .chain(inline)
            .copied()
            .collect();
        let word = site_word(site, continuations, SlotKind::Event);
        self.slot(&mut stores, index, word, &body);
        stores.reverse();
        self.pending.push((self.written.len(), stores));
        self.written.push(Written {
            index,
            slots: 1 + u64::from(continuations),
            tsc: self.tsc,
            site,
            payload,
            published: false,
        });
    }

    fn slot(&self, stores: &mut Vec<Store>, index: u64, site: u32, body: &[u8]) {
        let position = (index % self.slot_count) as usize;
        let at = size_of::<RingHeader>() + position * SLOT_SIZE;
        stores.push((at + offset_of!(Slot, site), site.to_le_bytes().to_vec()));
        for (word, bytes) in body.chunks(8).enumerate() {
            stores.push((at + offset_of!(Slot, tsc) + word * 8, bytes.to_vec()));
        }
        let sequence = (index as u32).wrapping_add(1).to_le_bytes().to_vec();
        stores.push((at + offset_of!(Slot, sequence), sequence));
    }

    /// Does the innermost writer's next store, or begins an event when there
    /// is none.
    pub(super) fn step(&mut self) {
        let Some((written, mut stores)) = self.pending.pop() else {
            return self.begin(0);
        };
        if let Some((at, bytes)) = stores.pop() {
            self.store(at, &bytes);
        }
        match stores.is_empty() {
            true => self.written[written].published = true,
            false => self.pending.push((written, stores)),
        }
    }

    /// Writes events to their end.
    pub(super) fn write(&mut self, continuations: &[u32]) {
        for &count in continuations {
            let depth = self.depth();
            self.begin(count);
            while self.depth() > depth {
                self.step();
            }
        }
    }

    pub(super) fn store(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// Guest memory that changes while it is read: before each copied word the
/// script says what the guest does.
pub(super) struct Running<'a> {
    pub(super) model: Model,
    pub(super) script: Box<dyn Iterator<Item = u8> + 'a>,
}

impl Running<'_> {
    /// One decision of the script: mostly nothing, else a step, a burst, or
    /// an interrupt.
    pub(super) fn act(&mut self) {
        match self.script.next().unwrap_or(0) {
            0..=127 => {}
            128..=199 => self.model.step(),
            200..=219 => (0..40).for_each(|_| self.model.step()),
            choice if self.model.may_interrupt() => self.model.begin(u32::from(choice) % 5),
            _ => self.model.step(),
        }
    }
}

impl Memory for Running<'_> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let mut done = 0;
        while done < buf.len() {
            self.act();
            let end = buf.len().min(done + 8);
            let next = VirtAddr(at.0 + done as u64);
            match self.model.snapshot().read(next, &mut buf[done..end]) {
                Ok(count) => done += count,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }
}
