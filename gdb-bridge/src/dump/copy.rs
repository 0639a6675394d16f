//! Memory into a file: what is zero becomes a hole, what cannot be read is left
//! out. Not what the memory is called in the file.

use std::fs::File;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;

use ukdbg_inspect::TargetError;

use super::{DumpError, PIECE, Progress};

const PAGE: usize = 4096;

/// Memory that is in the file in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Its address in the machine.
    pub(super) at: u64,
    /// Where it is in the file.
    pub(super) offset: u64,
    /// Its length.
    pub(super) size: u64,
}

/// What came into the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Copied {
    /// In order of their addresses.
    pub(super) extents: Vec<Extent>,
    /// Bytes that could not be read.
    pub(super) unreadable: u64,
    /// The first offset behind all of it.
    pub(super) end: u64,
}

/// Copies ranges in ascending order. `read` says how many bytes it could read.
pub(super) fn memory(
    file: &File,
    ranges: &[RangeInclusive<u64>],
    progress: &mut dyn FnMut(Progress),
    mut read: impl FnMut(u64, &mut [u8]) -> Result<usize, TargetError>,
) -> Result<Copied, DumpError> {
    let total = ranges.iter().map(size_of).fold(0, u64::saturating_add);
    let mut copied = Copied {
        end: PAGE as u64,
        ..Copied::default()
    };
    let mut done = 0;
    let mut buffer = vec![0; PIECE];
    for range in ranges {
        let mut left = size_of(range);
        let mut at = *range.start();
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let came = read(at, &mut buffer[..length])?.min(length);
            copied.take(file, at, &buffer[..came])?;
            // What cannot be read is passed over page by page.
            let step = match came {
                0 => PAGE - (at as usize & (PAGE - 1)),
                came => came,
            };
            let step = (step as u64).min(left);
            if came == 0 {
                copied.unreadable = copied.unreadable.saturating_add(step);
            }
            done += step;
            left -= step;
            at = at.saturating_add(step);
            progress(Progress { done, total });
        }
    }
    Ok(copied)
}

fn size_of(range: &RangeInclusive<u64>) -> u64 {
    (range.end() - range.start()).saturating_add(1)
}

impl Copied {
    fn take(&mut self, file: &File, at: u64, bytes: &[u8]) -> Result<(), DumpError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let offset = match self.extents.last() {
            Some(last) if last.at.checked_add(last.size) == Some(at) => self.end,
            // Readers map files: offsets and addresses agree within a page.
            _ => {
                let offset = self.end.next_multiple_of(PAGE as u64) + at % PAGE as u64;
                self.extents.push(Extent {
                    at,
                    offset,
                    size: 0,
                });
                offset
            }
        };
        let size = bytes.len() as u64;
        let last = self.extents.last_mut().expect("one was found or pushed");
        last.size += size;
        self.end = offset + size;
        for (index, page) in (0_u64..).zip(bytes.chunks(PAGE)) {
            if page.iter().any(|byte| *byte != 0) {
                file.write_all_at(page, offset + index * PAGE as u64)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn holes_stay_holes_and_gaps_are_counted() {
        let file = tempfile::tempfile().unwrap();
        let mut seen = Progress { done: 0, total: 0 };
        let page = PAGE as u64;
        // Page 2 cannot be read; only page 4 holds anything.
        let read = |at: u64, buf: &mut [u8]| {
            if (at..at + buf.len() as u64).contains(&(2 * page)) && at < 2 * page {
                buf[..(2 * page - at) as usize].fill(0);
                return Ok((2 * page - at) as usize);
            }
            if (2 * page..3 * page).contains(&at) {
                return Ok(0);
            }
            buf.fill(0);
            if let Some(byte) = (4 * page).checked_sub(at) {
                buf[byte as usize] = 7;
            }
            Ok(buf.len())
        };
        let copied = memory(&file, &[0..=6 * page - 1], &mut |now| seen = now, read).unwrap();
        let extent = |at, offset, size| Extent { at, offset, size };
        assert_eq!(
            copied.extents,
            [
                extent(0, page, 2 * page),
                extent(3 * page, 3 * page, 3 * page)
            ]
        );
        assert_eq!((copied.unreadable, copied.end), (page, 6 * page));
        assert_eq!((seen.done, seen.total), (6 * page, 6 * page));
        let mut byte = [0];
        file.read_exact_at(&mut byte, 4 * page).unwrap();
        assert_eq!(byte, [7]);
        assert!(file.metadata().unwrap().blocks() <= 16, "it is sparse");
    }

    #[test]
    fn all_of_the_address_space_can_be_refused() {
        let file = tempfile::tempfile().unwrap();
        let mut reads = 0;
        let result = memory(&file, &[0..=u64::MAX], &mut |_| {}, |_, _| {
            reads += 1;
            match reads {
                100 => Err(TargetError::Disconnected {
                    peer: "a test".to_owned(),
                }),
                _ => Ok(0),
            }
        });
        assert!(matches!(result, Err(DumpError::Target(_))), "{result:?}");
    }
}
