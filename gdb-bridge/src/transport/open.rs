//! Connecting TCP and unix sockets within a given time.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::{Nature, Transport, wait};

/// Connects to a host and port, trying each of its addresses.
pub(crate) fn tcp(host: &str, port: u16, until: Instant) -> io::Result<Transport> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()? {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                // Packets are small and wait for one another.
                stream.set_nodelay(true)?;
                return Transport::new(stream.into(), Nature::Reliable);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects to a unix socket, as a reliable stream or as a serial line's end.
pub(crate) fn unix(path: &Path, nature: Nature, until: Instant) -> io::Result<Transport> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    loop {
        match connect(&socket, &address) {
            Ok(()) => return Transport::new(socket, nature),
            // The listener's queue is full: other clients wait before us.
            // There is nothing to poll for; ask again until the time is up.
            Err(Errno::AGAIN) if Instant::now() < until => {
                let pause = Instant::now() + std::time::Duration::from_millis(20);
                wait(&socket, PollFlags::empty(), pause.min(until))?;
            }
            Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
