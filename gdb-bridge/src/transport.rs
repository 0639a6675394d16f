//! A byte stream to a stub or a monitor: TCP, unix socket or serial line, all
//! one non-blocking descriptor. Every wait ends at an instant given by the
//! caller. What the bytes mean is for `rsp` and `qmp`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

mod open;
mod serial;

pub(crate) use open::{tcp, unix};
pub(crate) use serial::serial;

/// Whether bytes arrive as they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// A socket: none is lost or changed.
    Reliable,
    /// A serial line: without flow control, and possibly noisy.
    Lossy,
}

/// One open byte stream.
#[derive(Debug)]
pub(crate) struct Transport {
    descriptor: OwnedFd,
    nature: Nature,
}

impl Transport {
    /// Takes an open descriptor and makes it non-blocking.
    pub(crate) fn new(descriptor: OwnedFd, nature: Nature) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&descriptor, true)?;
        Ok(Self { descriptor, nature })
    }

    pub(crate) fn nature(&self) -> Nature {
        self.nature
    }

    /// The same stream once more, for another process.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.descriptor.try_clone()
    }

    /// Reads what is there, waiting for the first byte until `until`; `None`
    /// if nothing came, `Some(0)` at the end of the stream.
    pub(crate) fn read(&mut self, buffer: &mut [u8], until: Instant) -> io::Result<Option<usize>> {
        loop {
            match rustix::io::read(&self.descriptor, &mut *buffer) {
                Ok(count) => return Ok(Some(count)),
                Err(Errno::AGAIN) => {
                    if !wait(&self.descriptor, PollFlags::IN, until)? {
                        return Ok(None);
                    }
                }
                Err(Errno::INTR) => {}
                // A pty whose other end was closed reads as an I/O error.
                Err(Errno::IO | Errno::CONNRESET) => return Ok(Some(0)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes all bytes, or fails at `until` with [`io::ErrorKind::TimedOut`].
    pub(crate) fn write(&mut self, mut bytes: &[u8], until: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            // Never SIGPIPE: Rust programs ignore it from their start.
            match rustix::io::write(&self.descriptor, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::AGAIN) => {
                    if !wait(&self.descriptor, PollFlags::OUT, until)? {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Waits until one of two descriptors can be read and says which; `None` if
/// the time came first.
pub(crate) fn wait_two(
    first: impl AsFd,
    second: impl AsFd,
    until: Instant,
) -> io::Result<Option<usize>> {
    let mut waiting = [
        PollFd::new(&first, PollFlags::IN),
        PollFd::new(&second, PollFlags::IN),
    ];
    wait_all(&mut waiting, until)?;
    Ok(waiting.iter().position(|one| !one.revents().is_empty()))
}

/// Waits until a descriptor is ready; `false` if the time came first.
pub(crate) fn wait(descriptor: impl AsFd, flags: PollFlags, until: Instant) -> io::Result<bool> {
    wait_all(&mut [PollFd::new(&descriptor, flags)], until)
}

fn wait_all(waiting: &mut [PollFd<'_>], until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(waiting, Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
