//! Room for sections that a file holds compressed. Not the decompression
//! itself, which is `elf`'s.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes that all sections of one image may take together: several times the
/// debugging information of a distribution's kernel, and still a size that a
/// hostile header cannot exceed.
const MOST_BYTES: u64 = 1 << 30;

/// Sections with a place of their own: there are 17 kinds that we read, in at
/// most two files.
const MOST_SECTIONS: usize = 64;

/// Room for decompressed sections. It lives as long as the file's bytes, so
/// that everything read from an image can borrow from either alike. Empty, and
/// small, until a compressed section is read.
pub struct Decompressed {
    places: [OnceLock<Box<[u8]>>; MOST_SECTIONS],
    taken: AtomicUsize,
    bytes: AtomicU64,
}

impl Default for Decompressed {
    fn default() -> Self {
        Self {
            places: [const { OnceLock::new() }; MOST_SECTIONS],
            taken: AtomicUsize::new(0),
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

    /// Keeps the bytes of one section; none when all places are taken.
    pub(crate) fn keep(&self, bytes: Vec<u8>) -> Option<&[u8]> {
        let place = self.places.get(
            self.taken
                .fetch_add(1, Ordering::Relaxed)
                .min(MOST_SECTIONS),
        )?;
        Some(place.get_or_init(|| bytes.into()))
    }
}
