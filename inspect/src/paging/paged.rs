//! Virtual memory made of physical memory and the tables in it.

use super::{PageOutcome, PageWalk, PagingState};
use crate::{Memory, MemoryError, PhysAddr, PhysicalMemory, VirtAddr};

/// Translations remembered; enough for a stack, the code on it and the data
/// it points to.
const REMEMBERED: usize = 64;

/// Physical memory seen through the page tables of one address space.
///
/// Translations are remembered, so it is for memory that stands still: make
/// another one after the guest has run.
pub struct Paged<P> {
    physical: P,
    state: PagingState,
    translations: Vec<Translation>,
    oldest: usize,
}

#[derive(Clone, Copy)]
struct Translation {
    start: VirtAddr,
    size: u64,
    physical: PhysAddr,
}

impl<P: PhysicalMemory> Paged<P> {
    /// The address space of these control registers.
    pub fn new(physical: P, state: PagingState) -> Self {
        Self {
            physical,
            state,
            translations: Vec::new(),
            oldest: 0,
        }
    }

    /// Walks the tables for one address.
    pub fn walk(&mut self, at: VirtAddr) -> PageWalk {
        PageWalk::walk(&mut self.physical, self.state, at)
    }

    /// Where `at` is, and how many bytes lie behind it in the same page.
    fn translate(&mut self, at: VirtAddr) -> Result<(PhysAddr, u64), MemoryError> {
        let known = self.translations.iter().find_map(|known| {
            let offset = at.offset_from(known.start)?;
            (offset < known.size)
                .then(|| (PhysAddr(known.physical.0 + offset), known.size - offset))
        });
        match known {
            Some(place) => Ok(place),
            None => self.translate_anew(at),
        }
    }

    fn translate_anew(&mut self, at: VirtAddr) -> Result<(PhysAddr, u64), MemoryError> {
        match self.walk(at).outcome {
            PageOutcome::Mapped {
                physical,
                page_size,
                ..
            } => {
                let offset = at.0 & (page_size - 1);
                self.remember(Translation {
                    start: VirtAddr(at.0 - offset),
                    size: page_size,
                    physical: PhysAddr(physical.0 - offset),
                });
                Ok((physical, page_size - offset))
            }
            PageOutcome::Untranslated { physical } => Ok((physical, u64::MAX - at.0)),
            PageOutcome::TableUnreadable { at: table } => {
                Err(MemoryError::NoPhysical { at: table })
            }
            PageOutcome::NotPresent
            | PageOutcome::ReservedBits { .. }
            | PageOutcome::NonCanonical
            | PageOutcome::UnsupportedMode => Err(MemoryError::Unmapped { at }),
        }
    }

    fn remember(&mut self, translation: Translation) {
        if self.translations.len() < REMEMBERED {
            self.translations.push(translation);
        } else {
            self.translations[self.oldest] = translation;
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
    }
}

impl<P: PhysicalMemory> Memory for Paged<P> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let mut done = 0;
        while done < buf.len() {
            let piece = at
                .checked_add(done as u64)
                .ok_or(MemoryError::Unmapped { at })
                .and_then(|next| self.read_in_page(next, &mut buf[done..]));
            match piece {
                Ok(0) => break,
                Ok(got) => done = done.saturating_add(got),
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        if done == 0 && !buf.is_empty() {
            return Err(MemoryError::Unmapped { at });
        }
        Ok(done)
    }
}

impl<P: PhysicalMemory> Paged<P> {
    fn read_in_page(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let (physical, rest) = self.translate(at)?;
        let size = usize::try_from(rest).map_or(buf.len(), |rest| rest.min(buf.len()));
        self.physical.read_physical(physical, &mut buf[..size])
    }
}
