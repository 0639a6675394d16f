//! The last bytes that came out of a pipe. A thread keeps the pipe empty, so
//! that the writer never waits; who asks gets all that was written before.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;

use crate::transport;

/// Bytes kept.
const LIMIT: usize = 0x4_0000;

/// The end of what a pipe carried.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pipe: OwnedFd,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: VecDeque<u8>,
    ended: bool,
}

impl Tail {
    /// Begins to empty a pipe; the thread ends with the pipe.
    pub(super) fn of(pipe: OwnedFd) -> std::io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        let shared = Arc::new(Shared {
            pipe,
            kept: Mutex::default(),
        });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                while !theirs.drain().ended {
                    // Woken by bytes or by the end; the time is only a bound.
                    let until = Instant::now() + Duration::from_secs(3600);
                    if transport::wait(&theirs.pipe, PollFlags::IN, until).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self { shared })
    }

    /// What was written up to now, as far as it is kept.
    pub(super) fn snapshot(&self) -> Vec<u8> {
        self.shared.drain().bytes.iter().copied().collect()
    }
}

impl Shared {
    fn drain(&self) -> MutexGuard<'_, Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = [0; 0x4000];
        // Bounded, so that a writer that never stops cannot hold the lock.
        for _ in 0..64 {
            match rustix::io::read(&self.pipe, &mut buffer) {
                Ok(0) => kept.ended = true,
                Ok(count) => {
                    kept.bytes.extend(&buffer[..count]);
                    let surplus = kept.bytes.len().saturating_sub(LIMIT);
                    kept.bytes.drain(..surplus);
                    continue;
                }
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {}
                Err(_) => kept.ended = true,
            }
            break;
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let tail = Tail::of(reader).unwrap();
        rustix::io::write(&writer, b"first").unwrap();
        assert_eq!(tail.snapshot(), b"first");
        let mut left = LIMIT;
        while left > 0 {
            left -= rustix::io::write(&writer, &vec![b'x'; left.min(4096)]).unwrap();
        }
        rustix::io::write(&writer, b"last").unwrap();
        drop(writer);
        let kept = tail.snapshot();
        assert_eq!(kept.len(), LIMIT);
        assert!(kept.ends_with(b"xlast"));
    }
}
