//! Room for sections that a file holds compressed. Not the decompression
//! itself, which is `elf`'s.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes that all sections of one image may take together: several times the
/// debugging information of a distribution's kernel, and still a size that a
/// hostile header cannot exceed.
const MOST_BYTES: u64 = 1 << 30;

/// Sections kept in one piece of the list: there are 17 kinds that we read.
const SECTIONS: usize = 64;

/// Sections kept in all.
const MOST_SECTIONS: usize = 1 << 16;

/// Room for decompressed sections. It lives as long as the file's bytes, so
/// that everything read from an image can borrow from either alike. Empty, and
/// small, until a compressed section is read.
pub struct Decompressed {
    places: [OnceLock<Box<[u8]>>; SECTIONS],
    taken: AtomicUsize,
    /// For what finds no place here: an image's split units are thousands.
    more: OnceLock<Box<Decompressed>>,
    bytes: AtomicU64,
}

impl Default for Decompressed {
    fn default() -> Self {
        Self {
            places: [const { OnceLock::new() }; SECTIONS],
            taken: AtomicUsize::new(0),
            more: OnceLock::new(),
            bytes: AtomicU64::new(0),
        }
    }
}

impl Decompressed {
    /// Sets bytes of the total aside, before they are allocated.
    pub(crate) fn reserve(&self, size: u64) -> bool {
        self.bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| {
                bytes.checked_add(size).filter(|&total| total <= MOST_BYTES)
            })
            .is_ok()
    }

    /// Keeps the bytes of one section; none when there are too many.
    pub(crate) fn keep(&self, bytes: Vec<u8>) -> Option<&[u8]> {
        let mut list = self;
        for _ in 0..MOST_SECTIONS / SECTIONS {
            let taken = list.taken.load(Ordering::Relaxed);
            // Full already: whoever comes does not count up for ever.
            if taken < SECTIONS {
                let place = list.taken.fetch_add(1, Ordering::Relaxed);
                if let Some(place) = list.places.get(place) {
                    return Some(place.get_or_init(|| bytes.into()));
                }
            }
            list = list.more.get_or_init(Box::default);
        }
        None
    }
}
