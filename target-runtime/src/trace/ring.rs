//! One CPU's ring and the way an event gets into it.
//!
//! The layout and the reader's side of the protocol are in
//! [`ukdbg_guest_abi::ring`].

use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ukdbg_guest_abi::ring::{
    MAGIC, MAX_CONTINUATIONS, MAX_SLOTS, SLOT_SIZE, SlotKind, VERSION, site_word,
};
use ukdbg_guest_abi::{RingHeader, Slot};

use super::field::{CONTINUATION_WORDS, continuations};

/// CPUs that have a ring.
pub const CPU_COUNT: usize = 1;

/// Every CPU's ring, for the root block.
pub static RINGS: [Ring; CPU_COUNT] = [Ring::new(0)];

/// The ring of the CPU this runs on.
#[cfg(not(test))]
#[inline(always)]
pub fn current() -> &'static Ring {
    &RINGS[0]
}

/// The ring of the thread this runs on: a test's thread stands for a CPU.
#[cfg(test)]
pub fn current() -> &'static Ring {
    std::thread_local! {
        static RING: &'static Ring = std::boxed::Box::leak(std::boxed::Box::new(Ring::new(0)));
    }
    RING.with(|ring| *ring)
}

/// Why a ring cannot use the slots it was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RingError {
    /// The number of slots is not a power of two.
    NotPowerOfTwo(usize),
    /// The number of slots is less than the longest event needs.
    TooSmall(usize),
    /// The number of slots is more than a ring may have.
    TooLarge(usize),
    /// The ring has its slots already.
    AlreadyInitialised,
}

/// A CPU's ring.
///
/// Only the CPU it belongs to may record, in any context: the reservation is
/// one instruction, which an interrupt cannot split but another CPU could.
#[repr(transparent)]
pub struct Ring(RingHeader);

impl Ring {
    /// A ring without slots, which drops every event.
    pub const fn new(cpu: u32) -> Self {
        Self(RingHeader {
            magic: AtomicU32::new(0),
            version: VERSION,
            cpu,
            slot_size: SLOT_SIZE as u32,
            slot_count: AtomicU64::new(0),
            slots: AtomicU64::new(0),
            slots_physical: AtomicU64::new(0),
            reserved: [0; 3],
            head: AtomicU64::new(0),
        })
    }

    /// What the host reads.
    pub const fn header(&self) -> &RingHeader {
        &self.0
    }

    /// Gives the ring its slots, which are all zero and contiguous from
    /// `physical` on, and starts recording.
    pub fn init(&self, slots: &'static [Slot], physical: u64) -> Result<(), RingError> {
        let count = slots.len();
        if self.0.slot_count.load(Ordering::Relaxed) != 0 {
            return Err(RingError::AlreadyInitialised);
        }
        if count <= MAX_CONTINUATIONS as usize {
            return Err(RingError::TooSmall(count));
        }
        if !count.is_power_of_two() {
            return Err(RingError::NotPowerOfTwo(count));
        }
        if count as u64 > MAX_SLOTS {
            return Err(RingError::TooLarge(count));
        }
        self.0
            .slots
            .store(slots.as_ptr() as usize as u64, Ordering::Relaxed);
        self.0.slots_physical.store(physical, Ordering::Relaxed);
        self.0.slot_count.store(count as u64, Ordering::Release);
        self.0.magic.store(MAGIC, Ordering::Release);
        Ok(())
    }

    /// Writes an event: the offset of its descriptor and its payload.
    #[inline(always)]
    pub fn record<const WORDS: usize>(&self, site: u32, words: [u64; WORDS]) {
        let count = self.0.slot_count.load(Ordering::Relaxed);
        if count == 0 {
            return;
        }
        let reservation = self.reserve(const { 1 + continuations(WORDS) as u64 });
        self.write(reservation, count - 1, site, &words);
    }

    /// Reserves consecutive slots and takes the time.
    ///
    /// The clock is read inside the loop: were it read after a reservation by
    /// `xadd`, an interrupt in between could record a later time at a lower
    /// index. Without a `lock` prefix `cmpxchg` is still one instruction to an
    /// interrupt of this CPU, and does not wait for earlier stores to drain.
    #[inline(always)]
    pub(super) fn reserve(&self, slots: u64) -> Reservation {
        let (index, tsc): (u64, u64);
        #[expect(
            unsafe_code,
            reason = "no intrinsic is a cmpxchg without its lock prefix"
        )]
        // SAFETY: `head` is an aligned u64 of a live static-like object, and
        // only this CPU writes it (the type's condition).
        unsafe {
            asm!(
                "2:",
                "mov {expected}, qword ptr [{head}]",
                "rdtsc",
                "shl rdx, 32",
                "or rdx, rax",
                "lea {next}, [{expected} + {slots}]",
                "mov rax, {expected}",
                "cmpxchg qword ptr [{head}], {next}",
                "jne 2b",
                head = in(reg) self.0.head.as_ptr(),
                slots = in(reg) slots,
                expected = out(reg) _,
                next = out(reg) _,
                out("rax") index,
                out("rdx") tsc,
                options(nostack),
            );
        }
        Reservation { index, tsc }
    }

    /// Fills reserved slots in. Continuations come first, so that a published
    /// first slot stands for a whole event.
    #[inline(always)]
    pub(super) fn write<const WORDS: usize>(
        &self,
        reservation: Reservation,
        mask: u64,
        site: u32,
        words: &[u64; WORDS],
    ) {
        let Reservation { index, tsc } = reservation;
        let total = const { continuations(WORDS) };
        let (inline, rest) = words.split_at(2);
        for (number, chunk) in (1..=total).zip(rest.chunks_exact(CONTINUATION_WORDS)) {
            let word = site_word(site, total - number, SlotKind::Continuation);
            self.publish(
                index + u64::from(number),
                mask,
                word,
                [chunk[0], chunk[1], chunk[2]],
            );
        }
        let word = site_word(site, total, SlotKind::Event);
        self.publish(index, mask, word, [tsc, inline[0], inline[1]]);
    }

    #[inline(always)]
    fn publish(&self, index: u64, mask: u64, site: u32, words: [u64; 3]) {
        let slots = self.0.slots.load(Ordering::Relaxed) as usize as *const Slot;
        #[expect(
            unsafe_code,
            reason = "the header holds the slots' address, for the host"
        )]
        // SAFETY: `init` stored the start of a `'static` slice of `mask + 1`
        // slots before it made `slot_count`, from which `mask` comes, nonzero.
        let slot = unsafe { &*slots.add((index & mask) as usize) };
        slot.site.store(site, Ordering::Relaxed);
        slot.tsc.store(words[0], Ordering::Relaxed);
        slot.payload[0].store(words[1], Ordering::Relaxed);
        slot.payload[1].store(words[2], Ordering::Relaxed);
        slot.sequence
            .store((index as u32).wrapping_add(1), Ordering::Release);
    }
}

/// Slots that belong to one event, and its time.
#[derive(Clone, Copy)]
pub(super) struct Reservation {
    pub(super) index: u64,
    pub(super) tsc: u64,
}
