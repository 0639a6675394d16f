//! How much an index may hold: in proportion to the section it is read from,
//! since a hostile file can name the same list a million times.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Items for each byte of a section. Compilers need two bytes or more for an
/// item, and we read an item three times at most.
const ITEMS_PER_BYTE: usize = 4;

/// Items that may still be kept.
pub(crate) struct Budget(AtomicUsize);

impl Budget {
    pub(crate) fn of_section(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes.saturating_mul(ITEMS_PER_BYTE)))
    }

    /// Takes another section into account.
    pub(crate) fn grow(&self, bytes: usize) {
        self.0
            .fetch_add(bytes.saturating_mul(ITEMS_PER_BYTE), Ordering::Relaxed);
    }

    pub(crate) fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes what was used. Several threads may overdraw it, each by what was
    /// left when it began.
    pub(crate) fn spend(&self, items: usize) {
        let spent = |left: usize| Some(left.saturating_sub(items));
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent);
    }
}
